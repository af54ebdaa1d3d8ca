// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
)

// bulk is from which size on a request is one that stores documents.
const bulk = 64 << 10

// serveElastic answers /_search and /_bulk as Elasticsearch does, in form.
func serveElastic(listener net.Listener, handler Handler) error {
	return serveHTTP1(listener, func(ctx context.Context, request []byte) ([]byte, error) {
		_, document, _ := bytes.Cut(request, []byte{'\n'})
		response, err := handler(ctx, document)
		if err != nil {
			return nil, err
		}
		return json.Marshal(map[string]any{"took": 1, "timed_out": false, "hits": string(response)})
	})
}

type callerElastic struct {
	transport *elastictransport.Client
	inner     *http.Transport
}

func openElastic(dial Dialer, address string) (Caller, error) {
	inner := openHTTP(dial, address, false).client.Transport.(*http.Transport)
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(&url.URL{Scheme: "http", Host: address}),
		elastictransport.WithTransport(inner),
		elastictransport.WithDisableRetry(),
	)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return &callerElastic{transport, inner}, nil
}

func (c *callerElastic) Call(ctx context.Context, request []byte) ([]byte, error) {
	path, action := "/items/_search", "{\"query\":{\"match_all\":{}}}\n"
	if len(request) >= bulk {
		path, action = "/items/_bulk", "{\"index\":{}}\n"
	}
	body := strings.NewReader(action + string(request))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := c.transport.Perform(r)
	if err != nil {
		return nil, err
	}
	raw, err := readAnswer(answer)
	if err != nil {
		return nil, err
	}
	var found struct{ Hits string }
	if err := json.Unmarshal(raw, &found); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return []byte(found.Hits), nil
}

func (c *callerElastic) Close() error {
	c.inner.CloseIdleConnections()
	return nil
}
