/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The beginning of a connection. */
#pragma once

#include "census.bpf.h"
#include "compat.bpf.h"
#include "filter.bpf.h"
#include "key.bpf.h"
#include "maps.bpf.h"
#include "pending.bpf.h"
#include "retransmit.bpf.h"

#define CALLBACKS                                                                                  \
	(BPF_SOCK_OPS_RTT_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG)

/* Marks a connection that has no record, and of which all is told: a callback that comes
 * seldom, and that we leave alone.
 */
#define CALLBACK_MARK BPF_SOCK_OPS_RTO_CB_FLAG

/* Sockets that may still receive. */
#define OPEN_STATES                                                                                \
	(1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT | 1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2)

/* Begins anew: a socket can live twice (a failed connect, then another). */
static __always_inline void conn_reset(struct conn *c, u8 kind, const struct owner_key *owner)
{
	census_reuse(c);
	c->key.owner = *owner;
	c->since = bpf_ktime_get_ns() / 1000;
	c->opened = OPENED_NEWS;
	c->kind = kind;
}

/* What a client's handshake took, in µs; 0 where nobody has seen its beginning: of a
 * server, and of one that is older than we are.
 */
static __always_inline u32 handshake(const struct conn *c, u64 established)
{
	if (c->kind != CONN_CONNECTING || c->opened == OPENED_LONG_AGO)
		return 0;
	return established > c->since ? established - c->since : 1;
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
		conn_sample(c, &s, false);
}

/* A server answers from the beginning; a client has asked already if data went with its
 * SYN (bytes_acked counts the SYN too), whether the server took it or not.
 */
static __always_inline u8 first_turn(const struct conn *c, struct tcp_sock *tp)
{
	if (c->key.role != ROLE_CLIENT || tp->bytes_acked > 1 || tp->snd_nxt != tp->snd_una)
		return TURN_ASKED;
	return 0;
}

/* Totals of a socket that is established count from zero: its SYN is a segment of this
 * connection. Phases do not: they may be of another one, before a disconnect, or of data
 * that went with the SYN, and the handshake is none of a connection's time. Until kind says so, no sweep looks at
 * the record; the exchange makes the rest seen before it.
 */
static __always_inline void conn_open(struct conn *c, struct tcp_sock *tp)
{
	u64 now = tp->tcp_mstamp;
	u32 setup;

	if (!now) /* a child of TCP Fast Open has not been stamped yet */
		now = bpf_ktime_get_ns() / 1000;
	census_reuse(c);
	census_open();
	setup = handshake(c, now);
	c->since = now;
	c->opened = OPENED_NEWS;
	c->sampled = 0;
	c->lost = 0;
	c->cleared = 0;
	c->flow_id = key_hash(&c->key);
	c->bytes[0] = c->bytes[1] = 0;
	c->segments[0] = c->segments[1] = 0;
	c->data_segments[0] = c->data_segments[1] = 0;
	c->retransmits = 0;
	c->spurious = 0;
	c->setup = setup;
	limits_read(c->limited, tp);
	c->visited = ticks();
	c->live = 0;
	c->backoff = 0;
	c->turn = first_turn(c, tp);
	c->episode = tp->snd_nxt;
	c->heard = tp->copied_seq;
	__builtin_memset(&c->pending, 0, sizeof(c->pending));
	__sync_lock_test_and_set(&c->busy, 0);
	if (tp->total_retrans)
		syn_retransmits(c, tp);
	c->kind = CONN_OPEN;
	if (c->key.role == ROLE_CLIENT)
		syn_sample(c, tp);
}
