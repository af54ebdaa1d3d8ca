/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* RSTs that this host sends, and why. The kernel tells of each, of some before and of
 * some after their connection is closed.
 */
#pragma once

#include "compat.bpf.h"
#include "flow.bpf.h"
#include "open.bpf.h"

/* States in which a connection has a record of its own. */
#define CONNECTED_STATES (OPEN_STATES | 1 << TCP_CLOSE | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

static __always_inline void reset_count(void *resets, const struct reset_key *key)
{
	u32 none = 0, *n = bpf_map_lookup_elem(resets, key);

	if (!n) {
		bpf_map_update_elem(resets, key, &none, BPF_NOEXIST);
		n = bpf_map_lookup_elem(resets, key);
	}
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		count(STAT_RESET_FULL);
}

/* What is in overflow has no reason. */
static __always_inline void reset_explain(const struct flow *f, u64 flow_id, u32 odd, u32 reason)
{
	struct reset_key key = {.flow_id = flow_id, .reason = reason};

	if (!reason || !f->keyed || f->key.overflow)
		return;
	if (odd)
		reset_count(&resets_odd, &key);
	else
		reset_count(&resets_even, &key);
}

/* Caller holds f->lock. The peer was blamed for a RST that this end sent: see
 * refused_data. The flow is as it was then: neither its epoch nor its entry have changed.
 */
static __always_inline void flow_amend(struct flow *f)
{
	if (!f->closed[CLOSE_RESET_RECEIVED] || !f->resets[1])
		return;
	f->closed[CLOSE_RESET_RECEIVED]--;
	f->resets[1]--;
	f->closed[CLOSE_RESET_SENT]++;
}

/* The socket is locked, or nobody else's any more. */
static __noinline int conn_reset_sent(struct conn *c, u32 reason)
{
	u32 epoch = current_control().epoch;
	struct flow *f;
	bool blamed;

	if (!c)
		return 0;
	f = conn_flow(c, epoch, true);
	if (!f)
		return 0;
	blamed = forget(c->turn & TURN_BLAMED && c->episode == epoch);
	c->turn = (c->turn & ~TURN_BLAMED) | TURN_RESET;
	bpf_spin_lock(&f->lock);
	f->resets[0]++;
	if (blamed)
		flow_amend(f);
	bpf_spin_unlock(&f->lock);
	reset_explain(f, c->flow_id, epoch & 1, reason);
	return 0;
}

/* A RST that the kernel should have told of, and has not: another program of its kind was
 * running on this CPU.
 */
static __always_inline void reset_missed(struct conn *c)
{
	if ((c->turn & (TURN_RESETTING | TURN_RESET)) == TURN_RESETTING)
		conn_reset_sent(c, 0);
}

/* Where there is no connection, but a port at which nobody listens, a listener, or what is
 * left of a connection (TIME_WAIT).
 */
static __always_inline void stray_reset(u32 reason)
{
	u64 *n;

	if (reason >= RESET_REASONS)
		reason = 0;
	n = bpf_map_lookup_elem(&stray_resets, &reason);
	if (n)
		__sync_fetch_and_add(n, 1);
}

/* Before a null pointer was known to come (838a10bd2ebf, 6.13), the verifier took none for
 * possible: then its state is read as 0, and no record is found.
 */
static __always_inline void on_reset_sent(struct sock *sk, u32 reason)
{
	struct conn *c;

	if (!sk || !(1 << sk->__sk_common.skc_state & CONNECTED_STATES)) {
		stray_reset(reason);
		return;
	}
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (c && (c->kind == CONN_OPEN || c->kind == CONN_CLOSED))
		conn_reset_sent(c, reason);
}
