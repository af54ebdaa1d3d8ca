/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Where kernels differ. Callers see a getter, never a version. */
#pragma once

#include "types.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded"

/* 633488947ef6 "kernfs: Use RCU to access kernfs_node::parent." (6.15) renamed
 * the field.
 * https://git.kernel.org/torvalds/c/633488947ef66b194377411322dc9e12aab79b65
 */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

/* "inet: move inet->defer_connect to inet->inet_flags" (6.6); its bit, 19 ever since, has
 * a name in an enum that has none, which cannot be relocated.
 */
struct inet_sock___flags {
	unsigned long inet_flags;
} __attribute__((preserve_access_index));

struct inet_sock___bits {
	__u8 defer_connect : 1;
} __attribute__((preserve_access_index));

#define INET_FLAGS_DEFER_CONNECT 19

#pragma clang diagnostic pop

/* TCP Fast Open: connect has returned, and the SYN waits for the first write. */
static __always_inline bool connect_deferred(struct tcp_sock *tp)
{
	struct inet_sock___flags *flags = (void *)tp;
	struct inet_sock___bits *bits = (void *)tp;

	if (bpf_core_field_exists(flags->inet_flags))
		return flags->inet_flags >> INET_FLAGS_DEFER_CONNECT & 1;
	if (bpf_core_field_exists(bits->defer_connect))
		return BPF_CORE_READ_BITFIELD(bits, defer_connect);
	return false;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___rcu *rcu = (void *)kn;

	if (bpf_core_field_exists(rcu->__parent))
		return rcu->__parent;
	return kn->parent;
}

/* The RTT callback has its sample as an argument since about 6.10 (tcp_bpf_rtt
 * in include/net/tcp.h); before, its arguments are zeroed. The second argument,
 * the smoothed RTT, is never 0.
 */
static __always_inline u32 rtt_sample_us(struct bpf_sock_ops *ctx, struct tcp_sock *tp)
{
	u32 us = ctx->args[0], smoothed = ctx->args[1];

	barrier_var(us); /* the verifier wants the context read at a fixed place */
	return smoothed ? us : tp->rack.rtt_us;
}

/* Bit fields on some kernels, bytes on others: these two come as either. */
static __always_inline u32 chrono_type(struct tcp_sock *tp)
{
	return BPF_CORE_READ_BITFIELD(tp, chrono_type);
}

static __always_inline u32 user_locks(struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD(sk, sk_userlocks);
}

/* Whether somebody works on the socket right now. A real-time kernel's lock
 * cannot be looked at: there the answer is always yes.
 */
static __always_inline bool sock_busy(struct sock *sk)
{
	if (!bpf_core_field_exists(sk->sk_lock.slock.rlock.raw_lock.val.counter))
		return true;
	return sk->sk_lock.slock.rlock.raw_lock.val.counter || sk->sk_lock.owned;
}

/* a35b9af4ec2c "bpf: Add a kfunc for generic type cast" (6.2): costs nothing, where
 * bpf_skc_to_tcp_sock is a call. All sockets with a record are TCP's.
 * https://git.kernel.org/torvalds/c/a35b9af4ec2c7f69286ef861fd2074a577e354cb
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

static __always_inline struct tcp_sock *tcp_sock_of(void *sk)
{
	if (bpf_rdonly_cast)
		return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
	return bpf_skc_to_tcp_sock(sk);
}

/* b533fb9cf4f7 "rstreason: make it work in trace world" (6.10) tells why a RST is sent; the
 * reasons' numbers are no interface, user space reads their names. 0: it does not tell.
 * https://git.kernel.org/torvalds/c/b533fb9cf4f7c6ca2aa255a5a1fdcde49fff2b24
 */
enum sk_rst_reason {
	SK_RST_REASON_NOT_SPECIFIED,
};

static __always_inline u32 reset_reason(const u64 *ctx)
{
	if (!bpf_core_type_exists(enum sk_rst_reason))
		return 0;
	return ctx[2];
}

#define DROPPED_FOR(reason, name)                                                                  \
	(bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_##name) &&               \
	 (reason) == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_##name))

/* Why tcp_check_req takes a segment for none that belongs to a handshake. For most it gave
 * no reason before a11a791ca81e "tcp: add four drop reasons to tcp_check_req()" (6.15).
 * https://git.kernel.org/torvalds/c/a11a791ca81e
 */
static __always_inline bool unfit_for_request(u64 reason)
{
	return DROPPED_FOR(reason, NOT_SPECIFIED) || DROPPED_FOR(reason, TCP_LISTEN_OVERFLOW) ||
	       DROPPED_FOR(reason, TCP_OVERWINDOW) || DROPPED_FOR(reason, TCP_RFC7323_PAWS) ||
	       DROPPED_FOR(reason, TCP_RFC7323_TSECR);
}

/* d7ba4cc900bf "bpf: return long from bpf_map_ops funcs" (6.4): before, the upper half of
 * what bpf_map_update_elem returns is zero, and what should be -E2BIG is a positive number.
 * https://git.kernel.org/torvalds/c/d7ba4cc900bf
 */
static __always_inline int map_insert(void *map, const void *key, const void *value)
{
	return (int)bpf_map_update_elem(map, key, value, BPF_NOEXIST);
}

static volatile u32 never_written;

/* 0, but the verifier does not know. Before ab5cfac139ab "bpf: verify callbacks as if
 * they are called unknown number of times" (6.7) it looked at a loop's body once, with
 * the values it is first entered with, and removed what those never reach: what a body
 * changes and looks at must begin as something unknown.
 * https://git.kernel.org/torvalds/c/ab5cfac139ab
 */
static __always_inline u32 opaque_zero(void)
{
	return never_written;
}

/* The same number, of which the verifier no longer knows what it may be. Two paths that
 * differ in nothing else are one for it from there on; otherwise they stay apart to the
 * end on kernels before fde2a3882bd0 "bpf: support precision propagation in the presence
 * of subprogs" (6.5), and each branch doubles them.
 * https://git.kernel.org/torvalds/c/fde2a3882bd0
 */
static __always_inline u64 forget64(u64 x)
{
	x += opaque_zero(); /* 6.1 loses the bounds of an exclusive or */
	barrier_var(x);	    /* or the compiler adds it later */
	return x;
}

static __always_inline u32 forget(u32 x)
{
	x += opaque_zero();
	barrier_var(x);
	return x;
}
