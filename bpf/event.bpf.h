/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Single connections that user space is told of at once. Off unless configured: then
 * callers hold no code of this.
 */
#pragma once

#include "knobs.bpf.h"
#include "maps.bpf.h"

#define EVENT_BURST 1000000000 /* ns that an allowance may be saved for */

/* A connection's event takes event_pause of the time that has passed, of which at most
 * EVENT_BURST is saved up.
 */
static __always_inline bool event_allowed(u32 kind)
{
	struct event_limit *l = bpf_map_lookup_elem(&event_limits, &kind);
	u64 now = bpf_ktime_get_ns();
	bool allowed;
	s64 pause;

	if (!l || kind >= EVENTS)
		return false;
	pause = event_pause[kind];
	bpf_spin_lock(&l->lock);
	if ((s64)(now - l->spent) > EVENT_BURST)
		l->spent = now - EVENT_BURST;
	allowed = (s64)(now - l->spent) >= pause;
	if (allowed)
		l->spent += pause;
	bpf_spin_unlock(&l->lock);
	return allowed;
}

/* The granularity has left one of the ports in the key, and the socket may have lost
 * one: a closed one has no place among the bound ones any more.
 */
static __always_inline void event_ports(struct event *e, struct inet_sock *inet)
{
	struct sock_common *skc = (struct sock_common *)inet;

	if (!e->key.local_port)
		e->key.local_port = skc->skc_num;
	if (!e->key.local_port)
		e->key.local_port = bpf_ntohs(inet->inet_sport);
	if (!e->key.remote_port)
		e->key.remote_port = bpf_ntohs(skc->skc_dport);
}

/* c's key is reduced: whose address is masked stays so. */
static __noinline int event_emit(struct conn *c, struct tcp_sock *tp, u32 kind, u32 reason)
{
	struct event *e;

	if (!c || !tp)
		return 0;
	if (!event_allowed(kind)) {
		count(STAT_EVENT_LIMITED);
		return 0;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count(STAT_EVENT_FULL);
		return 0;
	}
	e->key = c->key;
	event_ports(e, (struct inet_sock *)tp);
	e->time = bpf_ktime_get_ns();
	e->age = c->since ? e->time / 1000 - c->since : 0;
	e->bytes[0] = kind == EVENT_RESET ? c->bytes[0] : 0;
	e->bytes[1] = kind == EVENT_RESET ? c->bytes[1] : 0;
	e->retransmits = tp->total_retrans;
	e->kind = kind;
	e->reason = reason;
	e->pad = 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
