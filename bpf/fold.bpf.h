/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Moving what a socket's own totals have grown by into its flow, exactly once.
 *
 * The sweep and the close of one connection run at once on two CPUs. Each claims
 * under the record's lock what its totals exceed the folded ones by; totals only
 * grow, so whoever read older ones claims nothing. Without an entry to put a
 * claim into, none is made: the difference waits in the socket.
 */
#pragma once

#include "compat.bpf.h"
#include "flow.bpf.h"
#include "pending.bpf.h"

struct totals {
	u64 bytes[DIRECTIONS];
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	u32 retransmits;
	u32 spurious;
	u32 out_of_order;
	u32 limited[LIMITED]; /* jiffies */
	u32 now;	      /* ticks */
	u32 backoff;	      /* of zero window probes, or what they begin with */
	bool probing;	      /* something waits for a window */
	bool between;	      /* a retransmission may be under way */
};

struct delta {
	u64 bytes[DIRECTIONS];
	u64 time[PHASES]; /* ns */
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	u32 retransmits;
	u32 spurious;
	u32 out_of_order;
	u32 probes;
	u32 setup; /* µs; 0 is none */
	u8 opened;
	u8 closed;
	u16 pad;
};

/* Orders loads on CPUs that need it: an exchange is a full barrier in BPF. */
static __always_inline void full_barrier(void)
{
	volatile u64 word = 0;

	__sync_lock_test_and_set(&word, 1);
}

/* Payload bytes sent for the first time. A retransmission raises bytes_retrans
 * before bytes_sent; read in this order the difference is never too large.
 */
static __always_inline u64 payload_sent(struct tcp_sock *tp, bool locked)
{
	u64 sent = tp->bytes_sent;

	if (!locked)
		full_barrier();
	return sent - tp->bytes_retrans;
}

/* Payload bytes received: the kernel counts the peer's FIN as one byte, and sets
 * SOCK_DONE a little later (tcp_queue_rcv, then tcp_fin). Without the socket's
 * lock that moment is visible: while somebody works on the socket one byte is
 * held back. Retransmissions are held back as well, until the callback of the one
 * under way has told of what kind they are.
 */
static __always_inline void guarded_read(struct totals *t, struct tcp_sock *tp, bool locked)
{
	struct sock *sk = (struct sock *)tp;
	u64 received = tp->bytes_received;
	bool busy = false, done;

	t->retransmits = tp->total_retrans;
	if (!locked) {
		full_barrier();
		busy = sock_busy(sk);
		full_barrier();
	}
	done = sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1;
	t->bytes[1] = received && (done || busy) ? received - 1 : received;
	t->between = busy && tp->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_RETRANS_CB_FLAG;
}

/* What the peer says it got twice. The kernel counts a report before it decides to
 * ignore one of more segments than were ever sent again.
 */
static __always_inline u32 spurious_read(struct tcp_sock *tp, u32 retransmits)
{
	u32 reported = tp->dsack_dups;

	return reported < retransmits ? reported : retransmits;
}

static __always_inline void limits_once(u32 *limited, struct tcp_sock *tp)
{
	u32 type = chrono_type(tp), start = tp->chrono_start;
	u32 running = type ? (u32)bpf_jiffies64() - start : 0;

	limited[0] = tp->chrono_stat[0];
	limited[1] = tp->chrono_stat[1];
	limited[2] = tp->chrono_stat[2];
	if (type == 1)
		limited[0] += running;
	else if (type == 2)
		limited[1] += running;
	else if (type == 3)
		limited[2] += running;
}

/* The kernel adds to a phase when it ends. Between that and the next one's beginning, which
 * only a sweep can see, a phase looks too long by what it has lasted: it is looked at again.
 */
static __always_inline void limits_read(u32 *limited, struct tcp_sock *tp)
{
	u32 start = tp->chrono_start;

	limits_once(limited, tp);
	if (*(volatile __u32 *)&tp->chrono_start != start)
		limits_once(limited, tp);
}

static __always_inline bool has_timestamps(struct tcp_sock *tp)
{
	return BPF_CORE_READ_BITFIELD(tp, rx_opt.tstamp_ok);
}

/* Probes back off by what timeouts back off by, too. That is set back by the next round trip,
 * and without timestamps what was sent again has none: then it stays, and probes begin with
 * it.
 */
static __always_inline void probes_read(struct totals *t, struct tcp_sock *tp)
{
	t->probing = !tp->packets_out && tp->write_seq != tp->snd_nxt;
	if (t->probing || !has_timestamps(tp))
		t->backoff = ((struct inet_connection_sock *)tp)->icsk_backoff;
	t->probing = forget(t->probing);
	t->backoff = forget(t->backoff);
}

static __always_inline void totals_read(struct totals *t, struct tcp_sock *tp, bool locked)
{
	t->bytes[0] = payload_sent(tp, locked);
	guarded_read(t, tp, locked);
	t->segments[0] = tp->segs_out;
	t->segments[1] = tp->segs_in;
	t->data_segments[0] = tp->data_segs_out;
	t->data_segments[1] = tp->data_segs_in;
	t->spurious = spurious_read(tp, t->retransmits);
	t->out_of_order = tp->rcv_ooopack;
	probes_read(t, tp);
	limits_read(t->limited, tp);
	t->now = ticks();
	t->bytes[1] = forget64(t->bytes[1]);
	t->limited[0] = forget(t->limited[0]);
	t->limited[1] = forget(t->limited[1]);
	t->limited[2] = forget(t->limited[2]);
	t->between = forget(t->between);
}

/* A round trip, with which the kernel sets it back (tcp_ack_update_rtt). */
static __always_inline void backoff_ended(struct conn *c, struct tcp_sock *tp)
{
	if (c->backoff && !has_timestamps(tp))
		c->backoff = 0;
}

/* 0 for a negative number, without a branch: there are too many claims for 6.1's
 * verifier. The compiler makes one if it knows what the sign is.
 */
static __always_inline u64 not_negative64(u64 n)
{
	u64 sign = (s64)n >> 63;

	barrier_var(sign);
	return n & ~sign;
}

static __always_inline u32 not_negative32(u32 n)
{
	u32 sign = (s32)n >> 31;

	barrier_var(sign);
	return n & ~sign;
}

static __always_inline u64 claim64(u64 *folded, u64 now)
{
	u64 grown = not_negative64(now - *folded);

	*folded += grown;
	return grown;
}

/* 32-bit totals wrap: their difference does not. */
static __always_inline u32 claim32(u32 *folded, u32 now)
{
	u32 grown = not_negative32(now - *folded);

	*folded += grown;
	return grown;
}

/* Caller holds c->lock. What no limit explains of the time since the last claim was
 * idle: so phases add up, whatever jiffies round.
 */
static __always_inline void claim_time(struct delta *d, struct conn *c, const struct totals *t)
{
	u64 wall = (u64)claim32(&c->visited, t->now) << TICK_SHIFT;

	d->time[PHASE_NETWORK] = (u64)claim32(&c->limited[0], t->limited[0]) * jiffy;
	d->time[PHASE_RECEIVE_WINDOW] = (u64)claim32(&c->limited[1], t->limited[1]) * jiffy;
	d->time[PHASE_SEND_BUFFER] = (u64)claim32(&c->limited[2], t->limited[2]) * jiffy;
	wall -= d->time[PHASE_NETWORK] + d->time[PHASE_RECEIVE_WINDOW] + d->time[PHASE_SEND_BUFFER];
	d->time[PHASE_IDLE] = not_negative64(wall);
}

/* Caller holds c->lock. Each probe doubles the wait for the next; an open window
 * resets that. Probes between two visits that saw neither are not seen.
 */
static __always_inline void claim_probes(struct delta *d, struct conn *c, const struct totals *t)
{
	if (t->probing)
		d->probes = t->backoff > c->backoff   ? t->backoff - c->backoff
			    : t->backoff < c->backoff ? t->backoff
						      : 0;
	c->backoff = t->backoff;
}

/* Caller holds c->lock, and knows that the totals are this connection's. */
static __always_inline void claim(struct delta *d, struct conn *c, const struct totals *t)
{
	if (!c->opened) {
		d->setup = c->setup;
		c->out_of_order = 0;
		c->opened = OPENED_KNOWN;
		d->opened = 1;
	}
	d->bytes[0] = claim64(&c->bytes[0], t->bytes[0]);
	d->bytes[1] = claim64(&c->bytes[1], t->bytes[1]);
	d->segments[0] = claim32(&c->segments[0], t->segments[0]);
	d->segments[1] = claim32(&c->segments[1], t->segments[1]);
	d->data_segments[0] = claim32(&c->data_segments[0], t->data_segments[0]);
	d->data_segments[1] = claim32(&c->data_segments[1], t->data_segments[1]);
	if (!t->between)
		d->retransmits = claim32(&c->retransmits, t->retransmits);
	d->spurious = claim32(&c->spurious, t->spurious);
	d->out_of_order = claim32(&c->out_of_order, t->out_of_order);
	claim_time(d, c, t);
	claim_probes(d, c, t);
	d->setup = forget(d->setup);
	d->probes = forget(d->probes);
	d->retransmits = forget(d->retransmits);
}

/* Caller holds f->lock. */
static __always_inline void flow_add(struct flow *f, const struct delta *d, const struct conn *c)
{
	f->bytes[0] += d->bytes[0];
	f->bytes[1] += d->bytes[1];
	f->segments[0] += d->segments[0];
	f->segments[1] += d->segments[1];
	f->data_segments[0] += d->data_segments[0];
	f->data_segments[1] += d->data_segments[1];
	f->retransmits[RETRANSMIT_UNKNOWN] += d->retransmits;
	f->spurious += d->spurious;
	f->out_of_order += d->out_of_order;
	f->probes += d->probes;
	f->time[0] += d->time[0];
	f->time[1] += d->time[1];
	f->time[2] += d->time[2];
	f->time[3] += d->time[3];
	f->opened += d->opened;
	if (!f->since || c->since < f->since)
		f->since = c->since;
}
