/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Samples wait in their socket until some go together to the flow: with the next
 * sweep, the close, or when there are many. The socket's callbacks are serialised
 * by its lock; the sweep is not. Whoever finds the other at work does not wait:
 * the sweep leaves the samples for later, a callback goes to the flow directly.
 */
#pragma once

#include "flow.bpf.h"
#include "histogram.bpf.h"

static __always_inline bool pending_take(struct conn *c)
{
	return !__sync_lock_test_and_set(&c->busy, 1);
}

/* On x86 a store is seen after those before it, elsewhere an exchange sees to
 * that.
 */
static __always_inline void pending_give(struct conn *c)
{
#ifdef __TARGET_ARCH_x86
	barrier();
	*(volatile u32 *)&c->busy = 0;
#else
	__sync_lock_test_and_set(&c->busy, 0);
#endif
}

/* Caller has taken p. False if p must be flushed first: it is full, a window has
 * moved to another bucket, or a sum would overflow.
 */
static __always_inline bool pending_windows(struct pending *p, const struct sample *s)
{
	if (p->n)
		return in_window_bucket(s->receive_window, p->receive_bucket) &&
		       in_window_bucket(s->send_window, p->send_bucket);
	p->receive_bucket = window_bucket(s->receive_window);
	p->send_bucket = window_bucket(s->send_window);
	return true;
}

static __always_inline bool pending_sums(struct pending *p, const struct sample *s)
{
	struct sample sum = p->sum;

	sum.rtt += s->rtt;
	sum.rtt_variation += s->rtt_variation;
	sum.receive_window += s->receive_window;
	sum.send_window += s->send_window;
	if (sum.rtt < s->rtt || sum.rtt_variation < s->rtt_variation ||
	    sum.receive_window < s->receive_window || sum.send_window < s->send_window)
		return false;
	p->sum = sum;
	return true;
}

/* Caller has taken p. */
static __always_inline bool pending_add(struct pending *p, const struct sample *s, bool exchange)
{
	u32 rtt, rtt_variation, n = p->n;

	if (n >= PENDING || !pending_windows(p, s) || !pending_sums(p, s))
		return false;
	rtt = rtt_bucket(s->rtt);
	rtt_variation = rtt_bucket(s->rtt_variation);
	barrier_var(n); /* 6.1's verifier has forgotten the bound */
	n &= PENDING - 1;
	p->rtt[n] = rtt;
	p->rtt_variation[n] = rtt_variation;
	p->n = n + 1;
	p->exchanges += exchange;
	return true;
}

/* Caller has taken p and holds f->lock. */
static __always_inline void pending_flush(struct flow *f, struct pending *p)
{
	u32 n = p->n;

	if (!n)
		return;
	for (u32 i = 0; i < PENDING && i < n; i++) {
		rtt_add(&f->rtt, p->rtt[i]);
		rtt_add(&f->rtt_variation, p->rtt_variation[i]);
	}
	window_add(&f->receive_window, p->receive_bucket, n);
	window_add(&f->send_window, p->send_bucket, n);
	sums_add(f, &p->sum);
	f->exchanges += p->exchanges;
	__builtin_memset(&p->sum, 0, sizeof(p->sum));
	p->n = p->exchanges = 0;
}

/* The flow gets what is pending, and then the sample. */
static __noinline int sample_to_flow(struct conn *c, const struct sample *s, bool exchange)
{
	u32 rtt, rtt_variation, receive, send;
	struct flow *f;
	bool taken;

	if (!c || !s)
		return 0;
	f = conn_flow(c, current_control().epoch, true);
	if (!f)
		return 0;
	rtt = rtt_bucket(s->rtt);
	rtt_variation = rtt_bucket(s->rtt_variation);
	receive = window_bucket(s->receive_window);
	send = window_bucket(s->send_window);
	taken = pending_take(c);
	bpf_spin_lock(&f->lock);
	if (taken)
		pending_flush(f, &c->pending);
	rtt_add(&f->rtt, rtt);
	rtt_add(&f->rtt_variation, rtt_variation);
	window_add(&f->receive_window, receive, 1);
	window_add(&f->send_window, send, 1);
	sums_add(f, s);
	f->exchanges += exchange;
	bpf_spin_unlock(&f->lock);
	if (taken)
		pending_give(c);
	return 0;
}

static __always_inline void conn_sample(struct conn *c, const struct sample *s, bool exchange)
{
	bool added = false;

	if (pending_take(c)) {
		added = pending_add(&c->pending, s, exchange);
		pending_give(c);
	}
	if (!added)
		sample_to_flow(c, s, exchange);
}
