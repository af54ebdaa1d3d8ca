/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* What a socket looks like at the moment, and what a flow's sockets do together:
 * sums of what adds up, else the smallest.
 */
#pragma once

#include "compat.bpf.h"
#include "conn.h"

/* enum { SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK } in include/net/sock.h */
#define SNDBUF_LOCK 1
#define RCVBUF_LOCK 2

struct look {
	u64 delivery_rate;
	u32 state;
	u32 queue_send;
	u32 queue_unsent;
	u32 queue_receive;
	u32 rtt_min;
	u32 congestion_window;
	u32 receive_buffer;
	u32 send_buffer;
	u32 locks;
	u32 awaiting;
	u8 scale[DIRECTIONS];
};

/* A queue's two ends are read one after the other while the socket works. */
static __always_inline u32 queued(u32 end, u32 begin)
{
	s32 n = end - begin;

	return forget(n > 0 ? n : 0);
}

/* As tcp_compute_delivery_rate has it. */
static __always_inline u64 delivery_rate(struct tcp_sock *tp)
{
	u32 us = tp->rate_interval_us;

	return us ? (u64)tp->rate_delivered * tp->mss_cache * 1000000 / us : 0;
}

/* A request that is acknowledged and not answered: nothing has come beyond what had been
 * read when the acknowledgement did.
 */
static __always_inline bool is_awaiting(const struct conn *c, struct tcp_sock *tp)
{
	return c->key.role == ROLE_CLIENT && c->turn & TURN_ASKED && tp->write_seq == tp->snd_una &&
	       tp->rcv_nxt == c->heard;
}

static __always_inline void scales_read(struct look *l, struct tcp_sock *tp)
{
	if (!BPF_CORE_READ_BITFIELD(tp, rx_opt.wscale_ok))
		return;
	l->scale[0] = BPF_CORE_READ_BITFIELD(tp, rx_opt.snd_wscale) + 1;
	l->scale[1] = BPF_CORE_READ_BITFIELD(tp, rx_opt.rcv_wscale) + 1;
}

/* This end's FIN has a sequence number, but nobody wrote it. */
#define FIN_UNACKNOWLEDGED (1 << TCP_FIN_WAIT1 | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

static __always_inline u32 written(struct tcp_sock *tp, u32 state)
{
	return tp->write_seq - (FIN_UNACKNOWLEDGED >> (state & 31) & 1);
}

static __always_inline void look_at(struct look *l, const struct conn *c, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	u32 write;

	l->state = sk->__sk_common.skc_state;
	write = written(tp, l->state);
	l->queue_send = queued(write, tp->snd_una);
	l->queue_unsent = queued(write, tp->snd_nxt);
	l->queue_receive = queued(tp->rcv_nxt, tp->copied_seq);
	if (l->queue_receive &&
	    sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1)
		l->queue_receive--; /* the peer's FIN */
	l->rtt_min = tp->rtt_min.s[0].v + 1;
	l->congestion_window = tp->snd_cwnd;
	l->delivery_rate = delivery_rate(tp);
	l->receive_buffer = sk->sk_rcvbuf;
	l->send_buffer = sk->sk_sndbuf;
	l->locks = user_locks(sk);
	l->awaiting = is_awaiting(c, tp);
	scales_read(l, tp);
	l->queue_receive = forget(l->queue_receive);
	l->delivery_rate = forget64(l->delivery_rate);
	l->awaiting = forget(l->awaiting);
	l->scale[0] = forget(l->scale[0]);
	l->scale[1] = forget(l->scale[1]);
}

/* Zero is none. */
static __always_inline void least(u32 *smallest, u32 value)
{
	if (value && (!*smallest || value < *smallest))
		*smallest = value;
}

static __always_inline void most(u32 *largest, u32 value)
{
	if (value > *largest)
		*largest = value;
}

static __always_inline void least_scale(u8 *smallest, u8 value)
{
	if (value && (!*smallest || value < *smallest))
		*smallest = value;
}

/* Caller holds the flow's lock. False if a newer sweep was here. */
static __always_inline bool gauges_of(struct gauges *g, u32 sweep)
{
	if ((s32)(sweep - g->sweep) < 0)
		return false;
	if (g->sweep != sweep) {
		__builtin_memset(g, 0, sizeof(*g));
		g->sweep = sweep;
	}
	return true;
}

/* Caller holds the flow's lock. */
static __always_inline void gauges_add(struct gauges *g, u32 sweep, const struct look *l)
{
	if (!gauges_of(g, sweep))
		return;
	if (l->state < TCP_STATES)
		g->live[l->state]++;
	g->awaiting += l->awaiting;
	g->queue_send += l->queue_send;
	g->queue_unsent += l->queue_unsent;
	g->queue_receive += l->queue_receive;
	g->delivery_rate += l->delivery_rate;
	least(&g->rtt_min, l->rtt_min);
	least(&g->congestion_window, l->congestion_window);
	least(&g->receive_buffer[!!(l->locks & RCVBUF_LOCK)], l->receive_buffer);
	least(&g->send_buffer[!!(l->locks & SNDBUF_LOCK)], l->send_buffer);
	least_scale(&g->scale[0], l->scale[0]);
	least_scale(&g->scale[1], l->scale[1]);
}

/* Caller holds the flow's lock: a socket that this sweep counted is gone. */
static __always_inline void gauges_leave(struct gauges *g, u32 sweep, u32 state)
{
	if (gauges_of(g, sweep) && state < TCP_STATES)
		g->live[state]--;
}
