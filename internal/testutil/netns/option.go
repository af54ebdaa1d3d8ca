// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// An Option sets up a new namespace.
type Option interface{ apply(*NS) }

type optionFunc func(*NS)

func (f optionFunc) apply(n *NS) { f(n) }

// CongestionControl chooses the algorithm of the namespace's connections, such
// as "cubic" or "bbr". A new namespace takes over the host's.
//
// Which algorithms a namespace may have as its default is for the host to say
// (tcp_allowed_congestion_control). Sockets of root may have any, so Listen and
// Dial choose it for each of theirs; other sockets have it only where allowed.
func CongestionControl(name string) Option {
	return optionFunc(func(n *NS) {
		n.congestion = name
		n.Do(func() {
			err := os.WriteFile(sysctlPath("net.ipv4.tcp_congestion_control"), []byte(name), 0)
			if !errors.Is(err, unix.EPERM) {
				require.NoError(n.t, err, "choose congestion control %q", name)
			}
		})
	})
}

// Sysctl sets a kernel parameter, such as "net.ipv4.tcp_syncookies".
func Sysctl(key, value string) Option {
	return optionFunc(func(n *NS) { n.SetSysctl(key, value) })
}

// SetSysctl sets a kernel parameter in the namespace and fails the test unless
// the kernel took exactly this value over.
func (n *NS) SetSysctl(key, value string) {
	n.t.Helper()
	n.Do(func() {
		path := sysctlPath(key)
		require.NoError(n.t, os.WriteFile(path, []byte(value), 0))
		require.Equal(n.t, strings.Fields(value), strings.Fields(read(n, path)), "value of %s", key)
	})
}

// Sysctl returns a kernel parameter of the namespace.
func (n *NS) Sysctl(key string) (value string) {
	n.t.Helper()
	n.Do(func() { value = read(n, sysctlPath(key)) })
	return value
}

func read(n *NS, path string) string {
	raw, err := os.ReadFile(path)
	require.NoError(n.t, err)
	return strings.TrimSpace(string(raw))
}

func sysctlPath(key string) string {
	return filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
}

// Inhabited keeps a thread in the namespace, by which others find it.
func Inhabited() Option { return optionFunc((*NS).inhabit) }

func (n *NS) inhabit() {
	n.t.Helper()
	there, leave, left := make(chan error, 2), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		there <- n.Try(func() error {
			there <- nil
			<-leave
			return nil
		})
	}()
	n.t.Cleanup(func() {
		close(leave)
		<-left
	})
	require.NoError(n.t, <-there)
}
