// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Values of [ConnectionState].
const (
	Established = "established"
	SynSent     = "syn_sent"
	SynReceived = "syn_received"
	FinWait1    = "fin_wait_1"
	FinWait2    = "fin_wait_2"
	TimeWait    = "time_wait"
	Closed      = "closed"
	CloseWait   = "close_wait"
	LastAck     = "last_ack"
	Listen      = "listen"
	Closing     = "closing"
)

// ConnectionStates names the states of a full socket by the kernel's numbers;
// index 0 is unused.
//
// https://github.com/torvalds/linux/blob/v6.8/include/net/tcp_states.h
var ConnectionStates = [...]string{
	1:  Established,
	2:  SynSent,
	3:  SynReceived,
	4:  FinWait1,
	5:  FinWait2,
	6:  TimeWait,
	7:  Closed,
	8:  CloseWait,
	9:  LastAck,
	10: Listen,
	11: Closing,
}
