// Copyright The tcpwhy Authors
// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0

// Counts segments that found a socket which another CPU closed before they had its
// lock. It shares nothing with the product's programs, so that it can bear witness to
// them.

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define AF_INET 2
#define TCP_ESTABLISHED 1
#define TCP_CLOSE 7
#define FLAG_RST 0x04

// The kernel's types, of which CO-RE finds the fields' true places.
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum skb_drop_reason {
	SKB_DROP_REASON_TCP_CLOSE = 1,
};

struct sk_buff {
	unsigned char *head;
	unsigned int end;
	__u16 transport_header;
	__u16 network_header;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport;
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
};

struct inet_sock {
	__u16 inet_sport;
};

#pragma clang attribute pop

// What is in a segment's headers, in network order, of who receives it.
struct tuple {
	__u32 local;
	__u32 remote;
	__u16 local_port;
	__u16 remote_port;
};

struct count {
	__u64 untold;
	__u64 resets;
};

// closed: which socket a connection had, from its close until there is another one of
// the same name; written by on_state.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct tuple);
	__type(value, __u64);
} closed SEC(".maps");

// destroyed: sockets that have told their last totals; written by latecomer_destroy.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, __u64);
	__type(value, __u8);
} destroyed SEC(".maps");

// counts: by the address that they came to; written by count_segments, read by Go.
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 10);
	__type(key, __u32);
	__type(value, struct count);
} counts SEC(".maps");

__u64 lost; // found no room in counts

// include/trace/events/sock.h: socket, old state, new state.
SEC("raw_tp/inet_sock_set_state")
int latecomer_state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	__u64 socket = ctx->args[0], state = ctx->args[2];
	struct tuple t = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET)
		return 0;
	t.local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	t.remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	t.local_port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	t.remote_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	if (state == TCP_CLOSE)
		bpf_map_update_elem(&closed, &t, &socket, BPF_ANY);
	if (state == TCP_ESTABLISHED) {
		bpf_map_delete_elem(&closed, &t);
		bpf_map_delete_elem(&destroyed, &socket);
	}
	return 0;
}

// include/trace/events/tcp.h: socket.
SEC("raw_tp/tcp_destroy_sock")
int latecomer_destroy(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 socket = ctx->args[0];
	__u8 yes = 1;

	bpf_map_update_elem(&destroyed, &socket, &yes, BPF_ANY);
	return 0;
}

// Segments that waited for a process to let go of the socket may have become one. It
// counted each of them, and so does the namespace.
static __always_inline __u16 segments_in(struct sk_buff *skb)
{
	struct skb_shared_info *shared =
		(void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
	__u16 n = BPF_CORE_READ(shared, gso_segs);

	return n ? n : 1;
}

static __always_inline void count_segments(struct tuple *t, struct sk_buff *skb, __u8 flags)
{
	__u64 *socket = bpf_map_lookup_elem(&closed, t);
	struct count none = {}, *c;
	__u16 n = segments_in(skb);

	if (!socket)
		return;
	bpf_map_update_elem(&counts, &t->local, &none, BPF_NOEXIST);
	c = bpf_map_lookup_elem(&counts, &t->local);
	if (!c) {
		__sync_fetch_and_add(&lost, 1);
		return;
	}
	if (bpf_map_lookup_elem(&destroyed, socket))
		__sync_fetch_and_add(&c->untold, n);
	if (flags & FLAG_RST)
		__sync_fetch_and_add(&c->resets, n);
}

// include/trace/events/skb.h: segment, place, reason, …
SEC("raw_tp/kfree_skb")
int latecomer_drop(struct bpf_raw_tracepoint_args *ctx)
{
	struct sk_buff *skb = (void *)ctx->args[0];
	unsigned char *head, *ip, *tcp;
	struct tuple t = {};
	__u8 flags = 0;

	if ((__u32)ctx->args[2] !=
	    bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_TCP_CLOSE))
		return 0;
	head = BPF_CORE_READ(skb, head);
	ip = head + BPF_CORE_READ(skb, network_header);
	tcp = head + BPF_CORE_READ(skb, transport_header);
	bpf_probe_read_kernel(&t.remote, 4, ip + 12);
	bpf_probe_read_kernel(&t.local, 4, ip + 16);
	bpf_probe_read_kernel(&t.remote_port, 2, tcp);
	bpf_probe_read_kernel(&t.local_port, 2, tcp + 2);
	bpf_probe_read_kernel(&flags, 1, tcp + 13);
	count_segments(&t, skb, flags);
	return 0;
}
