/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The beginning of a connection. */
#pragma once

#include "compat.bpf.h"
#include "filter.bpf.h"
#include "key.bpf.h"
#include "maps.bpf.h"
#include "pending.bpf.h"

#define CALLBACKS (BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG)

/* Begins anew: a socket can live twice (a failed connect, then another). */
static __always_inline void conn_reset(struct conn *c, u8 kind, const struct owner_key *owner)
{
	bpf_spin_lock(&c->lock);
	c->kind = kind;
	c->key.owner = *owner;
	bpf_spin_unlock(&c->lock);
}

/* The client's SYN was timed by the first estimate: srtt is that sample. If it was
 * retransmitted there is none, for nobody knows which SYN was answered.
 */
static __always_inline void syn_sample(struct conn *c, struct tcp_sock *tp)
{
	struct sample s = {
		.rtt = tp->srtt_us >> 3,
		.rtt_variation = tp->mdev_us >> 2,
		.receive_window = tp->rcv_wnd,
		.send_window = tp->snd_wnd,
	};

	if (tp->srtt_us)
		conn_sample(c, &s);
}

/* Totals of a socket that is established for the first time count from zero:
 * its SYN is a segment of this connection.
 */
static __always_inline void conn_open(struct conn *c, struct tcp_sock *tp, const struct flow_key *key)
{
	u32 sweep = current_control().sweep;
	u64 id = key_hash(key);

	bpf_spin_lock(&c->lock);
	c->opened = 0;
	c->sampled = 0;
	c->lost = 0;
	c->cleared = 0;
	c->flow_id = id;
	c->key = *key;
	c->since = tp->tcp_mstamp;
	c->bytes[0] = c->bytes[1] = 0;
	c->segments[0] = c->segments[1] = 0;
	c->data_segments[0] = c->data_segments[1] = 0;
	c->retransmits = 0;
	c->sweep = sweep;
	c->busy = 0;
	__builtin_memset(&c->pending, 0, sizeof(c->pending));
	c->kind = CONN_OPEN;
	bpf_spin_unlock(&c->lock);
	if (key->role == ROLE_CLIENT)
		syn_sample(c, tp);
}
