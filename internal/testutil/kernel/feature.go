// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

// Features, and which of the known kernels must have them.
var (
	// Base is what the receiver's main job needs.
	Base = Feature{
		Name:    "sock_ops, tp_btf, iterators, socket storage and ring buffers",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeBase,
	}
	Fentry = Feature{
		Name:    "fentry and fexit",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeFentry,
	}
	Kprobe = Feature{
		Name:    "kprobe and kretprobe",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeKprobe,
	}
	KprobeMulti = Feature{
		Name:    "kprobe_multi",
		Kernels: []Kernel{Linux612},
		probe:   probeKprobeMulti,
	}
	TCX = Feature{
		Name:    "tcx",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeTCX,
	}
	// CallbackFlags can be switched on for old sockets.
	CallbackFlags = Feature{
		Name:    "TCP_BPF_SOCK_OPS_CB_FLAGS",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeCallbackFlags,
	}
	// SocketLength are the tracepoints sock_send_length and sock_recv_length.
	SocketLength = Feature{
		Name:    "tracepoint sock_send_length",
		Kernels: []Kernel{Linux612, Linux618},
		probe:   probeSocketLength,
	}
	Netem = Feature{
		Name:    "netem",
		Kernels: []Kernel{Linux61, Linux612},
		probe:   probeNetem,
	}
	IOUring = Feature{
		Name:    "io_uring",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeIOUring,
	}
	// KernelTLS is a module that not every machine has.
	KernelTLS = Feature{Name: "kTLS", probe: probeKernelTLS}
	MPTCP     = Feature{
		Name:    "Multipath TCP",
		Kernels: []Kernel{Linux61, Linux612, Linux618},
		probe:   probeMPTCP,
	}
)
