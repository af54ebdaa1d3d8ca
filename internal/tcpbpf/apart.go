// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// maxEnds is how many ends are known to stand for others, or not to.
const maxEnds = 16384

// maxSerials is how many serials there are, with 0.
const maxSerials = 65536

// apartShare is the part of the flows that connections which are told apart may take.
const apartShare = 4

// An EndKind says whether an address stands for somebody else. Values are those of the
// kernel side.
type EndKind uint32

// Kinds of ends.
const (
	EndItself EndKind = iota + 1
	EndVirtual
)

// Keys of the map serials, enum serial: each is written by one side only.
const (
	nextSerial uint32 = iota
	lastSerial
)

// apart bounds the connections that have a flow of their own in the kernel because
// their peer may stand for somebody else.
type apart struct {
	serials *ebpf.Map
	homes   *ebpf.Memory
	limit   uint32
	live    uint32 // in the epoch that is drained
}

// see notes a flow that is drained, and says where its connection is.
func (a *apart) see(d *flow.Delta) {
	if d.Serial == 0 {
		return
	}
	var home [8]byte
	if _, err := a.homes.ReadAt(home[:], int64(d.Serial)*int64(len(home))); err == nil {
		d.Namespace = uint32(binary.NativeEndian.Uint64(home[:]))
	}
	for _, n := range d.Live {
		a.live += n
	}
}

// allow lets as many more be told apart as the ones that stay leave.
func (a *apart) allow() error {
	var next uint32
	if err := a.serials.Lookup(nextSerial, &next); err != nil {
		return fmt.Errorf("read serials: %w", err)
	}
	until := next + a.limit - min(a.live, a.limit)
	a.live = 0
	if err := a.serials.Put(lastSerial, &until); err != nil {
		return fmt.Errorf("write serials: %w", err)
	}
	return nil
}

// SetApart says whether addresses are translated anywhere, so that connections whose
// peer may stand for somebody else are told apart: their deltas have a serial.
func (k *Kernel) SetApart(on bool) error {
	if on == (k.epoch.now.Apart != 0) {
		return nil
	}
	k.epoch.now.Apart = flag(on)
	return k.epoch.publish()
}

// SetEnd says whether what clients connect to, or what they come from if its port is 0,
// stands for somebody else. It may be called at any time.
func (k *Kernel) SetEnd(end netip.AddrPort, kind EndKind) error {
	key := tcpwhyEnd{Address: words(end.Addr()), Port: uint32(end.Port())}
	if err := k.objects.Ends.Put(&key, &tcpwhyEndState{Kind: uint32(kind)}); err != nil {
		return fmt.Errorf("note end %s: %w", end, err)
	}
	return nil
}

// setEnds notes what is virtual before the first connection is looked at.
func (k *Kernel) setEnds(virtual []netip.AddrPort) error {
	for _, end := range virtual {
		if err := k.SetEnd(end, EndVirtual); err != nil {
			return err
		}
	}
	return nil
}
