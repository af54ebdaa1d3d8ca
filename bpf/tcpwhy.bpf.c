/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The kernel side of tcpwhy: reads each TCP socket's own totals and round trips
 * and adds them up by flow. Hooks hold no logic: each fetches its arguments and
 * calls the one function named by its event.
 */
#include "apart.bpf.h"
#include "attempt.bpf.h"
#include "close.bpf.h"
#include "fail.bpf.h"
#include "found.bpf.h"
#include "listen.bpf.h"
#include "open.bpf.h"
#include "owner.bpf.h"
#include "reset.bpf.h"
#include "retransmit.bpf.h"
#include "stall.bpf.h"
#include "sweep.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void on_listen(struct conn *c, struct tcp_sock *tp)
{
	c->visited = ticks();
	census_listen();
	if (tp)
		listener_key(c, (struct sock *)tp);
}

/* The process that connects or listens: both callbacks run in its context. */
static __noinline int on_owned(struct bpf_sock_ops *ctx, u8 kind)
{
	struct bpf_sock *sk = ctx->sk;
	struct owner_key owner;
	struct conn *c;

	if (!sk)
		return 0;
	c = bpf_sk_storage_get(&conns, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	/* To see it fail, and without a record to know it again: see on_established. */
	if (kind == CONN_CONNECTING)
		bpf_sock_ops_cb_flags_set(ctx,
					  ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
	if (!c) {
		count(STAT_NO_STORAGE);
		return 0;
	}
	owner = c->key.owner;
	if (c->kind != CONN_ATTEMPT)
		owner = owner_of((void *)bpf_get_current_task_btf());
	conn_reset(c, kind, &owner);
	if (kind != CONN_CONNECTING)
		on_listen(c, tcp_sock_of(sk));
	return 0;
}

/* What was before is told here, for on_owned has no stack left to tell it. */
static __always_inline void on_listening(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct conn *c;

	if (!sk)
		return;
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (c)
		life_end(c, tcp_sock_of(sk));
	on_owned(ctx, CONN_LISTENER);
}

/* The last chance: a close that nobody saw, and segments after it. */
static __always_inline void on_destroy(struct sock *sk)
{
	struct conn *c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	struct tcp_sock *tp;

	if (!c)
		stranger_end(sk);
	if (c && c->kind == CONN_LISTENER)
		listener_close(c, sk);
	if (!c || c->kind < CONN_ATTEMPT || c->kind > CONN_CLOSED)
		return;
	tp = tcp_sock_of(sk);
	if (!tp)
		return;
	if (c->kind == CONN_ATTEMPT)
		attempt_fail(c, tp);
	else if (c->kind == CONN_CONNECTING)
		conn_fail(c, tp);
	else
		conn_close(c, tp, sk->__sk_common.skc_state);
	reset_missed(c);
}

static __always_inline void on_connect(struct bpf_sock_addr *ctx, bool ipv6)
{
	struct conn *c = attempt_of(ctx);
	struct owner_key owner;

	if (!c)
		return;
	owner = owner_of((void *)bpf_get_current_task_btf());
	__builtin_memset(&c->key, 0, sizeof(c->key));
	c->key.role = ROLE_CLIENT;
	c->key.remote_port = bpf_ntohs(ctx->user_port);
	if (ipv6) {
		c->key.remote[0] = ctx->user_ip6[0];
		c->key.remote[1] = ctx->user_ip6[1];
		c->key.remote[2] = ctx->user_ip6[2];
		c->key.remote[3] = ctx->user_ip6[3];
	} else {
		c->key.local[2] = c->key.remote[2] = bpf_htonl(0xffff);
		c->key.remote[3] = ctx->user_ip4;
	}
	attempt_begin(c, &owner, tcp_sock_of(ctx->sk));
}

static __always_inline void mark(struct bpf_sock_ops *ctx)
{
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | CALLBACK_MARK);
}

static __noinline int on_established(struct bpf_sock_ops *ctx, u8 role)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	struct conn *c;

	if (!sk)
		return 0;
	c = bpf_sk_storage_get(&conns, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	tp = tcp_sock_of(sk);
	if (!c || !tp) {
		/* A client whose SYN we saw is counted already. */
		if (role != ROLE_CLIENT ||
		    !(ctx->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG))
			count(STAT_NO_STORAGE);
		mark(ctx);
		return 0;
	}
	if (c->kind == CONN_CONNECTING)
		role = ROLE_CLIENT; /* even if both ends sent a SYN */
	key_fill(&c->key, (struct sock_common *)tp, role);
	if (!observed(&c->key)) {
		count(STAT_EXCLUDED);
		bpf_sk_storage_delete(&conns, sk);
		mark(ctx);
		return 0;
	}
	key_reduce(&c->key, (struct sock_common *)tp, false);
	conn_open(c, tp);
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | CALLBACKS);
	return 0;
}

#define TURN_STATES (1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT | 1 << TCP_SYN_RECV)

/* Samples count while both ends may send: the ACK of a lone FIN comes when the
 * peer's delayed-ACK timer says so and tells nothing of the path. Who has answered what came
 * with a SYN (TCP Fast Open) before the handshake ends hears of that with its end, or of
 * no round trip at all: the one that is told then covers the answer.
 */
static __always_inline void on_rtt(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	struct sample s;
	struct conn *c;
	bool exchange;
	u32 stall;

	if (!sk || !(1 << ctx->state & TURN_STATES))
		return;
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (!c || c->kind != CONN_OPEN)
		return;
	tp = tcp_sock_of(sk);
	if (!tp)
		return;
	s.rtt = rtt_sample_us(ctx, tp);
	s.rtt_variation = tp->mdev_us >> 2;
	s.receive_window = tp->rcv_wnd;
	s.send_window = tp->snd_wnd;
	if (ctx->state == TCP_SYN_RECV) {
		if ((tp->bytes_acked || tp->snd_nxt != tp->snd_una) && turn_taken(c, tp, false))
			conn_exchange(c);
		return;
	}
	exchange = turn_taken(c, tp, ctx->state == TCP_CLOSE_WAIT);
	backoff_ended(c, tp);
	stall = stall_ended(tp);
	if (stall)
		conn_stall(c, s.rtt, stall, exchange);
	if (stall == STALL_NAGLE)
		return;
	c->sampled = 1;
	conn_sample(c, &s, exchange);
}

static __always_inline void on_state(struct bpf_sock_ops *ctx, u32 old_state, u32 state)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	struct conn *c;

	if (!(1 << state & ENDING_STATES) || !sk)
		return;
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	tp = tcp_sock_of(sk);
	if (!c || !tp)
		return;
	if (c->kind == CONN_ATTEMPT && state == TCP_CLOSE)
		attempt_end(c, tp); /* the callback is left from a try before */
	else if (c->kind == CONN_CONNECTING && state == TCP_CLOSE)
		conn_fail(c, tp);
	else if (c->kind == CONN_OPEN && state == TCP_CLOSE)
		conn_close(c, tp, old_state);
	else if (c->kind == CONN_OPEN)
		last_words(c, tp);
}

static __always_inline void on_retransmit(struct bpf_sock_ops *ctx, u32 seq, u32 segments)
{
	struct bpf_sock *sk = ctx->sk;
	struct tcp_sock *tp;
	struct conn *c;

	if (!sk)
		return;
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	tp = tcp_sock_of(sk);
	if (c && tp && c->kind == CONN_OPEN)
		conn_retransmit(c, tp, seq, segments);
}

SEC("sockops")
int tcpwhy_sock_ops(struct bpf_sock_ops *ctx)
{
	switch (ctx->op) {
	case BPF_SOCK_OPS_RTT_CB:
		on_rtt(ctx);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		on_state(ctx, ctx->args[0], ctx->args[1]);
		break;
	case BPF_SOCK_OPS_RETRANS_CB:
		on_retransmit(ctx, ctx->args[0], ctx->args[1]);
		break;
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
		on_owned(ctx, CONN_CONNECTING);
		break;
	case BPF_SOCK_OPS_TCP_LISTEN_CB:
		on_listening(ctx);
		break;
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		on_established(ctx, ROLE_CLIENT);
		break;
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		on_established(ctx, ROLE_SERVER);
		break;
	}
	return 1;
}

/* Attached beside others: 1 is to go on. */
SEC("cgroup/connect4")
int tcpwhy_connect4(struct bpf_sock_addr *ctx)
{
	on_connect(ctx, false);
	return 1;
}

SEC("cgroup/connect6")
int tcpwhy_connect6(struct bpf_sock_addr *ctx)
{
	on_connect(ctx, true);
	return 1;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcpwhy_destroy, struct sock *sk)
{
	on_destroy(sk);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int tcpwhy_reset(u64 *ctx)
{
	on_reset_sent((struct sock *)ctx[0], reset_reason(ctx));
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int tcpwhy_syn_ack(u64 *ctx)
{
	on_syn_ack_again((struct sock *)ctx[0], (struct request_sock *)ctx[1]);
	return 0;
}

SEC("tp_btf/kfree_skb")
int tcpwhy_drop(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[3]; /* since 6.11 */

	if (sk && sk->__sk_common.skc_state == TCP_LISTEN)
		on_drop(sk, (struct sk_buff *)ctx[0], ctx[2]);
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int tcpwhy_sweep(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct sock *sk = ctx->sk;
	struct conn *c = ctx->value;

	if (sk && c)
		on_sweep(ctx->meta->seq, sk, c);
	return 0;
}

SEC("iter/task_file")
int tcpwhy_sweep_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (socket && socket->sk)
		on_held(ctx->meta->seq, socket->sk);
	return 0;
}

SEC("iter/tcp")
int tcpwhy_sweep_hashed(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct tcp_sock *tp;

	if (!skc)
		return 0;
	tp = bpf_skc_to_tcp_sock(skc);
	if (tp)
		on_unheld(ctx->meta->seq, (struct sock *)tp);
	return 0;
}

SEC("iter/task_file")
int tcpwhy_find(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (socket && socket->sk)
		on_file(task, socket->sk);
	return 0;
}

SEC("iter/tcp")
int tcpwhy_callbacks(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;

	if (skc)
		on_hashed(skc);
	return 0;
}
