/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Sockets that are older than these programs are adopted: what their totals are now is
 * where our counting begins. What a live event wrote stays: a record is made whole or
 * not at all.
 */
#pragma once

#include "apart.bpf.h"
#include "census.bpf.h"
#include "filter.bpf.h"
#include "fold.bpf.h"
#include "heir.bpf.h"
#include "listen.bpf.h"
#include "open.bpf.h"
#include "owner.bpf.h"

static __always_inline struct port port_of(struct sock *sk)
{
	struct port p = {};

	p.netns = namespace_of(&sk->__sk_common);
	p.number = sk->__sk_common.skc_num;
	return p;
}

#define MAX_CGROUP_DEPTH 16

/* Inlined, both names of the field would be read at once. */
static __noinline struct kernfs_node *parent_of(struct kernfs_node *kn)
{
	return kernfs_parent(kn);
}

/* Callbacks come from the observed cgroup and those below it only. */
static __noinline int in_cgroup(struct sock *sk)
{
	struct kernfs_node *kn;

	if (!cgroup_root)
		return 1;
	kn = sk->sk_cgrp_data.cgroup->kn;
	for (int i = 0; i < MAX_CGROUP_DEPTH && kn; i++) {
		if (kn->id == cgroup_root)
			return 1;
		kn = parent_of(kn);
	}
	return 0;
}

#define FULL_STATES (OPEN_STATES | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

/* A child of a listener has a clone of its record: if it was established before the
 * callbacks came, that is all that it has.
 */
static __always_inline struct conn *record_of(struct sock *sk)
{
	struct conn *c = bpf_sk_storage_get(&conns, sk, NULL, 0);

	if (!c || c->kind != CONN_LISTENER || !(1 << sk->__sk_common.skc_state & FULL_STATES))
		return c;
	bpf_sk_storage_delete(&conns, sk);
	return NULL;
}

static __always_inline struct conn *record_make(struct sock *sk, struct conn *found)
{
	struct conn *c = bpf_sk_storage_get(&conns, sk, found, BPF_SK_STORAGE_GET_F_CREATE);

	if (!c)
		count(STAT_NO_STORAGE);
	return c;
}

/* A live event's record may have been there first: it has counted itself. */
static __always_inline void connection_make(struct sock *sk, struct conn *found)
{
	struct conn *c;

	census_open();
	c = record_make(sk, found);
	if (!c || c->cleared != CALLBACKS_NEVER || c->since != found->since)
		census_close(false);
}

static __always_inline void port_note(struct sock *sk, const struct owner_key *owner)
{
	struct port_owner first = {.owner = *owner};
	struct port p = port_of(sk);
	struct port_owner *known;

	known = bpf_map_lookup_elem(&listening, &p);
	if (known) {
		if (!same_owner(&known->owner, owner))
			known->shared = 1;
	} else if (bpf_map_update_elem(&listening, &p, &first, BPF_NOEXIST)) {
		count(STAT_PORT_FULL);
	}
}

/* Live events have made records of some. */
static __noinline int found_listener(struct sock *sk, struct conn *found)
{
	struct conn *c;

	if (!sk || !found)
		return 0;
	c = record_of(sk);
	if (!c) {
		found->kind = CONN_LISTENER;
		found->visited = ticks();
		found->since = bpf_ktime_get_ns() / 1000;
		listener_key(found, sk);
		census_listen();
		c = record_make(sk, found);
	}
	if (c && c->kind == CONN_LISTENER)
		port_note(sk, &c->key.owner);
	return 0;
}

/* The SYN is on its way: when it was sent is not known. */
static __always_inline void found_connecting(struct sock *sk, struct conn *found)
{
	found->kind = CONN_CONNECTING;
	found->opened = OPENED_LONG_AGO;
	found->since = bpf_ktime_get_ns() / 1000;
	record_make(sk, found);
}

static __always_inline void baseline(struct conn *c, struct tcp_sock *tp, const struct totals *t)
{
	c->bytes[0] = t->bytes[0];
	c->bytes[1] = t->bytes[1];
	c->segments[0] = t->segments[0];
	c->segments[1] = t->segments[1];
	c->data_segments[0] = t->data_segments[0];
	c->data_segments[1] = t->data_segments[1];
	c->retransmits = t->retransmits;
	c->spurious = t->spurious;
	c->out_of_order = t->out_of_order;
	c->limited[0] = t->limited[0];
	c->limited[1] = t->limited[1];
	c->limited[2] = t->limited[2];
	c->backoff = t->backoff;
	c->visited = t->now;
	c->since = bpf_ktime_get_ns() / 1000;
	c->episode = tp->rtt_seq; /* see adopted_sample */
	c->heard = tp->copied_seq;
	c->opened = OPENED_LONG_AGO;
}

/* False if somebody works on the socket: its totals are between two states. Who does
 * so all the time is taken as he is, and the byte that a sweep holds back then was here
 * before us.
 */
static __always_inline bool settled(struct totals *t, struct tcp_sock *tp, u32 how)
{
	u64 sent = tp->bytes_sent;

	totals_read(t, tp, how & FOUND_LOCKED);
	if (how & FOUND_LOCKED || (!sock_busy((struct sock *)tp) && tp->bytes_sent == sent))
		return true;
	if (how & FOUND_LAST)
		t->bytes[1] = tp->bytes_received;
	return how & FOUND_LAST;
}

/* Whoever has a listener at its port was accepted from it and belongs to its owner. Of
 * a port that several listen at who holds the connection knows better.
 */
static __always_inline u8 found_role(struct conn *found, struct sock *sk)
{
	struct port p = port_of(sk);
	struct port_owner *listener = bpf_map_lookup_elem(&listening, &p);

	if (!listener)
		return ROLE_CLIENT;
	if (!listener->shared || is_nobody(&found->key.owner))
		found->key.owner = listener->owner;
	return ROLE_SERVER;
}

/* A server answers. A client has asked if it has sent since it last received, by the
 * kernel's clock for both: of what comes within a jiffy the answer is taken for the last.
 */
static __always_inline u8 found_turn(const struct conn *found, struct tcp_sock *tp)
{
	u32 received = ((struct inet_connection_sock *)tp)->icsk_ack.lrcvtime;

	if (found->key.role != ROLE_CLIENT || (s32)(tp->lsndtime - received) > 0)
		return TURN_ASKED;
	return 0;
}

/* Negative if it is to be looked at again. */
static __noinline int found_connection(struct tcp_sock *tp, struct conn *found, u32 how)
{
	struct sock *sk = (struct sock *)tp;
	struct totals t = {};

	if (!tp || !found)
		return 0;
	if (!settled(&t, tp, how))
		return -1;
	key_fill(&found->key, &sk->__sk_common, found_role(found, sk));
	if (!observed(&found->key)) {
		found->kind = CONN_NONE; /* so that it is known when it ends */
		bpf_sk_storage_get(&conns, sk, found, BPF_SK_STORAGE_GET_F_CREATE);
		return 0;
	}
	key_reduce(&found->key, &sk->__sk_common, true);
	found->flow_id = key_hash(&found->key);
	baseline(found, tp, &t);
	found->kind = CONN_OPEN;
	found->cleared = CALLBACKS_NEVER;
	found->turn = found_turn(found, tp);
	connection_make(sk, found);
	return 0;
}

/* With a frame of its own on the small stack. */
static __noinline int owner_tell(struct task_struct *task, struct owner_key *owner)
{
	if (task && owner)
		*owner = owner_of(task);
	return 0;
}

static __always_inline void on_older(struct task_struct *task, struct sock *sk, struct search *s)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	u32 state = sk->__sk_common.skc_state;
	struct conn found = {};

	if (!tp || !in_cgroup(sk) || (state != TCP_LISTEN && record_of(sk)))
		return;
	owner_tell(task, &found.key.owner);
	if (state == TCP_LISTEN)
		found_listener(sk, &found);
	else if (state == TCP_SYN_SENT)
		found_connecting(sk, &found);
	else if (1 << state & FULL_STATES)
		s->busy += found_connection(tp, &found, s->how) != 0;
}

/* Listeners first: they tell which end a connection is. Those of init are somebody
 * else's, if there is anybody.
 */
static __noinline int on_file(struct task_struct *task, struct sock *sk)
{
	struct search *s = current_search();
	bool listens, all, of_init;

	if (!s || (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP))
		return 0;
	listens = sk->__sk_common.skc_state == TCP_LISTEN;
	all = s->how & FOUND_CONNECTIONS;
	of_init = s->how & FOUND_INIT;
	if (!all && (!listens || is_init(task) != of_init))
		return 0;
	if (s->how & FOUND_HOLDERS || sk->sk_protocol == IPPROTO_MPTCP)
		holder_note(task, sk);
	else
		on_older(task, sk, s);
	return 0;
}

#define SOL_TCP 6
#define TCP_BPF_SOCK_OPS_CB_FLAGS 1008 /* not in all headers yet */

/* Where the kernel cannot, the sweep samples round trips. */
static __always_inline void callbacks_on(struct tcp_sock *tp, int flags)
{
	flags |= tp->bpf_sock_ops_cb_flags;
	bpf_setsockopt(tp, SOL_TCP, TCP_BPF_SOCK_OPS_CB_FLAGS, &flags, sizeof(flags));
}

/* Nothing has been counted of it yet: now that the socket is locked, begin again. */
static __noinline int rebase(struct conn *c, struct tcp_sock *tp)
{
	struct totals t = {};

	if (!c || !tp)
		return 0;
	totals_read(&t, tp, true);
	baseline(c, tp, &t);
	return 0;
}

static __always_inline void hashed_connection(struct tcp_sock *tp, struct conn *found)
{
	struct conn *c = record_of((struct sock *)tp);

	if (!c) {
		found_connection(tp, found, FOUND_LOCKED);
		c = bpf_sk_storage_get(&conns, tp, NULL, 0);
	}
	if (!c || c->kind != CONN_OPEN || c->cleared != CALLBACKS_NEVER)
		return;
	if ((tp->bpf_sock_ops_cb_flags & CALLBACKS) != CALLBACKS) {
		rebase(c, tp);
		callbacks_on(tp, CALLBACKS);
	} /* else another program has seen to it, and we are called back already */
	if ((tp->bpf_sock_ops_cb_flags & CALLBACKS) == CALLBACKS)
		c->episode = tp->snd_nxt;
}

/* In the namespace of the collector's thread, with the socket locked: what no process
 * holds (not accepted yet, orphaned, on its way to another process, a subflow), and the
 * callbacks of all. Listeners come first.
 */
static __noinline int on_hashed(struct sock_common *skc)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(skc);
	struct search *s = current_search();
	struct conn found = {};

	if (!s || !tp || !in_cgroup((struct sock *)tp))
		return 0;
	found.key.owner = first_holder(tp);
	if (skc->skc_state == TCP_LISTEN)
		found_listener((struct sock *)tp, &found);
	else if (!(s->how & FOUND_CONNECTIONS))
		return 0;
	else if (skc->skc_state == TCP_SYN_SENT)
		callbacks_on(tp, BPF_SOCK_OPS_STATE_CB_FLAG);
	else if (1 << skc->skc_state & FULL_STATES)
		hashed_connection(tp, &found);
	return 0;
}

/* Where two CPUs make a socket of one handshake, that which comes second is thrown away: it
 * has counted the SYN and nothing else (tcp_create_openreq_child). Who disconnects has
 * forgotten the peer.
 */
static __always_inline bool is_twin(struct tcp_sock *tp)
{
	return tp->segs_in <= 1 && !tp->segs_out && ((struct sock *)tp)->__sk_common.skc_dport;
}

/* The end of a socket without a record. If it was ever established, and has no mark, it is
 * older than we are, and no way of those above has led to it.
 */
static __always_inline void stranger_end(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sock_of(sk);

	if (!tp || !tp->max_window || is_twin(tp))
		return;
	if (tp->bpf_sock_ops_cb_flags & (CALLBACK_MARK | BPF_SOCK_OPS_STATE_CB_FLAG))
		return;
	if (in_cgroup(sk))
		count(STAT_NOT_FOUND);
}
