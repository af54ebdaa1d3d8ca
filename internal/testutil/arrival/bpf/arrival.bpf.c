// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Logs each segment that comes to an established socket, and what the socket held
// then. It shares nothing with the product's programs, so that it can bear witness to
// them: it is called before TCP looks at the segment, they are after it has.

#include <linux/bpf.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

// Only sockets of this network namespace, by inode number.
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
	__be16 skc_dport;
	__u16 skc_num;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct tcp_sock {
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
};

struct sk_buff {
	unsigned char *head;
	__u16 transport_header;
};

#pragma clang attribute pop

struct arrival {
	__u64 time_ns; // CLOCK_MONOTONIC
	__u32 ack;     // what the segment acknowledges up to
	__u32 una;     // what was acknowledged before
	__u32 sent;
	__u32 written;
	__u32 local_port;
	__u32 remote_port;
};

// arrivals: written by arrived; read and emptied by Go. What finds no room is counted in
// lost.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
	__type(value, struct arrival);
} arrivals SEC(".maps");

__u64 lost;

// The kernel calls with the socket locked, or from where only the lock's holder is.
SEC("raw_tracepoint/tcp_probe")
int arrived(struct bpf_raw_tracepoint_args *ctx)
{
	struct tcp_sock *tp = (struct tcp_sock *)ctx->args[0];
	struct sk_buff *skb = (struct sk_buff *)ctx->args[1];
	struct sock_common *skc = (struct sock_common *)tp;
	struct tcphdr th;
	struct arrival *a;

	if (BPF_CORE_READ(skc, skc_net.net, ns.inum) != only_netns)
		return 0;
	if (bpf_probe_read_kernel(&th, sizeof(th),
				  BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header)))
		return 0;
	a = bpf_ringbuf_reserve(&arrivals, sizeof(*a), 0);
	if (!a) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	a->time_ns = bpf_ktime_get_ns();
	a->ack = bpf_ntohl(th.ack_seq);
	a->una = BPF_CORE_READ(tp, snd_una);
	a->sent = BPF_CORE_READ(tp, snd_nxt);
	a->written = BPF_CORE_READ(tp, write_seq);
	a->local_port = BPF_CORE_READ(skc, skc_num);
	a->remote_port = bpf_ntohs(BPF_CORE_READ(skc, skc_dport));
	bpf_ringbuf_submit(a, BPF_RB_NO_WAKEUP);
	return 0;
}
