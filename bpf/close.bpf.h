/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The end of a connection: why, and its last fold. */
#pragma once

#include "census.bpf.h"
#include "event.bpf.h"
#include "fold.bpf.h"
#include "gauge.bpf.h"
#include "stall.bpf.h"

static __always_inline bool fin_received(struct tcp_sock *tp)
{
	unsigned long flags = ((struct sock *)tp)->__sk_common.skc_flags;

	return flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1;
}

/* close() with unread data resets: it has emptied the queue, but nobody has read
 * it. Data that a live reader has yet to fetch is still queued.
 */
static __always_inline bool dropped_unread(struct tcp_sock *tp, bool fin)
{
	struct sock *sk = (struct sock *)tp;

	return tp->rcv_nxt - tp->copied_seq > fin && !sk->sk_receive_queue.qlen;
}

#define RCV_SHUTDOWN 1

/* In which this end sends its FIN, and after everything. */
#define ENDING_STATES (1 << TCP_FIN_WAIT1 | 1 << TCP_LAST_ACK | 1 << TCP_CLOSE)

/* Data for a process that reads no more: the kernel answers with a RST, but marks the
 * socket as if one had come (tcp_rcv_state_process). Which of both it was shows in that RST,
 * a little later; this is as much as is seen now.
 */
static __always_inline bool refused_data(const struct conn *c, struct tcp_sock *tp, u32 old_state)
{
	return c->turn & TURN_CLOSED &&
	       (old_state == TCP_FIN_WAIT1 || old_state == TCP_FIN_WAIT2) &&
	       tp->data_segs_in != c->heard;
}

/* SO_LINGER of 0 (tcp_disconnect): the kernel forgets the peer, and marks the socket as
 * if a RST had come, once it is closed.
 */
static __always_inline bool disconnected(struct tcp_sock *tp, u32 old_state)
{
	return old_state == TCP_CLOSE && !((struct sock *)tp)->__sk_common.skc_dport;
}

/* bytes_acked counts an acknowledged FIN, and the client's SYN. */
static __always_inline bool fin_acknowledged(const struct conn *c, struct tcp_sock *tp)
{
	u64 flags = 1 + (c->key.role == ROLE_CLIENT);

	return tp->bytes_acked == tp->bytes_sent - tp->bytes_retrans + flags;
}

/* An error names the reason. Without one, the last state does: a FIN exchange
 * ends in LAST_ACK, CLOSING or FIN_WAIT2, anything else was cut off by this end.
 * From FIN_WAIT2 an orphan goes on as a time-wait socket even without the peer's
 * FIN, and that has already taken its place in the hash table; otherwise it was
 * reset: by a process that still holds it (SO_LINGER of 0), or as data came. Without
 * our callback nobody has seen the last state: then a FIN that is acknowledged tells
 * as much; a RST's error may have been taken by a read.
 */
static __always_inline u32 close_reason(const struct conn *c, struct tcp_sock *tp, u32 old_state)
{
	struct sock *sk = (struct sock *)tp;
	bool done = fin_received(tp);

	if (disconnected(tp, old_state))
		return CLOSE_RESET_SENT;
	switch (sk->sk_err) {
	case 0:
		break;
	case ECONNRESET:
	case EPIPE:
		return CLOSE_RESET_RECEIVED;
	case ECONNABORTED:
		return CLOSE_RESET_SENT;
	default:
		return CLOSE_TIMEOUT;
	}
	if (c->turn & TURN_RESET || dropped_unread(tp, done))
		return CLOSE_RESET_SENT;
	if (old_state == TCP_CLOSE)
		return fin_acknowledged(c, tp) ? CLOSE_FIN : CLOSE_RESET_RECEIVED;
	if (old_state == TCP_LAST_ACK || old_state == TCP_CLOSING)
		return CLOSE_FIN;
	if (old_state == TCP_FIN_WAIT2 && (done || !sk->__sk_common.skc_node.pprev))
		return CLOSE_FIN;
	return CLOSE_RESET_SENT;
}

static __always_inline bool is_reset(u32 reason)
{
	return reason == CLOSE_RESET_SENT || reason == CLOSE_RESET_RECEIVED;
}

/* The RST that the kernel is about to tell of puts it right: see on_reset_sent. */
static __always_inline void conn_blame(struct conn *c, u32 reason, u32 epoch)
{
	if (reason == CLOSE_RESET_SENT)
		c->turn |= TURN_RESETTING;
	if (reason != CLOSE_RESET_RECEIVED)
		return;
	c->turn |= TURN_BLAMED;
	c->episode = epoch;
}

/* What the kernel adds to a socket that is closed: the RST that it sends, and a
 * segment that had found the socket before it was closed and waited for its lock.
 */
static __always_inline bool grown_since_close(const struct conn *c, struct tcp_sock *tp)
{
	return (s32)(tp->segs_out - c->segments[0]) > 0 || (s32)(tp->segs_in - c->segments[1]) > 0;
}

/* SO_LINGER of 0: the kernel zeroes the totals of a closed socket. Those of 32 bits
 * may look as if they had wrapped.
 */
static __always_inline bool zeroed(const struct conn *c, const struct totals *t)
{
	return t->bytes[0] < c->bytes[0] || t->bytes[1] < c->bytes[1];
}

/* Something has come that had not been read when the last request was acknowledged. How
 * much is not asked: more than 2 GiB look like less than nothing.
 */
static __always_inline bool answered(const struct conn *c, struct tcp_sock *tp)
{
	return c->key.role == ROLE_CLIENT && c->turn & TURN_ASKED &&
	       tp->rcv_nxt - fin_received(tp) != c->heard;
}

/* This end is about to send its FIN, or cut off. What it has written since the last round
 * trip none will tell of: it ends an exchange as a round trip does, and a client begins
 * another. An answer to that can come only if it reads on.
 */
static __always_inline void last_words(struct conn *c, struct tcp_sock *tp)
{
	u32 turn = c->turn, read = data_read(tp, fin_received(tp));

	if ((s32)(tp->write_seq - tp->rtt_seq) > 0) {
		if (turn & TURN_ASKED && read != c->heard)
			turn |= TURN_OWED;
		c->heard = read;
		turn |= TURN_ASKED;
	}
	if (((struct sock *)tp)->sk_shutdown & RCV_SHUTDOWN) {
		if (answered(c, tp))
			turn |= TURN_OWED;
		turn = (turn & ~TURN_ASKED) | TURN_CLOSED;
		c->heard = tp->data_segs_in;
	}
	c->turn = turn;
}

/* Exchanges that no round trip has told of. */
static __always_inline u32 untold(const struct conn *c, struct tcp_sock *tp)
{
	if (c->cleared == CALLBACKS_NEVER)
		return 0;
	return !!(c->turn & TURN_OWED) + answered(c, tp);
}

/* What the flow gets only once. */
struct farewell {
	u64 lifetime; /* µs; 0 is unknown */
	u32 reason;
	u32 live;  /* the state that its last sweep counted it in, if any */
	u32 sweep; /* that sweep */
	u32 unmet; /* the running sweep has not come by */
	u32 exchanges;
};

/* Asked after the record's lock was held: a sweep that came before is known then. One
 * that came after has not counted the connection, and nobody asks for older ones.
 */
static __always_inline void last_sweep(struct farewell *w, u32 visited)
{
	struct control now = current_control();

	w->sweep = now.sweep;
	w->unmet = (s32)(visited - now.started) < 0;
	if (w->unmet)
		w->live = 0;
	w->live = forget(w->live);
	w->unmet = forget(w->unmet);
}

/* Caller holds f->lock. */
static __always_inline void flow_leave(struct flow *f, const struct farewell *w, u32 bucket)
{
	if (w->reason < CLOSE_REASONS)
		f->closed[w->reason]++;
	f->resets[1] += w->reason == CLOSE_RESET_RECEIVED;
	f->exchanges += w->exchanges;
	if (w->lifetime)
		span_add(&f->duration, bucket, w->lifetime);
	if (w->live)
		gauges_leave(&f->now, w->sweep, w->live);
}

/* The socket is locked or nobody else's any more, or else a sweep comes across one that
 * is closed. Nobody else folds meanwhile but the sweep, and it has an eye on kind.
 */
static __noinline int conn_close(struct conn *c, struct tcp_sock *tp, u32 old_state)
{
	u32 setup_in, duration_in, visited, epoch;
	struct farewell w = {};
	struct totals t = {};
	struct delta d = {};
	struct flow *f;
	bool taken;
	u64 since;

	if (!c || !tp)
		return 0;
	since = c->since;
	if (c->kind == CONN_CLOSED && !grown_since_close(c, tp))
		return 0;
	totals_read(&t, tp, true);
	if (c->kind == CONN_CLOSED && zeroed(c, &t))
		return 0;
	w.reason = forget(close_reason(c, tp, old_state));
	if (old_state == TCP_ESTABLISHED || old_state == TCP_CLOSE_WAIT)
		last_words(c, tp);
	w.exchanges = forget(untold(c, tp));
	if (c->opened != OPENED_LONG_AGO)
		w.lifetime = bpf_ktime_get_ns() / 1000 - c->since ?: 1;
	w.lifetime = forget64(w.lifetime);
	epoch = current_control().epoch;
	f = conn_flow(c, epoch, true);
	if (!f)
		return 0;

	bpf_spin_lock(&c->lock);
	if (c->since != since) { /* the socket has begun another connection meanwhile */
		bpf_spin_unlock(&c->lock);
		return 0;
	}
	visited = c->visited;
	w.live = c->live;
	claim(&d, c, &t);
	d.closed = forget(c->kind == CONN_OPEN);
	c->kind = CONN_CLOSED;
	bpf_spin_unlock(&c->lock);
	last_sweep(&w, visited);
	if (d.closed)
		census_close(w.unmet);
	setup_in = setup_bucket(d.setup);
	duration_in = duration_bucket(w.lifetime);

	taken = forget(pending_take(c));
	bpf_spin_lock(&f->lock);
	flow_add(f, &d, c);
	if (d.setup)
		span_add(&f->setup, setup_in, d.setup);
	if (d.closed)
		flow_leave(f, &w, duration_in);
	if (taken)
		pending_flush(f, &c->pending);
	bpf_spin_unlock(&f->lock);
	if (taken)
		pending_give(c);
	if (d.closed && is_reset(w.reason)) {
		conn_blame(c, w.reason, epoch);
		if (event_pause[EVENT_RESET])
			event_emit(c, tp, EVENT_RESET,
				   refused_data(c, tp, old_state) ? CLOSE_RESET_SENT : w.reason);
	}
	return 0;
}
