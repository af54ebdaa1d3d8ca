/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Exact base-2 exponential histograms: the bounds are those of OTLP, powers of
 * 2^(2^-scale) of the metric's unit, upper bound inclusive.
 */
#pragma once

#include "knobs.bpf.h"
#include "types.h"

/* floor(log2(v)), 0 for 0 */
static __always_inline u32 ilog2(u32 v)
{
	u32 r, shift;

	r = (v > 0xffff) << 4;
	v >>= r;
	shift = (v > 0xff) << 3;
	v >>= shift;
	r |= shift;
	shift = (v > 0xf) << 2;
	v >>= shift;
	r |= shift;
	shift = (v > 0x3) << 1;
	v >>= shift;
	r |= shift;
	return r | (v >> 1);
}

/* The smallest i with us <= rtt_bounds[i]. A power of two starts at most four
 * bounds before the next one, so three compares decide.
 */
static __always_inline u32 rtt_bucket(u32 us)
{
	u32 i = rtt_guess[ilog2(us) & 31];

	if (i > RTT_BUCKETS - 5)
		i = RTT_BUCKETS - 5;
	if (us <= rtt_bounds[i + 1])
		return us <= rtt_bounds[i] ? i : i + 1;
	if (us <= rtt_bounds[i + 2])
		return i + 2;
	return us <= rtt_bounds[i + 3] ? i + 3 : i + 4;
}

static __always_inline void rtt_add(struct rtt_histogram *h, u32 us)
{
	u32 i;

	h->sum += us;
	if (!us) {
		h->zero++;
		return;
	}
	i = rtt_bucket(us);
	if (i < RTT_BUCKETS)
		h->counts[i]++;
}

/* The smallest i with bytes <= 2^i. */
static __always_inline u32 window_bucket(u32 bytes)
{
	return bytes < 2 ? 0 : ilog2(bytes - 1) + 1;
}

static __always_inline void window_add(struct window_histogram *h, u32 bytes)
{
	u32 i;

	h->sum += bytes;
	if (!bytes) {
		h->zero++;
		return;
	}
	i = window_bucket(bytes);
	if (i < WINDOW_BUCKETS)
		h->counts[i]++;
}

/* Caller holds f->lock. */
static __always_inline void windows_add(struct flow *f, const struct sample *s)
{
	window_add(&f->receive_window, s->receive_window);
	window_add(&f->send_window, s->send_window);
}

/* Caller holds f->lock. */
static __always_inline void sample_add(struct flow *f, const struct sample *s)
{
	rtt_add(&f->rtt, s->rtt);
	rtt_add(&f->rtt_variation, s->rtt_variation);
	windows_add(f, s);
}
