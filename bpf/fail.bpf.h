/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* A connection that was never established. */
#pragma once

#include "apart.bpf.h"
#include "event.bpf.h"
#include "filter.bpf.h"
#include "flow.bpf.h"
#include "key.bpf.h"

/* While connect holds the socket's lock, what ICMP says is only noted. The kernel takes
 * the note for the reason of a timeout as well. It is gone once the application has
 * asked for it (SO_ERROR).
 */
static __always_inline int error_of(struct sock *sk)
{
	int err = sk->sk_err;

	return err ? err : sk->sk_err_soft;
}

/* Without an error the owner closed it: a loser of a race between addresses. ECONNABORTED is
 * of one that somebody else on this host has destroyed ("ss -K").
 */
static __always_inline u32 failure(struct sock *sk)
{
	switch (error_of(sk)) {
	case 0:
	case ECONNABORTED:
		return FAILURE_ABORTED;
	case ECONNREFUSED:
		return FAILURE_REFUSED;
	case ETIMEDOUT:
		return FAILURE_TIMED_OUT;
	case EHOSTUNREACH:
		return FAILURE_HOST_UNREACHABLE;
	case ENETUNREACH:
		return FAILURE_NETWORK_UNREACHABLE;
	case ECONNRESET:
	case EPIPE:
		return FAILURE_RESET;
	case EADDRNOTAVAIL:
		return FAILURE_NO_ADDRESS;
	}
	return FAILURE_OTHER;
}

/* What came to a client whose connection is refused came with a RST; an ICMP message
 * is no segment.
 */
static __always_inline bool reset_received(u32 why, struct tcp_sock *tp)
{
	return (why == FAILURE_REFUSED || why == FAILURE_RESET) && tp->segs_in;
}

/* c names the owner and the time; it is no connection any more. What stands in the
 * peer's place is the address that was to be reached.
 */
static __noinline int flow_fail(struct conn *c, struct tcp_sock *tp, u32 why)
{
	struct flow *f;
	bool reset;

	if (!c || !tp)
		return 0;
	c->kind = CONN_NONE;
	if (!observed(&c->key)) {
		count(STAT_EXCLUDED);
		return 0;
	}
	key_reduce(&c->key, (struct sock_common *)tp, false);
	c->flow_id = key_hash(&c->key);
	c->lost = 0;
	reset = reset_received(why, tp);
	f = conn_flow(c, current_control().epoch, true);
	if (!f)
		return 0;
	bpf_spin_lock(&f->lock);
	if (why < FAILURES)
		f->failed[why]++;
	f->segments[0] += tp->segs_out;
	f->segments[1] += tp->segs_in;
	f->data_segments[0] += tp->data_segs_out;
	f->retransmits[RETRANSMIT_SYN] += tp->total_retrans;
	f->resets[1] += reset;
	if (!f->since || c->since < f->since)
		f->since = c->since;
	bpf_spin_unlock(&f->lock);
	if (event_pause[EVENT_FAILED])
		event_emit(c, tp, EVENT_FAILED, why);
	return 0;
}

/* A SYN was sent. The key is not known before, and forgotten soon after. */
static __always_inline void conn_fail(struct conn *c, struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;

	key_fill(&c->key, &sk->__sk_common, ROLE_CLIENT);
	flow_fail(c, tp, failure(sk));
}
