// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"os"
)

// A placement says where the two ends of a conversation run.
type placement struct {
	server, client int // CPUs
	realtime       bool
}

// A conversation is both ends of a workload, in a namespace of their own.
type conversation struct {
	namespace      *os.File
	server, client *peer
}

// newConversation starts both ends. The client takes turns on so many addresses.
func newConversation(w *workload, at placement, addresses int) (_ *conversation, err error) {
	c := &conversation{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("begin %s: %w", w.name, err), c.end())
		}
	}()
	if c.namespace, err = newNamespace(); err != nil {
		return nil, err
	}
	c.server, err = newPeer(c.namespace, order{Do: doServe, Workload: w.name, CPU: at.server, Realtime: at.realtime})
	if err != nil {
		return nil, err
	}
	c.client, err = newPeer(c.namespace, order{Do: doCall, Workload: w.name, CPU: at.client, Realtime: at.realtime,
		Port: c.server.Port, Addresses: addresses})
	return c, err
}

// end ends both, the client first.
func (c *conversation) end() error {
	for _, p := range []*peer{c.client, c.server} {
		if p != nil {
			p.stop()
		}
	}
	if c.namespace == nil {
		return nil
	}
	return c.namespace.Close()
}
