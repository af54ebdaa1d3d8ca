// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestRecordOutlivesProcess lets a process connect and exit while a collection
// hands out flows: its own flow comes only with the next collection, and must
// still have a name then.
func TestRecordOutlivesProcess(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	blink, address := executable(t, "blink"), serveNothing(t, p)
	for range expireEvery + 1 { // one of them looks for unused records
		connectOnce(t, p, blink, address) // so that there is a flow to hand out
		var pid uint32
		_, err := k.Collect(context.Background(), func(*flow.Delta) {
			if pid == 0 {
				pid = connectOnce(t, p, blink, address)
			}
		})
		require.NoError(t, err)

		var owners []flow.Owner
		_, err = k.Collect(context.Background(), func(d *flow.Delta) {
			if d.Key.Owner.PID() == pid && d.Key.Role == flow.RoleClient {
				owners = append(owners, k.Owner(d.Key.Owner))
			}
		})
		require.NoError(t, err)
		require.Len(t, owners, 1)
		require.Equal(t, "blink", owners[0].Executable)
	}
}

// TestRecordIsNamedAgain deletes the record of a process that connects at the
// same moment.
func TestRecordIsNamedAgain(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	connectOnce(t, p, executable(t, "blink"), serveNothing(t, p))
	k.untilClosed(2, p.here())
	id := k.keys(role(flow.RoleClient, p.here()))[0].Owner
	key := recordKey(t, k, id)

	require.NoError(t, k.owners.delete(key, k.epoch.now.Sweep), "seen in this sweep")
	require.Equal(t, "blink", k.Owner(id).Executable)
	require.NoError(t, k.owners.delete(key, k.epoch.now.Sweep+expireEvery))
	require.Empty(t, k.Owner(id).Executable)
	require.NoError(t, k.owners.delete(key, k.epoch.now.Sweep), "it may be gone")
}

func recordKey(t testing.TB, k *collector, id flow.OwnerID) tcpwhyOwnerKey {
	t.Helper()
	var key tcpwhyOwnerKey
	var record tcpwhyOwner
	for entries := k.owners.records.Iterate(); entries.Next(&key, &record); {
		if decodeOwner(key) == id {
			return key
		}
	}
	require.FailNow(t, "no record", "of %+v", id)
	return key
}

// TestRecordsThatStay ends processes of which one has left a listener, one has
// left a connection, and one has left nothing; another one lives on.
func TestRecordsThatStay(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	path, scenario := traffic.Loopback(p.NS, p.IPv4.String()), traffic.Exchange(1, 1, 1)
	shop, inn := traffic.Start(t, p.NS, "shop"), traffic.Start(t, p.NS, "inn")
	idler, guest, gone := traffic.Start(t, p.NS, "idler"), traffic.Start(t, p.NS, "guest"), traffic.Start(t, p.NS, "gone")
	for _, client := range []*traffic.Process{idler, gone, guest} {
		path.RunBetween(t, client, shop, 1, 1, scenario)
	}
	shop.Listen(path.Socket, netip.AddrPortFrom(p.IPv4, 0)) // to which nobody connects
	take(t, shop, isListening)                              // by the test's process, which is its heir
	connection := connectAndTake(t, path, guest, inn.Listen(path.Socket, netip.AddrPortFrom(p.IPv4, 0)))
	require.NoError(t, unix.Kill(guest.PID, unix.SIGKILL)) // it waits for its connection
	for _, process := range []*traffic.Process{shop, guest, gone} {
		process.Stop()
	}

	owners := make(map[string]flow.OwnerID)
	for range 3 { // looks
		k.collect()
		for range expireEvery {
			require.NoError(t, k.Sweep(t.Context()))
		}
		for _, key := range k.keys(p.here()) {
			if name := k.Owner(key.Owner).Executable; name != "" {
				owners[name] = key.Owner
			}
		}
	}
	require.Contains(t, owners, "gone")
	require.Contains(t, owners, filepath.Base(os.Args[0]), "holds the shop's listener now")
	named := func(name string) bool { return k.Owner(owners[name]).Executable == name }
	require.True(t, named("idler"), "is alive")
	require.True(t, named("guest"), "has a connection")
	require.False(t, named("gone"))

	require.NoError(t, connection.Close())
	k.until(func() bool {
		for range expireEvery {
			require.NoError(t, k.Sweep(t.Context()))
		}
		return !named("guest")
	})
	require.True(t, named("idler"), "is alive")
}

// connectAndTake lets a process connect and takes the open connection.
func connectAndTake(t *testing.T, path traffic.Path, client *traffic.Process, to netip.AddrPort) *os.File {
	t.Helper()
	// The script never ends by itself: nobody accepts.
	client.Connect(path, to, 1, 1, traffic.Script{Ending: []traffic.Step{{Verb: traffic.Drain}}})
	var file *os.File
	require.Eventually(t, func() bool {
		file = find(t, client, isConnectedTo(to))
		return file != nil
	}, patience, time.Millisecond)
	return file
}

// take takes a descriptor of a process: what it refers to outlives the process.
func take(t *testing.T, from *traffic.Process, wanted func(fd int) bool) *os.File {
	t.Helper()
	file := find(t, from, wanted)
	require.NotNil(t, file, "%s has no such descriptor", from.Name)
	return file
}

func find(t *testing.T, from *traffic.Process, wanted func(fd int) bool) *os.File {
	t.Helper()
	pidfd, err := unix.PidfdOpen(from.PID, 0)
	require.NoError(t, err)
	defer func() { _ = unix.Close(pidfd) }()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", from.PID))
	require.NoError(t, err)
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		require.NoError(t, err)
		fd, err := unix.PidfdGetfd(pidfd, number, 0)
		if errors.Is(err, unix.EBADF) {
			continue // closed meanwhile
		}
		require.NoError(t, err)
		if wanted(fd) {
			file := os.NewFile(uintptr(fd), from.Name)
			t.Cleanup(func() { _ = file.Close() })
			return file
		}
		_ = unix.Close(fd)
	}
	return nil
}

func isListening(fd int) bool {
	yes, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && yes == 1
}

func isConnectedTo(to netip.AddrPort) func(fd int) bool {
	return func(fd int) bool {
		peer, err := unix.Getpeername(fd)
		in4, ok := peer.(*unix.SockaddrInet4)
		return err == nil && ok && in4.Port == int(to.Port())
	}
}
