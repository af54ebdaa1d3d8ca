/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Listeners: a flow without a peer. */
#pragma once

#include "compat.bpf.h"
#include "filter.bpf.h"
#include "flow.bpf.h"
#include "fold.bpf.h"
#include "gauge.bpf.h"
#include "retransmit.bpf.h"

/* Its owner is there already. */
static __always_inline void listener_key(struct conn *c, struct sock *sk)
{
	key_fill(&c->key, &sk->__sk_common, ROLE_LISTENER);
	__builtin_memset(c->key.remote, 0, sizeof(c->key.remote));
	c->key.remote_port = 0;
	c->flow_id = key_hash(&c->key);
	c->dropped = sk->sk_drops.counter;
	c->answered = 0;
	c->repeated = 0;
	c->lost = 0;
	if (c->dropped)
		count(STAT_DROPPED);
}

struct queue {
	u32 length;
	u32 limit;
	u32 dropped; /* since the socket began, but for what was answered */
};

static __always_inline void queue_read(struct queue *q, const struct conn *c, struct sock *sk)
{
	u32 answered = *(volatile const u32 *)&c->answered;

	q->length = sk->sk_ack_backlog;
	q->limit = sk->sk_max_ack_backlog;
	q->dropped = sk->sk_drops.counter - answered;
}

static __always_inline u32 claim_dropped(struct conn *c, const struct queue *q)
{
	u32 n;

	bpf_spin_lock(&c->lock);
	n = claim32(&c->dropped, q->dropped);
	bpf_spin_unlock(&c->lock);
	return n;
}

/* Who waits for data drops the ACK that ends a handshake (TCP_DEFER_ACCEPT), each
 * connection's. As long as nobody tells that from an overflow, there is none; and what
 * came before somebody did is not known, either.
 */
static __always_inline bool drops_unknown(struct sock *sk, struct control now, u32 since)
{
	struct inet_connection_sock *icsk = (void *)tcp_sock_of(sk);

	if (!icsk || !icsk->icsk_accept_queue.rskq_defer_accept)
		return false;
	return !now.drops || (s32)(since - now.drops) < 0;
}

static __always_inline void listener_fold(struct conn *c, struct sock *sk, struct control now)
{
	struct queue q = {};
	struct flow *f;
	u32 dropped;

	if (!observed(&c->key))
		return;
	queue_read(&q, c, sk);
	f = conn_flow(c, now.epoch, false);
	if (!f)
		return;
	dropped = claim_dropped(c, &q);
	if (dropped)
		count(STAT_DROPPED);
	if (drops_unknown(sk, now, now.sweep - 1))
		dropped = 0;
	bpf_spin_lock(&f->lock);
	f->overflows += dropped;
	if (gauges_of(&f->now, now.sweep)) {
		most(&f->now.listen_queue, q.length);
		most(&f->now.listen_limit, q.limit);
	}
	bpf_spin_unlock(&f->lock);
}

/* Also the clone in a child that was never established: it has dropped nothing. */
static __always_inline void listener_close(struct conn *c, struct sock *sk)
{
	struct control now = current_control();
	struct queue q = {};
	struct flow *f;
	u32 dropped;

	queue_read(&q, c, sk);
	if (q.dropped == c->dropped || !sk->sk_drops.counter || !observed(&c->key) ||
	    drops_unknown(sk, now, now.sweep))
		return;
	f = conn_flow(c, now.epoch, true);
	if (!f)
		return;
	dropped = claim_dropped(c, &q);
	bpf_spin_lock(&f->lock);
	f->overflows += dropped;
	bpf_spin_unlock(&f->lock);
}

/* The timer may run on another CPU while a SYN comes: both were due a second after the
 * first one. Then two SYN-ACKs are sent before it counts its own.
 */
static __always_inline bool repeated_twice(struct conn *c, struct request_sock *request)
{
	u64 hash = request->__req_common.skc_hash;
	u64 id = hash << 8 | BPF_CORE_READ_BITFIELD(request, num_timeout) | 0x80;

	return __sync_lock_test_and_set(&c->repeated, id) == id;
}

/* The flags of a segment. */
static __always_inline u8 tcp_flags(struct sk_buff *skb)
{
	unsigned char *header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, transport_header);
	u8 flags = 0;

	bpf_probe_read_kernel(&flags, sizeof(flags), header + TCP_FLAGS_BYTE);
	return flags;
}

/* A SYN that comes again, for its SYN-ACK was lost or late, is answered by another one and
 * counted as a drop of the listener, though it is none. What sends SYN-ACKs again by itself
 * is the request's timer, which is not pending while it does so. That is a guess, where
 * timers of several requests run at once: who sees the SYN itself has no need of it. A
 * connection that began with data (TCP Fast Open) is there already, and sends its own.
 */
static __always_inline void on_syn_ack_again(struct sock *sk, struct request_sock *request)
{
	struct conn *c;

	if (sk->__sk_common.skc_state == TCP_LISTEN && current_control().drops)
		return;
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (!c)
		return;
	if (c->kind == CONN_OPEN && sk->__sk_common.skc_state == TCP_SYN_RECV)
		syn_retransmits(c, tcp_sock_of(sk));
	if (c->kind != CONN_LISTENER || sk->__sk_common.skc_state != TCP_LISTEN)
		return;
	if (request->rsk_timer.entry.pprev || repeated_twice(c, request))
		__sync_fetch_and_add(&c->answered, 1);
}

/* Each segment that is thrown away for want of a handshake that it fits counts as a drop of
 * the listener, one more than those of requests and of connections for which it has no room
 * (tcp_listendrop): the ACK of a connection for which the queue is full, where it is the
 * second drop; the one that TCP_DEFER_ACCEPT does not want; a RST: a scan, a health check
 * that opens halfway; a SYN that comes again. Those that find no request and carry an ACK are
 * thrown away before they are counted. User space attaches this once STAT_DROPPED tells of a
 * listener that drops something.
 */
static __always_inline bool no_overflow(u8 flags, u64 reason)
{
	if (flags & TCP_ACK && DROPPED_FOR(reason, TCP_FLAGS))
		return false;
	return flags & TCP_RST || unfit_for_request(reason);
}

static __always_inline void on_drop(struct sock *listener, struct sk_buff *skb, u64 reason)
{
	struct conn *c;

	if (!no_overflow(tcp_flags(skb), reason))
		return;
	c = bpf_sk_storage_get(&conns, listener, NULL, 0);
	if (c && c->kind == CONN_LISTENER)
		__sync_fetch_and_add(&c->answered, 1);
}
