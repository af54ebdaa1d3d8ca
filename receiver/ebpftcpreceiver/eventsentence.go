// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// failureWords end the sentence of a connection that was not established.
var failureWords = [...]string{
	flow.FailureOther:              "the kernel gave up",
	flow.FailureRefused:            "connection refused",
	flow.FailureTimedOut:           "no answer",
	flow.FailureHostUnreachable:    "host unreachable",
	flow.FailureNetworkUnreachable: "network unreachable",
	flow.FailureReset:              "connection reset",
	flow.FailureNoAddress:          "no local port left",
	flow.FailureAborted:            "the process gave up",
}

// sentence is what a person reads of an event.
func sentence(e *flow.Event) string {
	who := who(e.Owner)
	far := address(e.Key.Remote, e.Key.RemotePort)
	if e.Kind == flow.EventFailed {
		return fmt.Sprintf("%s did not connect to %s: %s%s%s.", who, far, failureWords[e.Failure], after(e.Age), times(", SYN sent again", e.Retransmits))
	}
	what := fmt.Sprintf("the connection of %s at %s with %s", who, address(e.Key.Local, e.Key.LocalPort), far)
	end := "The peer"
	if e.Close == flow.CloseResetSent {
		end = "This end"
	}
	return fmt.Sprintf("%s reset %s%s: %d bytes sent, %d received%s.", end, what, after(e.Age),
		e.Bytes[flow.Transmit], e.Bytes[flow.Receive], times(", segments sent again", e.Retransmits))
}

func who(owner flow.Owner) string {
	name := cmp.Or(owner.Executable, "a process")
	switch {
	case owner.ID.PID() != 0:
		return fmt.Sprintf("%s (%d)", name, owner.ID.PID())
	case owner.Executable == "" && owner.ContainerID != "":
		return "container " + owner.ContainerID[:min(12, len(owner.ContainerID))]
	}
	return name
}

func address(a netip.Addr, port uint16) string {
	if port == 0 {
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}

func after(age time.Duration) string {
	switch {
	case age == 0:
		return ""
	case age > time.Second:
		age = age.Round(10 * time.Millisecond)
	}
	return " after " + age.String()
}

// times says how often something was done, if it was.
func times(what string, n uint32) string {
	switch n {
	case 0:
		return ""
	case 1:
		return what + " once"
	}
	return fmt.Sprintf("%s %d times", what, n)
}
