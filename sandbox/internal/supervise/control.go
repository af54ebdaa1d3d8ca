// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
)

// Control serves a shop's console until ctx ends, or a console asks it to go down.
func (s *Supervisor) Control(ctx context.Context) error {
	ctx, down := context.WithCancel(ctx)
	defer down()
	// The folder is this shop's, so a socket in it is of one that was killed.
	if err := remove(s.folder.file(socketFile)); err != nil {
		return fmt.Errorf("serve console: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.folder.file(socketFile), Net: "unix"})
	if err != nil {
		return fmt.Errorf("serve console: %w", err)
	}
	listener.SetUnlinkOnClose(false) // Down removes it; afterwards it is another shop's
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", handle(func(*http.Request) (any, error) { return s.Status() }))
	mux.HandleFunc("GET /faults", handle(func(*http.Request) (any, error) { return s.History() }))
	mux.HandleFunc("POST /faults", handle(func(r *http.Request) (any, error) {
		var spec fault.Spec
		if err := json.NewDecoder(r.Body).Decode(&spec); err != nil {
			return nil, fmt.Errorf("read fault: %w", err)
		}
		return s.Inject(spec)
	}))
	mux.HandleFunc("DELETE /faults/{id}", handle(func(r *http.Request) (any, error) {
		id, err := strconv.ParseUint(r.PathValue("id"), 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read number of fault: %w", err)
		}
		return s.Lift(uint16(id))
	}))
	mux.HandleFunc("POST /down", handle(func(*http.Request) (any, error) {
		err := s.Down()
		time.AfterFunc(50*time.Millisecond, down)
		return struct{}{}, err
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handle(fn func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := fn(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// A Console speaks to a shop that runs.
type Console struct{ client http.Client }

// NewConsole speaks to the shop whose run folder it is.
func NewConsole(folder string) *Console {
	return &Console{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folder, socketFile))
		},
	}}}
}

func (c *Console) do(method, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, "http://shop"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	response, err := c.client.Do(r)
	if err != nil {
		return fmt.Errorf("ask shop: no shop is up here: sandbox up: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(response.Body)
		return errors.New(string(bytes.TrimSpace(message)))
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// Status tells what the shop is doing.
func (c *Console) Status() (s Status, err error) { return s, c.do(http.MethodGet, "/status", nil, &s) }

// History tells of all faults that there were.
func (c *Console) History() (all []Injection, err error) {
	return all, c.do(http.MethodGet, "/faults", nil, &all)
}

// Inject begins a fault.
func (c *Console) Inject(spec fault.Spec) (one Injection, err error) {
	return one, c.do(http.MethodPost, "/faults", spec, &one)
}

// Lift ends a fault.
func (c *Console) Lift(id uint16) (one Injection, err error) {
	return one, c.do(http.MethodDelete, fmt.Sprintf("/faults/%d", id), nil, &one)
}

// Down takes the shop down, and returns when nothing of it is left.
func (c *Console) Down() error { return c.do(http.MethodPost, "/down", nil, &struct{}{}) }
