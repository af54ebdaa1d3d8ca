// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Holds a CPU at a chosen moment: once, until it is released or a time is over. It
// shares nothing with the product's programs.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define TCP_SYN_RECV 3
#define TCP_LISTEN 10

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
};

#pragma clang attribute pop

volatile __u32 thread;	 // whose allocations are meant
volatile __u32 smallest; // of them, bytes
volatile __u32 largest;
volatile __u32 netns; // whose births are meant
volatile __u64 limit; // ns
volatile __u32 armed;
volatile __u32 held;
volatile __u32 released;
volatile __u32 over;
volatile __u32 late; // nobody released it in time

// One loop lasts a second, if a look at the clock takes 150 ns.
#define LOOKS (1 << 23)
#define LOOPS 64

static long look(__u32 i, __u64 *deadline)
{
	if (released)
		return 1;
	if (bpf_ktime_get_ns() < *deadline)
		return 0;
	late = 1;
	return 1;
}

static long look_on(__u32 i, __u64 *deadline)
{
	return bpf_loop(LOOKS, look, deadline, 0) < LOOKS;
}

static __always_inline void hold(void)
{
	__u64 deadline = bpf_ktime_get_ns() + limit;

	if (!__sync_lock_test_and_set(&armed, 0))
		return;
	held = 1;
	if (bpf_loop(LOOPS, look_on, &deadline, 0) == LOOPS)
		late = 1;
	over = 1;
}

// include/trace/events/kmem.h: call site, pointer, bytes asked for, …
SEC("raw_tp/kmalloc")
int stall_kmalloc(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 bytes = ctx->args[2];

	if ((__u32)bpf_get_current_pid_tgid() == thread && bytes >= smallest && bytes <= largest)
		hold();
	return 0;
}

// include/trace/events/sock.h: socket, old state, new state.
SEC("raw_tp/inet_sock_set_state")
int stall_birth(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];

	if ((int)ctx->args[1] == TCP_LISTEN && (int)ctx->args[2] == TCP_SYN_RECV &&
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == netns)
		hold();
	return 0;
}

SEC("sockops")
int stall_connect(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		hold();
	return 1;
}

// Of a socket that this is attached to: a segment has found it, and waits for its lock
// afterwards.
SEC("socket")
int stall_segment(struct __sk_buff *skb)
{
	hold();
	return skb->len;
}
