/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The beginning of a connection. */
#pragma once

#include "compat.bpf.h"
#include "filter.bpf.h"
#include "key.bpf.h"
#include "maps.bpf.h"

#define CALLBACKS (BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG)

/* Begins anew: a socket can live twice (a failed connect, then another). */
static __always_inline void conn_reset(struct conn *c, u8 kind, const struct owner_key *owner)
{
	bpf_spin_lock(&c->lock);
	c->kind = kind;
	c->key.owner = *owner;
	bpf_spin_unlock(&c->lock);
}

/* The client's SYN was timed by the first estimate: srtt is that sample. */
static __always_inline void syn_sample(struct conn *c, struct tcp_sock *tp)
{
	if (!tp->srtt_us)
		return; /* retransmitted: nobody knows which SYN was answered */
	c->syn.rtt = tp->srtt_us >> 3;
	c->syn.rtt_variation = tp->mdev_us >> 2;
	c->syn.receive_window = tp->rcv_wnd;
	c->syn.send_window = tp->snd_wnd;
	c->syn_pending = 1;
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
	c->syn_pending = 0;
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
	if (key->role == ROLE_CLIENT)
		syn_sample(c, tp);
	c->kind = CONN_OPEN;
	bpf_spin_unlock(&c->lock);
}
