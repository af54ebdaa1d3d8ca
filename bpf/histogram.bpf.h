/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Exact base-2 exponential histograms: the bounds are those of OTLP, powers of
 * 2^(2^-scale) of the metric's unit, upper bound inclusive.
 */
#pragma once

#include "knobs.bpf.h"
#include "conn.h"

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

/* The functions that find a bucket the slow way are global, so that the verifier
 * looks at them once: their branches would multiply in each program that calls
 * them.
 */

/* The smallest i with us <= rtt_bounds[i]. A power of two starts at most four
 * bounds before the next one, so three compares decide.
 */
__noinline u32 rtt_bucket_large(u32 us)
{
	u32 i, k = ilog2(us);

	barrier_var(k); /* or the mask is gone: the compiler knows more than 6.1's verifier */
	i = rtt_guess[k & 31];
	if (i > RTT_BUCKETS - 5)
		i = RTT_BUCKETS - 5;
	if (us <= rtt_bounds[i + 1])
		return us <= rtt_bounds[i] ? i : i + 1;
	if (us <= rtt_bounds[i + 2])
		return i + 2;
	return us <= rtt_bounds[i + 3] ? i + 3 : i + 4;
}

/* Bucket 0 is that of 0. */
static __always_inline u32 rtt_bucket(u32 us)
{
	if (us >= RTT_SMALL)
		return rtt_bucket_large(us);
	barrier_var(us); /* the verifier may have lost the compare, but not the mask */
	return rtt_small[us & (RTT_SMALL - 1)];
}

/* 0 for 0, else one more than the smallest i with bytes <= 2^i. */
__noinline u32 window_bucket(u32 bytes)
{
	u32 i = bytes > 1 ? ilog2(bytes - 1) + 2 : bytes;

	return i < WINDOW_BUCKETS ? i : WINDOW_BUCKETS - 1;
}

/* Whether window_bucket would say so, which costs a call. */
static __always_inline bool in_window_bucket(u32 bytes, u32 bucket)
{
	if (bytes <= 1 || bucket <= 1)
		return bytes == bucket;
	return (bytes - 1) >> ((bucket - 2) & 31) == 1;
}

/* Caller holds the lock of h's flow. */
static __always_inline void rtt_add(struct rtt_histogram *h, u8 bucket)
{
	h->counts[bucket & (RTT_BUCKETS - 1)]++;
}

/* Caller holds the lock of h's flow. */
static __always_inline void window_add(struct window_histogram *h, u8 bucket, u32 n)
{
	h->counts[bucket & (WINDOW_BUCKETS - 1)] += n;
}

/* Four buckets of round trips make one of a handshake: up to 2^-19 s, … 2^11 s. */
static __always_inline u32 setup_bucket(u32 us)
{
	u32 i = (rtt_bucket(us) + 3) >> 2;

	return i < SPAN_BUCKETS ? i : SPAN_BUCKETS - 1;
}

/* Up to 2^-7 s, … 2^23 s, which are 97 days. 2^-7 s are 15625/2 µs. */
static __always_inline u32 duration_bucket(u64 us)
{
	u64 units = (2 * us + 15624) / 15625;

	return window_bucket(units < 1 << 30 ? units : 1 << 30);
}

/* Caller holds the lock of h's flow. */
static __always_inline void span_add(struct span_histogram *h, u8 bucket, u64 us)
{
	h->counts[bucket & (SPAN_BUCKETS - 1)]++;
	h->sum += us;
}

/* Caller holds f->lock. */
static __always_inline void sums_add(struct flow *f, const struct sample *sum)
{
	f->rtt.sum += sum->rtt;
	f->rtt_variation.sum += sum->rtt_variation;
	f->receive_window.sum += sum->receive_window;
	f->send_window.sum += sum->send_window;
}
