// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"os"
	"strings"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/namespace"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestNothingIsLeftWithoutDescriptors looks for namespaces while none can be looked into:
// they are still there.
func TestNothingIsLeftWithoutDescriptors(t *testing.T) {
	c := newCluster(t, false, false)
	s := c.open(0)
	w := watch(t, Settings{})
	s.at = monotonic()
	before := w.Stats()
	require.NotZero(t, before.Namespaces)

	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}))
	err := w.Discover()
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	require.True(t, namespace.Exhausted(err), "%v", err)

	after := w.Stats()
	require.Equal(t, before.Namespaces, after.Namespaces)
	require.Equal(t, before.Denied, after.Denied)
	requireFollowed(t, w, s)
}

// TestBackendOfEachConnection has connections that are older than the watcher, and
// newer ones, and asks as soon as they are there.
func TestBackendOfEachConnection(t *testing.T) {
	for _, test := range []struct {
		name           string
		ipv6, atClient bool
	}{
		{"translated on the way", false, false},
		{"translated at the client", false, true},
		{"IPv6", true, false},
		{"IPv6 at the client", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t, test.ipv6, test.atClient)
			var older, newer []*session
			for range 6 {
				older = append(older, c.open(0))
			}
			w := watch(t, Settings{})
			adopted := monotonic()
			for _, s := range older {
				s.at = adopted
			}
			requireFollowed(t, w, older...)
			for range 6 {
				newer = append(newer, c.open(0))
				require.NoError(t, w.Sync())
				requireFollowed(t, w, newer...)
			}
			took := make(map[string]int)
			for _, s := range append(older, newer...) {
				took[s.backend.String()]++
			}
			require.Len(t, took, 3, "each backend takes part")
		})
	}
}

// TestPortThatIsUsedAgain connects from one port again and again, at once, and gets
// another backend each time.
func TestPortThatIsUsedAgain(t *testing.T) {
	c := newCluster(t, false, false)
	c.open(0) // so that the namespace is read from the start
	w := watch(t, Settings{})
	var sessions []*session
	for range 30 {
		s := c.open(40000)
		s.reset()
		sessions = append(sessions, s)
	}
	require.NoError(t, w.Sync())
	requireNeverWrong(t, w, sessions) // and nothing of any, if no event was read before the next connection

	// When news begins is known only as after those that were read before: with time to read
	// before and after a connection all is known.
	for range 30 {
		s := c.open(40001)
		require.NoError(t, w.Sync())
		s.at = monotonic()
		s.reset()
		require.NoError(t, w.Sync())
		sessions = append(sessions, s)
	}
	requireFollowed(t, w, sessions[30:]...)
}

// TestPortThatIsUsedAgainUnseen does the same before the namespace is known.
func TestPortThatIsUsedAgainUnseen(t *testing.T) {
	c := newCluster(t, false, false)
	w := watch(t, Settings{})
	var sessions []*session
	for range 5 {
		s := c.open(40000)
		s.reset()
		sessions = append(sessions, s)
	}
	last := c.open(40000)
	require.NoError(t, w.Discover())
	require.NoError(t, w.Sync())
	for i, s := range sessions {
		_, verdict := w.Follow(Question{Seen: s.seen, From: s.at, To: s.at})
		require.Equal(t, Unknown, verdict, "session %d", i)
	}
	last.at = monotonic()
	requireFollowed(t, w, last)
}

// requireNeverWrong asks about each session, of which the watcher may know nothing.
func requireNeverWrong(t *testing.T, w *Watcher, sessions []*session) {
	t.Helper()
	known := 0
	for i, s := range sessions {
		after, verdict := w.Follow(Question{Seen: s.seen, From: s.at, To: s.at})
		if verdict == Unknown {
			continue // two may have been there
		}
		known++
		require.Equal(t, Translated, verdict, "session %d", i)
		require.Equal(t, s.backend, after.Destination, "session %d: never a wrong one", i)
	}
	t.Logf("%d of %d known", known, len(sessions))
}

// TestLostEvents has more events than the kernel keeps while nobody reads.
func TestLostEvents(t *testing.T) {
	c := newCluster(t, false, false)
	c.open(0).close() // so that the namespace is read from the start
	w := watch(t, Settings{ReadBuffer: 4096})
	var held []*source
	for _, s := range w.all() {
		s.mu.Lock()
		held = append(held, s)
	}
	var sessions []*session
	for range 60 {
		sessions = append(sessions, c.open(0))
	}
	for _, s := range held {
		s.mu.Unlock()
	}
	require.NoError(t, w.Sync())
	require.NotZero(t, w.Stats().Overruns)
	direct := Tuple{sessions[0].seen.Source, sessions[0].backend}
	_, verdict := w.Follow(Question{Seen: direct, From: sessions[0].at, To: sessions[0].at})
	require.Equal(t, Unknown, verdict, "what is not there may have been lost")

	now := monotonic()
	for _, s := range sessions {
		s.at = now // they are still there
	}
	requireFollowed(t, w, sessions...)
	_, verdict = w.Follow(Question{Seen: direct, From: now, To: now})
	require.Equal(t, Untranslated, verdict)
}

// TestTableThatCannotBeReadIsReadAgain: until then, what was lost may still be told.
func TestTableThatCannotBeReadIsReadAgain(t *testing.T) {
	c := newCluster(t, false, false)
	c.open(0).close()
	w := watch(t, Settings{})
	all := w.all()
	require.NotEmpty(t, all)
	for _, s := range all {
		whole := s.dumps
		broken, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		require.NoError(t, err)
		require.NoError(t, broken.Close())
		s.lose()
		s.dumps = broken
		require.ErrorContains(t, w.Sync(), "dump connections: ")
		s.dumps = whole
		before := w.dumps
		require.NoError(t, w.Sync())
		require.Equal(t, before+1, w.dumps)
		require.NoError(t, w.Sync())
		require.Equal(t, before+1, w.dumps, "nothing was lost since")
	}
}

// TestWatchingTracksNothing connects in a namespace without rules.
func TestWatchingTracksNothing(t *testing.T) {
	ns := netns.New(t)
	traffic.Start(t, ns, "resident")
	w := watch(t, Settings{})
	before := w.Stats().Namespaces
	listener := ns.Listen("127.0.0.1:0")
	conn, err := ns.Dial(listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, w.Discover())
	require.Equal(t, before, w.Stats().Namespaces)
	ns.Do(func() {
		count, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		require.NoError(t, err)
		require.Equal(t, "0", strings.TrimSpace(string(count)))
	})
}

// TestNamespaceIsLeft lets a namespace go whose connections were tracked.
func TestNamespaceIsLeft(t *testing.T) {
	root.Require(t)
	w := watch(t, Settings{})
	before := w.Stats().Namespaces
	t.Run("it", func(t *testing.T) {
		c := newCluster(t, false, false)
		s := c.open(0)
		require.NoError(t, w.Discover())
		require.Equal(t, before+1, w.Stats().Namespaces)
		s.at = monotonic()
		requireFollowed(t, w, s)
	})
	w.isClosed = func(string) bool { return true }
	require.NoError(t, w.Discover())
	require.Equal(t, before+1, w.Stats().Namespaces, "it has connections, and its process is closed to us")
	w.isClosed = namespace.Closed
	require.NoError(t, w.Discover())
	require.Equal(t, before, w.Stats().Namespaces)
	require.NotZero(t, w.Stats().Entries)
	w.Forget(monotonic())
	require.Zero(t, w.Stats().Entries)
}
