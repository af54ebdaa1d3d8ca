// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

// Features, and which of the known kernels must have them.
var (
	// Base is what the receiver's main job needs.
	Base = Feature{
		Name:    "sock_ops, tp_btf, iterators, socket storage and ring buffers",
		Use:     "everything",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeBase,
	}
	// CallbackFlags can be switched on for old sockets.
	CallbackFlags = Feature{
		Name: "TCP_BPF_SOCK_OPS_CB_FLAGS",
		Use: "each round trip, the kind of each retransmission and Nagle stalls of connections older than the collector; " +
			"without it their totals are exact all the same, but round trips are one sample an interval, the kind is `unknown`, " +
			"stalls are not seen, and coverage says so",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeCallbackFlags,
	}
	IOUring = Feature{
		Name:    "io_uring",
		Use:     "counted as any other way to move bytes",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeIOUring,
	}
	MPTCP = Feature{
		Name:    "Multipath TCP",
		Use:     "each subflow is a connection",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeMPTCP,
	}
	// KernelTLS is a module that not every machine has.
	KernelTLS = Feature{
		Name:    "kTLS",
		Use:     "what it adds to an application's bytes is counted as payload",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeKernelTLS,
	}
	// RecordIterator goes from socket to socket in whatever network namespace. The 6.18
	// that this is developed on refuses iterators over elements of maps.
	RecordIterator = Feature{
		Name: "iter/bpf_sk_storage_map",
		Use: "a sweep in one pass; without it open files and then, for who is missing, the sockets of one network namespace after " +
			"the other are gone through, which takes longer, and connections that no process holds in a namespace that cannot be entered are told at their end",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeRecordIterator,
	}
	Fentry = Feature{
		Name:    "fentry and fexit",
		Use:     "not needed",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeFentry,
	}
	Kprobe = Feature{
		Name:    "kprobe and kretprobe",
		Use:     "not needed",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeKprobe,
	}
	KprobeMulti = Feature{
		Name:    "kprobe_multi",
		Use:     "not needed",
		Kernels: []Kernel{Linux612},
		probe:   probeKprobeMulti,
	}
	TCX = Feature{
		Name:    "tcx",
		Use:     "not needed",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeTCX,
	}
	// SocketLength are the tracepoints sock_send_length and sock_recv_length.
	SocketLength = Feature{
		Name:    "tracepoint sock_send_length",
		Use:     "not needed",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeSocketLength,
	}
	// ResetReason is what tcp_send_reset tells beside the socket.
	ResetReason = Feature{
		Name:    "reasons of resets",
		Use:     "says why a RST was sent (`tcp.reset.reason`)",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeResetReason,
	}
	// SocketOfDrop is what kfree_skb tells beside the segment and the reason.
	SocketOfDrop = Feature{
		Name: "sockets of dropped segments",
		Use: "tells an overflow of a listener's queue from what else is a drop of it: without it `tcp.listener.overflows` counts " +
			"a RST (a scan, a half-open health check), and one at the end of a handshake twice; a listener with " +
			"TCP_DEFER_ACCEPT has none",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeSocketOfDrop,
	}
	Netem = Feature{
		Name:    "netem",
		Use:     "only tests use it",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeNetem,
	}
)

// Features are all of them, those first that the receiver makes something of.
var Features = []Feature{
	Base, RecordIterator, CallbackFlags, ResetReason, SocketOfDrop, IOUring, MPTCP, KernelTLS,
	Fentry, Kprobe, KprobeMulti, TCX, SocketLength, Netem,
}
