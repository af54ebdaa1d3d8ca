// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Counts retransmission timers of clients that expired and sent nothing. It shares
// nothing with the product's programs, so that it can bear witness to them.

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define CALLBACKS                                                                                  \
	(BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG)

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

struct inet_connection_sock {
	__u8 icsk_pending;
};

struct tcp_sock {
	__u32 snd_una;
};

#pragma clang attribute pop

// due: the socket's timer has expired, and nothing was sent for that yet.
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} due SEC(".maps");

// idle: expiries that sent nothing, by network namespace; read by Go.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 10);
	__type(key, __u32);
	__type(value, __u64);
} idle SEC(".maps");

__u64 lost; // found no room in idle, or in the socket

static __always_inline void count_idle(struct tcp_sock *tp)
{
	__u32 netns = ((struct sock *)tp)->__sk_common.skc_net.net->ns.inum;
	__u64 none = 0, *n;

	bpf_map_update_elem(&idle, &netns, &none, BPF_NOEXIST);
	n = bpf_map_lookup_elem(&idle, &netns);
	__sync_fetch_and_add(n ? n : &lost, 1);
}

// The kernel disarms the timer before it acts on it, and arms it again afterwards. What
// is sent again for any other reason finds it armed, for something is unacknowledged.
static __always_inline bool in_timer(struct tcp_sock *tp)
{
	return !((struct inet_connection_sock *)tp)->icsk_pending;
}

static __always_inline void on_event(struct bpf_sock_ops *ctx, struct tcp_sock *tp, __u32 *expired)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_RTO_CB:
		if (*expired)
			count_idle(tp);
		*expired = !ctx->args[2]; // else it gives up
		break;
	case BPF_SOCK_OPS_RETRANS_CB:
		if (in_timer(tp))
			*expired = 0;
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] != BPF_TCP_CLOSE)
			break;
		if (*expired)
			count_idle(tp);
		*expired = 0;
		break;
	}
}

SEC("sockops")
int expiry(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	__u32 *expired;

	if (!sk)
		return 1;
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		if (!bpf_sk_storage_get(&due, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE))
			__sync_fetch_and_add(&lost, 1);
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | CALLBACKS);
		return 1;
	}
	if (ctx->op != BPF_SOCK_OPS_RTO_CB && ctx->op != BPF_SOCK_OPS_RETRANS_CB &&
	    ctx->op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	expired = bpf_sk_storage_get(&due, sk, NULL, 0);
	tp = bpf_skc_to_tcp_sock(sk);
	if (expired && tp)
		on_event(ctx, tp, expired);
	return 1;
}
