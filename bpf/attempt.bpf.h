/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* A connect that fails before its SYN: no callback tells of that. The call itself is
 * noted before the kernel looks for a route and a port; if no SYN follows, what the
 * kernel has written into the socket tells how far it came.
 */
#pragma once

#include "census.bpf.h"
#include "fail.bpf.h"
#include "listen.bpf.h"
#include "owner.bpf.h"

/* IPv4's address is written when there is a route, IPv6's before, but the kind of its
 * large segments after (tcp_v4_connect, tcp_v6_connect). A program after ours may have put
 * another address in the place of the caller's (load balancers in sockets do): then any is
 * as good that was not there before.
 */
static __always_inline bool found_route(const struct conn *c, struct sock *sk)
{
	struct sock_common *skc = &sk->__sk_common;

	if (skc->skc_family == AF_INET || c->key.remote[2] == bpf_htonl(0xffff))
		return skc->skc_daddr == c->key.remote[3] || skc->skc_daddr != c->episode;
	return sk->sk_gso_type;
}

/* A SYN that waits for the first write is still to come, or was when the process closed
 * or disconnected the socket: that leaves an error.
 */
static __always_inline bool given_up(struct tcp_sock *tp)
{
	return connect_deferred(tp) || ((struct sock *)tp)->sk_err == ECONNRESET;
}

/* The process has closed the socket or tries again, and no SYN was sent. A socket that has
 * sent one before has our callback, which tells of a lack of ports at once: the kernel sets
 * the state before it looks for a port, and back. What a try before has left in such a
 * socket tells nothing of this one.
 */
static __always_inline u32 attempt_failure(const struct conn *c, struct tcp_sock *tp)
{
	if (tp->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG)
		return FAILURE_NETWORK_UNREACHABLE;
	if (given_up(tp))
		return FAILURE_ABORTED;
	return found_route(c, (struct sock *)tp) ? FAILURE_NO_ADDRESS : FAILURE_NETWORK_UNREACHABLE;
}

static __noinline int attempt_fail(struct conn *c, struct tcp_sock *tp)
{
	if (!c || !tp)
		return 0;
	return flow_fail(c, tp, attempt_failure(c, tp));
}

/* The socket begins another life, by connect or listen. What the last one has not told yet
 * nobody tells later: a connect without a SYN, and what a listener, shut down since, has
 * dropped after its last sweep.
 */
static __always_inline void life_end(struct conn *c, struct tcp_sock *tp)
{
	if (c->kind == CONN_ATTEMPT)
		attempt_fail(c, tp);
	else if (tp && c->kind == CONN_LISTENER)
		listener_close(c, (struct sock *)tp);
}

/* The state was set back. */
static __always_inline void attempt_end(struct conn *c, struct tcp_sock *tp)
{
	flow_fail(c, tp, given_up(tp) ? FAILURE_ABORTED : FAILURE_NO_ADDRESS);
}

static __always_inline void attempt_begin(struct conn *c, const struct owner_key *owner,
					  struct tcp_sock *tp)
{
	census_reuse(c);
	c->episode = tp ? ((struct sock *)tp)->__sk_common.skc_daddr : 0; /* see found_route */
	c->key.owner = *owner;
	c->since = bpf_ktime_get_ns() / 1000;
	c->opened = OPENED_NEWS;
	c->kind = CONN_ATTEMPT;
}

/* The socket of a connect call to TCP, in the caller's context. */
static __always_inline struct conn *attempt_of(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct conn *c;

	if (!sk || ctx->protocol != IPPROTO_TCP)
		return NULL;
	c = bpf_sk_storage_get(&conns, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!c)
		count(STAT_NO_ATTEMPT); /* what sends a SYN has another chance then */
	else
		life_end(c, tcp_sock_of(sk));
	return c;
}
