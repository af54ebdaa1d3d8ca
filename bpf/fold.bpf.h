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
	u64 since; /* of the connection that they belong to */
	u64 bytes[DIRECTIONS];
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	u32 retransmits;
	u32 pad;
};

struct delta {
	u64 bytes[DIRECTIONS];
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	u32 retransmits;
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
 * held back.
 */
static __always_inline u64 payload_received(struct tcp_sock *tp, bool locked)
{
	struct sock *sk = (struct sock *)tp;
	u64 received = tp->bytes_received;
	bool busy = false, done;

	if (!locked) {
		full_barrier();
		busy = sock_busy(sk);
		full_barrier();
	}
	done = sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_DONE) & 1;
	return received && (done || busy) ? received - 1 : received;
}

static __always_inline void totals_read(struct totals *t, struct tcp_sock *tp, bool locked)
{
	t->bytes[0] = payload_sent(tp, locked);
	t->bytes[1] = payload_received(tp, locked);
	t->segments[0] = tp->segs_out;
	t->segments[1] = tp->segs_in;
	t->data_segments[0] = tp->data_segs_out;
	t->data_segments[1] = tp->data_segs_in;
	t->retransmits = tp->total_retrans;
}

static __always_inline u64 claim64(u64 *folded, u64 now)
{
	u64 grown = now - *folded;

	if ((s64)grown <= 0)
		return 0;
	*folded = now;
	return grown;
}

/* 32-bit totals wrap: their difference does not. */
static __always_inline u32 claim32(u32 *folded, u32 now)
{
	u32 grown = now - *folded;

	if ((s32)grown <= 0)
		return 0;
	*folded = now;
	return grown;
}

/* Caller holds c->lock. */
static __always_inline void claim(struct delta *d, struct conn *c, const struct totals *t)
{
	if (c->since != t->since)
		return; /* the socket has begun another connection meanwhile */
	d->bytes[0] = claim64(&c->bytes[0], t->bytes[0]);
	d->bytes[1] = claim64(&c->bytes[1], t->bytes[1]);
	d->segments[0] = claim32(&c->segments[0], t->segments[0]);
	d->segments[1] = claim32(&c->segments[1], t->segments[1]);
	d->data_segments[0] = claim32(&c->data_segments[0], t->data_segments[0]);
	d->data_segments[1] = claim32(&c->data_segments[1], t->data_segments[1]);
	d->retransmits = claim32(&c->retransmits, t->retransmits);
	d->opened = !c->opened;
	c->opened = 1;
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
	f->retransmits += d->retransmits;
	f->opened += d->opened;
	if (!f->since || c->since < f->since)
		f->since = c->since;
}
