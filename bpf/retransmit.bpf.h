/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* What is retransmitted, by kind, and its episodes. */
#pragma once

#include "fold.bpf.h"
#include "kind.bpf.h"
#include "stall.bpf.h"

/* One episode for each burst of loss: what was sent before it began belongs to it. The last
 * one is open as long as its end is in flight; later its number means nothing, for what is
 * sent since may be more than half of all numbers.
 */
static __always_inline bool new_episode(struct conn *c, struct tcp_sock *tp, u32 seq)
{
	u32 una = tp->snd_una, open = c->episode - una;

	if (open <= tp->snd_nxt - una && seq - una < open)
		return false;
	c->episode = tp->snd_nxt;
	return true;
}

/* Without timestamps what is sent again has no round trip that would tell of a turn. */
static __always_inline bool repeated_turn(struct conn *c, struct tcp_sock *tp)
{
	u32 state = ((struct sock *)tp)->__sk_common.skc_state;

	if (has_timestamps(tp) || (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT))
		return false;
	return turn_taken(c, tp, state == TCP_CLOSE_WAIT);
}

/* The kernel has counted the segments before it calls; what else is unclaimed found no
 * flow's entry when its kind was known.
 */
static __always_inline void conn_retransmit(struct conn *c, struct tcp_sock *tp, u32 seq,
					    u32 segments)
{
	u32 kind = retransmit_kind(c, tp, seq), total = tp->total_retrans, n;
	u32 exchange, episode;
	struct flow *f;

	remember_kind(c, kind);
	f = conn_flow(c, current_control().epoch, false);
	if (!f)
		return;
	exchange = forget(repeated_turn(c, tp));
	episode = forget(kind != RETRANSMIT_SYN && new_episode(c, tp, seq));
	bpf_spin_lock(&c->lock);
	n = claim32(&c->retransmits, total);
	bpf_spin_unlock(&c->lock);
	if (segments > n)
		segments = n;

	bpf_spin_lock(&f->lock);
	if (kind < RETRANSMIT_KINDS)
		f->retransmits[kind] += segments;
	f->retransmits[RETRANSMIT_UNKNOWN] += n - segments;
	f->episodes += episode;
	f->exchanges += exchange;
	bpf_spin_unlock(&f->lock);
}

/* Those of the handshake, which are no episode: as it ends, and later of a connection that
 * began with data, whose SYN-ACK is sent again (see on_syn_ack_again).
 */
static __noinline int syn_retransmits(struct conn *c, struct tcp_sock *tp)
{
	struct flow *f;
	u32 n, total;

	if (!c || !tp)
		return 0;
	total = tp->total_retrans;
	f = conn_flow(c, current_control().epoch, true);
	if (!f)
		return 0;
	bpf_spin_lock(&c->lock);
	n = claim32(&c->retransmits, total);
	bpf_spin_unlock(&c->lock);
	bpf_spin_lock(&f->lock);
	f->retransmits[RETRANSMIT_SYN] += n;
	bpf_spin_unlock(&f->lock);
	return 0;
}
