// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Logs every RTT callback of the kernel, one record each. It shares nothing
// with the product's programs, so that it can bear witness to them.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

// Only sockets of this network namespace, by inode number; 0 means all.
const volatile __u32 only_netns = 0;

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

struct tcp_rack {
	__u32 rtt_us;
};

struct tcp_sock {
	__u32 srtt_us; // µs << 3
	__u32 mdev_us; // µs << 2
	__u32 snd_wnd;
	__u32 rcv_wnd;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u64 tcp_mstamp; // µs
	struct tcp_rack rack;
};

#pragma clang attribute pop

struct sample {
	__u64 time_ns; // CLOCK_MONOTONIC
	__u64 came_us; // the segment that ended the round trip, by the same clock
	__u32 netns;   // inode number
	__u32 rtt_us;
	__u32 variation_us; // what tcpi_rttvar reports
	__u32 srtt_us;	    // what tcpi_rtt reported before this sample
	__u32 rcv_wnd;	    // bytes
	__u32 snd_wnd;	    // bytes
	__u32 una;	    // sequence numbers: up to where all is acknowledged, sent and written
	__u32 sent;
	__u32 written;
	__u16 local_port;
	__u16 remote_port;
	__u8 op;
	__u8 state;
	__u8 family;
	__u8 from_rack; // rtt_us is not the callback's argument, which this kernel lacks
};

// samples: written by on_rtt and on_established; read and emptied by Go. What
// finds no room is counted in lost.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
	__type(value, struct sample);
} samples SEC(".maps");

__u64 lost;

static __u32 netns_of(struct tcp_sock *tp)
{
	return ((struct sock *)tp)->__sk_common.skc_net.net->ns.inum;
}

static void log_sample(struct bpf_sock_ops *ctx, struct tcp_sock *tp, __u32 rtt_us, __u8 from_rack)
{
	struct sample *s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);

	if (!s) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	s->time_ns = bpf_ktime_get_ns();
	s->came_us = tp->tcp_mstamp;
	s->netns = netns_of(tp);
	s->rtt_us = rtt_us;
	s->variation_us = tp->mdev_us >> 2;
	s->srtt_us = tp->srtt_us >> 3;
	s->rcv_wnd = tp->rcv_wnd;
	s->snd_wnd = tp->snd_wnd;
	s->una = tp->snd_una;
	s->sent = tp->snd_nxt;
	s->written = tp->write_seq;
	s->local_port = ctx->local_port;
	s->remote_port = bpf_ntohl(ctx->remote_port);
	s->op = ctx->op;
	s->state = ctx->state;
	s->family = ctx->family;
	s->from_rack = from_rack;
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
}

// Since 6.10 ("bpf: add mrtt and srtt as BPF_SOCK_OPS_RTT_CB args") the
// arguments are the sample and the new srtt_us << 3, which is never 0. Before,
// they are zeros.
static void on_rtt(struct bpf_sock_ops *ctx, struct tcp_sock *tp)
{
	__u32 rtt_us = ctx->args[0];
	__u8 from_rack = !ctx->args[1];

	// Else the compiler chooses between two addresses, one into ctx, instead of
	// two values, which the verifier refuses.
	barrier_var(rtt_us);
	if (from_rack)
		rtt_us = tp->rack.rtt_us;
	log_sample(ctx, tp, rtt_us, from_rack);
}

// The handshake's own sample came before this program asked for callbacks. It
// is the first, so it is the smoothed RTT; 0 if there was none.
static void on_established(struct bpf_sock_ops *ctx, struct tcp_sock *tp)
{
	log_sample(ctx, tp, tp->srtt_us >> 3, 0);
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_RTT_CB_FLAG);
}

SEC("sockops")
int rttlog(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;

	if (ctx->op != BPF_SOCK_OPS_RTT_CB && ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    ctx->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		return 1;
	if (!sk)
		return 1;

	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || (only_netns && netns_of(tp) != only_netns))
		return 1;

	if (ctx->op == BPF_SOCK_OPS_RTT_CB)
		on_rtt(ctx, tp);
	else
		on_established(ctx, tp);
	return 1;
}
