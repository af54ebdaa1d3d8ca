// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Counts sockets that were made of a handshake and never became a connection. It shares
// nothing with the product's programs, so that it can bear witness to them.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define IPPROTO_TCP 6
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7

// The kernel's types, of which CO-RE finds the fields' true places.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

#pragma clang attribute pop

// unborn: sockets that closed before their handshake had ended, by network namespace;
// read by Go.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 10);
	__type(key, __u32);
	__type(value, __u64);
} unborn SEC(".maps");

__u64 lost; // found no room in unborn

static __always_inline void count(__u32 netns)
{
	__u64 none = 0, *n;

	bpf_map_update_elem(&unborn, &netns, &none, BPF_NOEXIST);
	n = bpf_map_lookup_elem(&unborn, &netns);
	__sync_fetch_and_add(n ? n : &lost, 1);
}

// include/trace/events/sock.h: socket, old state, new state.
SEC("raw_tp/inet_sock_set_state")
int twin(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];

	if ((int)ctx->args[1] == TCP_SYN_RECV && (int)ctx->args[2] == TCP_CLOSE &&
	    BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP)
		count(BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum));
	return 0;
}
