// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Of linux/netfilter/nfnetlink_log.h.
const (
	logPacket   = unix.NFNL_SUBSYS_ULOG << 8 // NFULNL_MSG_PACKET
	logConfig   = logPacket | 1              // NFULNL_MSG_CONFIG
	logPayload  = 9                          // NFULA_PAYLOAD
	logPrefix   = 10                         // NFULA_PREFIX
	logCommand  = 1                          // NFULA_CFG_CMD
	logBind     = 1                          // NFULNL_CFG_CMD_BIND
	logMode     = 2                          // NFULA_CFG_MODE
	logWhole    = 2                          // NFULNL_COPY_PACKET
	logBuffer   = 3                          // NFULA_CFG_NLBUFSIZ
	logTimeout  = 4                          // NFULA_CFG_TIMEOUT
	headerBytes = 4                          // of struct nfgenmsg
)

// Prefix is what the log rule of packets that are chosen calls them.
const Prefix = "chosen"

// collect is for how long the kernel collects packets at most before it tells of them, in
// hundredths of a second.
const collect = 20

// listen has the kernel copy packets of a group to a socket.
func listen(group uint16) (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open netfilter log: %w", err)
	}
	_ = conn.SetReadBuffer(8 << 20) // as much as is allowed
	err = configure(conn, group,
		netlink.Attribute{Type: logCommand, Data: []byte{logBind}},
		netlink.Attribute{Type: logMode, Data: []byte{0, 0, 0xff, 0xff, logWhole, 0}}, // how many bytes, how
		netlink.Attribute{Type: logBuffer, Data: []byte{0, 0, 0x80, 0}},               // bytes for packets told of at once
		netlink.Attribute{Type: logTimeout, Data: []byte{0, 0, 0, collect}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open group %d of netfilter log: %w", group, err), conn.Close())
	}
	return conn, nil
}

func configure(conn *netlink.Conn, group uint16, all ...netlink.Attribute) error {
	attributes, err := netlink.MarshalAttributes(all)
	if err != nil {
		return err
	}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: logConfig, Flags: netlink.Request | netlink.Acknowledge},
		Data:   append([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, byte(group >> 8), byte(group)}, attributes...),
	})
	return err
}

// logged returns the packet that a message tells of, or nil.
func logged(m netlink.Message) (packet []byte, chosen bool) {
	if m.Header.Type != logPacket || len(m.Data) < headerBytes {
		return nil, false
	}
	attributes, err := netlink.NewAttributeDecoder(m.Data[headerBytes:])
	if err != nil {
		return nil, false
	}
	for attributes.Next() {
		switch attributes.Type() {
		case logPayload:
			packet = attributes.Bytes()
		case logPrefix:
			chosen = attributes.String() == Prefix
		}
	}
	return packet, chosen
}
