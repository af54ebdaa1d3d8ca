// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"strings"

	"github.com/cilium/ebpf"
)

// programs are all of them, in the order in which they are attached: who sees a
// socket's end comes first, and who notes what comes before its beginning last.
// Iterators are attached where they run.
var programs = []struct {
	name   string
	attach ebpf.AttachType
	over   string // the map whose elements are gone through
	spares string // the program that it stands in for, where the kernel refuses that
	late   bool   // it is attached when there is something for it to do
}{
	{name: ProgramDestroy, attach: ebpf.AttachTraceRawTp},
	{name: ProgramReset, attach: ebpf.AttachTraceRawTp},
	{name: ProgramSynAck, attach: ebpf.AttachTraceRawTp},
	{name: ProgramDrop, attach: ebpf.AttachTraceRawTp, late: true},
	{name: ProgramSockOps, attach: ebpf.AttachCGroupSockOps},
	{name: ProgramConnect4, attach: ebpf.AttachCGroupInet4Connect},
	{name: ProgramConnect6, attach: ebpf.AttachCGroupInet6Connect},
	{name: ProgramSweep, attach: ebpf.AttachTraceIter, over: mapConns},
	{name: ProgramSweepFiles, attach: ebpf.AttachTraceIter, spares: ProgramSweep},
	{name: ProgramSweepHashed, attach: ebpf.AttachTraceIter, spares: ProgramSweep},
	{name: ProgramFind, attach: ebpf.AttachTraceIter},
	{name: ProgramCallbacks, attach: ebpf.AttachTraceIter},
}

// What a way may need beside programs.
const (
	needNamespaces = "entering other network namespaces"
	needFlags      = "TCP_BPF_SOCK_OPS_CB_FLAGS"
	needBuffer     = "a buffer for the events of two seconds"
	needReasons    = "reasons of resets"
)

// A job is done by the first of its ways that the kernel allows.
type job struct {
	name string
	main bool   // without it there is nothing to tell
	ways []way  // the best one first
	lost string // without any
	// never is what no hook shows on any kernel.
	never string
}

// A way is a hook at which a job can be done.
type way struct {
	hook  string
	needs []string // programs and others, all of them
	lost  string   // compared with the best one
}

// onSockOps is a job that a callback does, and nothing else can.
func onSockOps(name, callback string) job {
	return job{name: name, main: true, ways: []way{{hook: "sock_ops/" + callback, needs: []string{ProgramSockOps}}}}
}

const (
	withoutWay = "why a connect fails before its SYN: no route, one that forbids it, and a program's refusal count as network_unreachable"
	errorTaken = "why a connect failed whose owner asks for the error (SO_ERROR) and closes before the kernel acts on an ICMP message: " +
		"it counts as aborted"
)

const olderUnsampled = "connections older than the collector have one round-trip sample an interval at most, " +
	"retransmissions of unknown kind, and lower tcp.flow.coverage"

const sweptByFiles = "each interval looks at all open files of the host and, for sockets that none of them leads to, at those " +
	"of one network namespace after the other, which takes longer"

// jobs is the whole plan. To do a job at another hook, add a way to it; for a new
// program, add it to programs too. It is loaded by itself, and if the kernel refuses it
// the next way is taken.
var jobs = []job{
	{
		name: "client_owner_ipv4",
		ways: []way{{"cgroup/connect4", []string{ProgramConnect4}, ""}, {"sock_ops/TCP_CONNECT_CB", []string{ProgramSockOps},
			"IPv4 connects that fail before their SYN, without a route or a local port, are not counted"}},
		never: withoutWay,
	},
	{
		name: "client_owner_ipv6",
		ways: []way{{"cgroup/connect6", []string{ProgramConnect6}, ""}, {"sock_ops/TCP_CONNECT_CB", []string{ProgramSockOps},
			"IPv6 connects that fail before their SYN, without a route or a local port, are not counted"}},
		never: withoutWay,
	},
	onSockOps("client_owner_otherwise", "TCP_CONNECT_CB"),
	onSockOps("listener_owner", "TCP_LISTEN_CB"),
	{
		name: "listener_heir",
		ways: []way{{"iter/task_file", []string{ProgramFind}, ""}},
		lost: "a listener stays with the process that called listen, whoever gets it from there",
	},
	onSockOps("client_open", "ACTIVE_ESTABLISHED_CB"),
	onSockOps("server_open", "PASSIVE_ESTABLISHED_CB"),
	onSockOps("round_trip", "RTT_CB"),
	onSockOps("retransmission", "RETRANS_CB"),
	{
		name: "close", main: true,
		ways:  []way{{"sock_ops/STATE_CB", []string{ProgramSockOps}, ""}},
		never: errorTaken,
	},
	{
		name: "missed_close",
		ways: []way{{"tp_btf/tcp_destroy_sock", []string{ProgramDestroy}, ""}},
		lost: "what a connection without callbacks did since its last sweep, segments that are sent after the close " +
			"(the RST of an unread connection), a listener's last overflows, connects that fail before their SYN " +
			"and are not tried again, and the ends of older connections that nobody has found",
	},
	{
		name: "reset",
		ways: []way{{"tp_btf/tcp_send_reset", []string{ProgramReset, needReasons}, ""},
			{"tp_btf/tcp_send_reset", []string{ProgramReset}, "why this host sends resets, and those of no connection"},
			{"tp_btf/tcp_destroy_sock", []string{ProgramDestroy}, "why this host sends resets, those of no connection, and which " +
				"of the resets of half-closed connections are its own"}},
		lost: "resets that this host sends",
	},
	{
		name: "listener_overflow",
		ways: []way{{"tp_btf/tcp_retransmit_synack", []string{ProgramSynAck}, ""}},
		lost: "which of a listener's drops are requests that came again and were answered: they count as overflows",
	},
	{
		name: "listener_reset",
		ways: []way{{"tp_btf/kfree_skb", []string{ProgramDrop}, ""}},
		lost: "what else than an overflow a listener drops: RSTs (a scan, health checks that open halfway) count as overflows, one at " +
			"the end of a handshake counts twice, and a listener with TCP_DEFER_ACCEPT has none",
	},
	{
		name: "sweep", main: true,
		ways: []way{{"iter/bpf_sk_storage_map", []string{ProgramSweep}, ""},
			{"iter/task_file, iter/tcp", []string{ProgramSweepFiles, ProgramSweepHashed, needNamespaces}, sweptByFiles},
			{"iter/task_file, iter/tcp", []string{ProgramSweepFiles, ProgramSweepHashed}, sweptByFiles + ", and connections of " +
				"other network namespaces that no process holds (not accepted yet, closed but not finished, subflows) are told " +
				"at their end"},
			{"iter/task_file", []string{ProgramSweepFiles}, sweptByFiles + ", and connections that no process holds (not " +
				"accepted yet, closed but not finished, subflows) are told at their end"}},
	},
	{
		name: "find_older",
		ways: []way{{"iter/task_file", []string{ProgramFind}, ""}, {"iter/tcp", []string{ProgramCallbacks},
			"connections and listeners older than the collector have no process, and are not found in network " +
				"namespaces that cannot be entered"}},
		lost: "connections older than the collector, and those that older listeners accept without a process",
	},
	{
		name: "find_older_unheld",
		ways: []way{{"iter/tcp", []string{ProgramCallbacks, needNamespaces}, ""}, {"iter/tcp", []string{ProgramCallbacks},
			"older connections of other network namespaces that no process holds (not accepted yet, closed but not finished)"}},
		lost: "older connections that no process holds (not accepted yet, closed but not finished)",
	},
	{
		name: "older_callbacks",
		ways: []way{{"iter/tcp", []string{ProgramCallbacks, needFlags, needNamespaces}, ""},
			{"iter/tcp", []string{ProgramCallbacks, needFlags}, "in other network namespaces " + olderUnsampled},
			{"iter/bpf_sk_storage_map", []string{ProgramSweep}, olderUnsampled},
			{"iter/task_file", []string{ProgramSweepFiles}, olderUnsampled}},
	},
	{
		name: "events",
		ways: []way{{"ringbuf", []string{needBuffer}, ""},
			{"ringbuf", nil, "events that come at once, more than one page holds: they are dropped and counted as buffer_full"}},
	},
}

// A plan knows what the kernel refused, and so where each job is done.
type plan map[string]error

// refuse notes why a program or another need is not to be had. The first reason counts.
func (p plan) refuse(need string, why error) {
	if p[need] == nil {
		p[need] = why
	}
}

// impossible returns why a main job cannot be done, nil if all can be.
func (p plan) impossible() error {
	for _, j := range jobs {
		if j.main && p.choose(j) == len(j.ways) {
			return p.against(j.ways[0])
		}
	}
	return nil
}

// choose returns the first possible way, their number if there is none.
func (p plan) choose(j job) int {
	i := 0
	for i < len(j.ways) && p.against(j.ways[i]) != nil {
		i++
	}
	return i
}

// hooks returns where each job is done.
func (p plan) hooks() []Hook {
	all := make([]Hook, len(jobs))
	for i, j := range jobs {
		all[i] = p.hook(j)
	}
	return all
}

func (p plan) hook(j job) Hook {
	h := Hook{Job: j.name, Lost: j.lost, Never: j.never}
	chosen := p.choose(j)
	if chosen < len(j.ways) {
		h.Name, h.Lost = j.ways[chosen].hook, j.ways[chosen].lost
	}
	if chosen > 0 {
		h.Reason = j.ways[0].hook + ": " + line(p.against(j.ways[0]))
	}
	return h
}

// against returns what speaks against a way, nil if nothing does.
func (p plan) against(w way) error {
	for _, need := range w.needs {
		if why := p[need]; why != nil {
			return why
		}
	}
	return nil
}

// line writes an error in one.
func line(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
