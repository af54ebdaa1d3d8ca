/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Nagle's algorithm and a delayed acknowledgement wait for each other. */
#pragma once

#include "flow.bpf.h"
#include "kind.bpf.h"
#include "pending.bpf.h"

enum stall {
	STALL_NONE,
	STALL_NAGLE,
	STALL_CORK,
};

/* include/linux/tcp.h */
#define TCP_NAGLE_OFF 1
#define TCP_NAGLE_CORK 2

/* The acknowledgement that is being processed ends the wait: what waits is less than a
 * segment, the last segment sent was small (tcp_minshall_check) and is acknowledged,
 * and the peer's window has room.
 */
static __always_inline u32 stall_ended(struct tcp_sock *tp)
{
	u32 sent = tp->snd_nxt, written = tp->write_seq, waits = written - sent, nonagle;

	if (!waits || waits >= tp->mss_cache || tp->snd_una != sent || tp->snd_sml != sent)
		return STALL_NONE;
	if ((s32)(sent + tp->snd_wnd - written) < 0)
		return STALL_NONE;
	nonagle = BPF_CORE_READ_BITFIELD(tp, nonagle);
	if (nonagle & TCP_NAGLE_CORK)
		return STALL_CORK;
	return nonagle & TCP_NAGLE_OFF ? STALL_NONE : STALL_NAGLE;
}

static __noinline int conn_stall(struct conn *c, u32 us, u32 stall, bool exchange)
{
	struct flow *f;

	if (!c)
		return 0;
	f = conn_flow(c, current_control().epoch, true);
	if (!f)
		return 0;
	bpf_spin_lock(&f->lock);
	if (stall == STALL_NAGLE) {
		f->stalls++;
		f->stall_time += us;
		f->exchanges += exchange;
	} else {
		f->corks++;
	}
	bpf_spin_unlock(&f->lock);
	return 0;
}

/* An exchange that no sample goes with. */
static __noinline int conn_exchange(struct conn *c)
{
	struct flow *f;

	if (!c)
		return 0;
	f = conn_flow(c, current_control().epoch, true);
	if (!f)
		return 0;
	bpf_spin_lock(&f->lock);
	f->exchanges++;
	bpf_spin_unlock(&f->lock);
	return 0;
}

/* The sequence number up to which the application has read; the peer's FIN is no data. */
static __always_inline u32 data_read(struct tcp_sock *tp, bool fin)
{
	u32 read = tp->copied_seq;

	return read - (fin && read == tp->rcv_nxt);
}

/* Whether an exchange is complete. A client that has its request acknowledged has read the
 * answer to the one before; a server that has its answer acknowledged has read the request.
 * What has come is no measure: the segment that is being processed may be the answer, and
 * nobody can have read that one yet.
 */
static __always_inline bool turn_taken(struct conn *c, struct tcp_sock *tp, bool fin)
{
	u32 read = data_read(tp, fin);
	bool exchange = c->turn & TURN_ASKED && read != c->heard;

	c->heard = read;
	c->turn = TURN_ASKED | timeout_open(c, tp);
	return exchange;
}
