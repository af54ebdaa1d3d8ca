// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A torrent carries what it can from one end to the other, until it is stopped.
type torrent struct {
	from, to *traffic.Conn
	ends     [2]traffic.End // as they were before
}

func (s torrent) run(t *testing.T, readers, writers *errgroup.Group, stop chan struct{}) {
	readers.Go(func() error {
		stepBack(t)
		s.to.Act(t, hear)
		return nil
	})
	writers.Go(func() error {
		stepBack(t)
		for {
			select {
			case <-stop:
				s.from.Act(t, flush)
				return nil
			default:
				s.from.Act(t, write(20_000))
			}
		}
	})
}

// stepBack lets the calling goroutine's thread, which ends with it, run behind all others:
// ten that do what they can leave the test nothing where CPUs are slow.
func stepBack(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	require.NoError(t, unix.Setpriority(unix.PRIO_PROCESS, 0, 19))
}

// read returns what both ends say now.
func (s torrent) read(t *testing.T) [2]tcpinfo.Info {
	t.Helper()
	return [2]tcpinfo.Info{s.from.Info(t), s.to.Info(t)}
}

// An adoption is a collector that came in the midst of it, and what the ends of each
// torrent said before and after that.
type adoption struct {
	k             *collector
	before, after [][2]tcpinfo.Info
}

// TestOlderAndBusy adopts five connections ten times while they carry what they can,
// with loss. When they have come to rest each collector has counted what the sockets did
// since some moment of its adoption: no less than since after it, no more than since
// before.
func TestOlderAndBusy(t *testing.T) {
	client, server := newHiddenPair(t)
	newPuppet(t, place{NS: client.NS}, "inhabitant") // leads to the namespace; to the server's nothing does
	nft.New(t, server.NS).Drop(nft.Input, 5)
	var streams []torrent
	stop, read := make(chan struct{}), func() (infos [][2]tcpinfo.Info) {
		for _, s := range streams {
			infos = append(infos, s.read(t))
		}
		return infos
	}
	var readers, writers errgroup.Group
	for range 5 {
		from, to := traffic.Between(client.NS, server.NS, server.IPv4).Open(t)
		streams = append(streams, torrent{from, to, [2]traffic.End{from.End(), to.End()}})
		streams[len(streams)-1].run(t, &readers, &writers, stop)
	}
	var all []adoption
	for range 10 {
		a := adoption{before: read()}
		a.k = observe(t, Config{Granularity: GranularityConnection, Include: []Rule{{CIDRs: []netip.Prefix{netip.PrefixFrom(client.IPv4, 24)}}}})
		a.after = read()
		all = append(all, a)
	}
	close(stop)
	require.NoError(t, writers.Wait())
	for _, s := range streams {
		require.Eventually(t, func() bool {
			info := s.from.Info(t)
			return info.Unacked+info.Notsent_bytes == 0
		}, patience, 1e7)
	}
	last := read()
	for _, a := range all {
		a.k.collect()
		for i, s := range streams {
			require.Less(t, a.before[i][0].Bytes_sent, a.after[i][0].Bytes_sent, "it is not busy")
			for j, end := range s.ends {
				requireBetween(t, a.k.sum(ofEnd(end)), totalsSince(a.after[i][j], last[i][j]), totalsSince(a.before[i][j], last[i][j]))
			}
		}
	}
	requireNoByteOfFins(t, all[0], streams, last)
	require.NoError(t, readers.Wait())
}

// requireNoByteOfFins closes all streams.
func requireNoByteOfFins(t *testing.T, a adoption, streams []torrent, last [][2]tcpinfo.Info) {
	t.Helper()
	for i, s := range streams {
		before := a.k.sum(ofEnd(s.ends[1]))
		s.from.Act(t, shut)
		a.k.until(func() bool {
			return a.k.sumOf(ofEnd(s.ends[1])).Segments[flow.Receive] > before.Segments[flow.Receive]
		})
		require.Equal(t, before.Bytes, a.k.sumOf(ofEnd(s.ends[1])).Bytes, "of %d", last[i][1].Bytes_received)
	}
}

func requireBetween(t *testing.T, s sum, least, most [7]uint64) {
	t.Helper()
	have := [7]uint64{s.Bytes[0], s.Bytes[1], s.Segments[0], s.Segments[1], s.DataSegments[0], s.DataSegments[1], s.Retransmits}
	for i := range have {
		require.GreaterOrEqual(t, have[i], least[i], "counter %d", i)
		require.LessOrEqual(t, have[i], most[i], "counter %d", i)
	}
	require.Zero(t, s.Opened)
}

// totalsSince is what a socket did between two readings.
func totalsSince(a, b tcpinfo.Info) [7]uint64 {
	return [7]uint64{
		b.Bytes_sent - b.Bytes_retrans - a.Bytes_sent + a.Bytes_retrans, b.Bytes_received - a.Bytes_received,
		uint64(b.Segs_out - a.Segs_out), uint64(b.Segs_in - a.Segs_in),
		uint64(b.Data_segs_out - a.Data_segs_out), uint64(b.Data_segs_in - a.Data_segs_in),
		uint64(b.Total_retrans - a.Total_retrans),
	}
}

// ofEnd matches the flow of an end.
func ofEnd(e traffic.End) func(flow.Key) bool {
	return puppetEnd{Local: e.Local, Remote: e.Remote}.of
}
