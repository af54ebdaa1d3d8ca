// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// How a search goes on, FOUND_ of the kernel side.
const (
	findConnections = 1
	findLast        = 2
)

// findRounds bounds the search for connections that somebody works on all the time.
const findRounds = 10

// adopt takes in the sockets that are older than the attached programs: listeners, which
// tell which end a connection is, then connections that processes hold, then those
// that none holds. The latter are found by network namespace, and all their callbacks
// are switched on there.
func adopt(o *tcpwhyObjects) error {
	if err := findHeld(o); err != nil {
		return fmt.Errorf("find old sockets: %w", err)
	}
	namespaces, err := foundNamespaces(o.Listening)
	if err != nil {
		return fmt.Errorf("find old sockets: %w", err)
	}
	if err := findByNamespace(o, namespaces); err != nil {
		return fmt.Errorf("find old sockets by namespace: %w", err)
	}
	return nil
}

func findHeld(o *tcpwhyObjects) error {
	it, err := link.AttachIter(link.IterOptions{Program: o.TcpwhyFind})
	if err != nil {
		return err
	}
	defer it.Close()
	how := uint32(0)
	for round := range findRounds {
		if round == findRounds-1 {
			how |= findLast
		}
		search := tcpwhySearch{How: how}
		if err := o.Search.Put(uint32(0), &search); err != nil {
			return err
		}
		if _, err := iterate(it); err != nil {
			return err
		}
		if err := o.Search.Lookup(uint32(0), &search); err != nil {
			return err
		}
		if how != 0 && search.Busy == 0 {
			return nil
		}
		how = findConnections
	}
	return nil
}

// foundNamespaces returns the inodes of the namespaces of old sockets.
func foundNamespaces(listening *ebpf.Map) (map[uint64]bool, error) {
	namespaces := make(map[uint64]bool)
	var port tcpwhyPort
	var owner tcpwhyOwnerKey
	entries := listening.Iterate()
	for entries.Next(&port, &owner) {
		if port.Number == 0 {
			namespaces[uint64(port.Netns)] = true
		}
	}
	return namespaces, entries.Err()
}

func findByNamespace(o *tcpwhyObjects, namespaces map[uint64]bool) error {
	it, err := link.AttachIter(link.IterOptions{Program: o.TcpwhyCallbacks})
	if err != nil {
		return err
	}
	defer it.Close()
	err = enterEach(namespaces, func() error {
		_, err := iterate(it)
		return err
	})
	return errors.Join(err, empty(o.Listening))
}

func empty(m *ebpf.Map) error {
	var keys []tcpwhyPort
	var port tcpwhyPort
	var owner tcpwhyOwnerKey
	entries := m.Iterate()
	for entries.Next(&port, &owner) {
		keys = append(keys, port)
	}
	for _, key := range keys {
		if err := m.Delete(&key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("delete port %d: %w", key.Number, err)
		}
	}
	return entries.Err()
}
