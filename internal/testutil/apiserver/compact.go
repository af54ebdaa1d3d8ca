// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Compact has etcd forget all versions but the present ones.
func (s *Server) Compact(ctx context.Context) error {
	var now struct {
		Header struct{ Revision string }
	}
	if err := s.ask(ctx, "range", map[string]string{"key": "AA==", "limit": "1"}, &now); err != nil {
		return err
	}
	return s.ask(ctx, "compaction", map[string]any{"revision": now.Header.Revision, "physical": true}, nil)
}

// ask posts to etcd's gateway.
func (s *Server) ask(ctx context.Context, what string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.etcdURL+"/v3/kv/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask etcd for %s: %s: %s", what, response.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}
