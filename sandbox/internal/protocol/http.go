// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

func serveHTTP1(listener net.Listener, handler Handler) error {
	return serveHTTP(listener, handler, false)
}
func serveHTTP2(listener net.Listener, handler Handler) error {
	return serveHTTP(listener, handler, true)
}

func serveHTTP(listener net.Listener, handler Handler, two bool) error {
	server := &http.Server{Handler: answerHTTP(handler), Protocols: protocols(two)}
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// protocols is one only: over HTTP/2 without TLS, clients must know it beforehand.
func protocols(two bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!two)
	p.SetUnencryptedHTTP2(two)
	return p
}

func answerHTTP(handler Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		response, err := handler(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = w.Write(response)
	})
}

// A callerHTTP asks by POST.
type callerHTTP struct {
	client http.Client
	url    string
}

func openHTTP1(dial Dialer, address string) (Caller, error) {
	return openHTTP(dial, address, false), nil
}
func openHTTP2(dial Dialer, address string) (Caller, error) {
	return openHTTP(dial, address, true), nil
}

func openHTTP(dial Dialer, address string, two bool) *callerHTTP {
	return &callerHTTP{
		url: "http://" + address + "/",
		client: http.Client{Transport: &http.Transport{
			DialContext: dial, Protocols: protocols(two), MaxIdleConnsPerHost: 2, DisableCompression: true,
		}},
	}
}

func (c *callerHTTP) Call(ctx context.Context, request []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	return readAnswer(answer)
}

func readAnswer(answer *http.Response) ([]byte, error) {
	defer func() { _ = answer.Body.Close() }()
	response, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read answer: status %s", answer.Status)
	}
	return response, nil
}

func (c *callerHTTP) Close() error {
	c.client.CloseIdleConnections()
	return nil
}
