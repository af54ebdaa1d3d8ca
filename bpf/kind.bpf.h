/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Of what kind a retransmission is: known only while it happens. */
#pragma once

#include "flow.bpf.h"

/* A red-black tree of a million segments is no deeper. */
#define MAX_RTX_DEPTH 40

/* include/net/tcp.h */
#define TCPCB_LOST 0x04
#define TCPCB_TAGBITS 0x07 /* acknowledged, sent again, lost */

/* A router has said that the path takes smaller segments only: what is larger and in flight is
 * sent again at once, in the state of a timeout, but there is nothing to be undone
 * (tcp_simple_retransmit). A timeout has nothing to undo either if the window was already being
 * reduced (ECN, a full queue of this host): its first segment is told by icsk_retransmits, or by
 * a window that the peer has taken back, and the rest by what was sent again before.
 */
static __always_inline bool path_told(const struct conn *c, struct tcp_sock *tp,
				      struct inet_connection_sock *icsk)
{
	return !tp->undo_marker && !icsk->icsk_retransmits && tp->snd_wnd &&
	       !(c->turn & TURN_TIMED_OUT);
}

/* A server has not taken what went with the SYN, for it knows no Fast Open or not the cookie:
 * that is sent again with the end of the handshake (tcp_rcv_fastopen_synack), in the state of
 * a timeout. Kernels without 5dfe9d273932 "tcp: fix tcp_rcv_fastopen_synack() to enter
 * TCP_CA_Loss for failed TFO" (6.10, and stable ones) are in none: there it is of another kind.
 */
static __always_inline bool syn_data_again(struct tcp_sock *tp, struct inet_connection_sock *icsk)
{
	return BPF_CORE_READ_BITFIELD(tp, fastopen_client_fail) >= TFO_DATA_NOT_ACKED &&
	       tp->bytes_acked <= 1 && !icsk->icsk_retransmits;
}

/* The last segment in flight, which a loss probe sends again if there is nothing new. If it is
 * lost and was not sent again, it is sent for that.
 */
static __noinline int last_in_flight(struct tcp_sock *tp, u32 seq)
{
	struct rb_node *node, *right;
	struct tcp_skb_cb *cb;
	struct sk_buff *skb;

	if (!tp)
		return false;
	node = BPF_CORE_READ((struct sock *)tp, tcp_rtx_queue.rb_node);
	for (int depth = 0; node && depth < MAX_RTX_DEPTH; depth++) {
		right = BPF_CORE_READ(node, rb_right);
		if (!right)
			break;
		node = right;
	}
	if (!node)
		return false;
	skb = (void *)node - bpf_core_field_offset(struct sk_buff, rbnode);
	cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	return BPF_CORE_READ(cb, seq) == seq &&
	       (BPF_CORE_READ(cb, sacked) & TCPCB_TAGBITS) != TCPCB_LOST;
}

/* As long as no segment is known to be lost, a loss probe that is pending is the one that is
 * being sent (tcp_send_loss_probe). Later, what is lost may go again while it is pending, for
 * its timer is replaced only when the first segment in flight has gone again.
 */
static __always_inline bool probed(struct tcp_sock *tp, struct inet_connection_sock *icsk,
				   u32 state, u32 seq)
{
	if (icsk->icsk_pending != ICSK_TIME_LOSS_PROBE)
		return false;
	return state < TCP_CA_Recovery || last_in_flight(tp, seq);
}

static __always_inline u32 retransmit_kind(const struct conn *c, struct tcp_sock *tp, u32 seq)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)tp;
	u32 state = BPF_CORE_READ_BITFIELD(icsk, icsk_ca_state);

	if (probed(tp, icsk, state, seq))
		return RETRANSMIT_TAIL_LOSS_PROBE;
	if (state == TCP_CA_Recovery)
		return RETRANSMIT_FAST;
	if (state != TCP_CA_Loss)
		return RETRANSMIT_UNKNOWN;
	if (syn_data_again(tp, icsk))
		return RETRANSMIT_SYN;
	return path_told(c, tp, icsk) ? RETRANSMIT_FAST : RETRANSMIT_TIMEOUT;
}

static __always_inline void remember_kind(struct conn *c, u32 kind)
{
	u32 turn = c->turn & ~TURN_TIMED_OUT;

	c->turn = kind == RETRANSMIT_TIMEOUT ? turn | TURN_TIMED_OUT : turn;
}

/* TURN_TIMED_OUT, until what was in flight when the timer ran out is acknowledged. */
static __always_inline u32 timeout_open(const struct conn *c, struct tcp_sock *tp)
{
	u32 open = c->turn & TURN_TIMED_OUT;

	return open && (s32)(tp->snd_una - tp->high_seq) < 0 ? open : 0;
}
