/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Sockets that are older than these programs are adopted: what their totals are now is
 * where our counting begins. What a live event wrote stays: a record is made whole or
 * not at all.
 */
#pragma once

#include "filter.bpf.h"
#include "fold.bpf.h"
#include "listen.bpf.h"
#include "open.bpf.h"
#include "owner.bpf.h"

static __always_inline struct port port_of(struct sock *sk)
{
	struct port p = {};

	p.netns = sk->__sk_common.skc_net.net->ns.inum;
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

/* Port 0 stands for the namespace. */
static __always_inline void found_namespace(struct sock *sk)
{
	struct owner_key nobody = {};
	struct port p = port_of(sk);

	p.number = 0;
	bpf_map_update_elem(&listening, &p, &nobody, BPF_NOEXIST);
}

/* Of a port that several share the first one found answers. */
static __always_inline void found_listener(struct sock *sk, struct conn *found)
{
	struct port p = port_of(sk);

	found->kind = CONN_LISTENER;
	found->visited = ticks();
	listener_key(found, sk);
	bpf_map_update_elem(&listening, &p, &found->key.owner, BPF_NOEXIST);
	if (!bpf_sk_storage_get(&conns, sk, found, BPF_SK_STORAGE_GET_F_CREATE))
		count(STAT_NO_STORAGE);
}

/* The SYN is on its way: when it was sent is not known. */
static __always_inline void found_connecting(struct sock *sk, struct conn *found)
{
	found->kind = CONN_CONNECTING;
	if (!bpf_sk_storage_get(&conns, sk, found, BPF_SK_STORAGE_GET_F_CREATE))
		count(STAT_NO_STORAGE);
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
	c->episode = tp->snd_nxt;
	c->heard = tp->data_segs_in;
	c->opened = 1; /* long ago */
}

/* Whoever has a listener at its port was accepted, and belongs to its owner if no
 * process holds it yet. False if somebody works on the socket: its totals are between
 * two states.
 */
static __noinline int found_connection(struct tcp_sock *tp, struct conn *found, u32 how)
{
	struct sock *sk = (struct sock *)tp;
	struct owner_key *listener;
	struct totals t = {};
	struct port p;

	if (!tp || !found)
		return 0;
	p = port_of(sk);
	totals_read(&t, tp, how & FOUND_LOCKED);
	if (!(how & (FOUND_LOCKED | FOUND_LAST)) && sock_busy(sk))
		return -1;
	listener = bpf_map_lookup_elem(&listening, &p);
	if (listener && !found->key.owner.program && !found->key.owner.start)
		found->key.owner = *listener;
	key_fill(&found->key, &sk->__sk_common, listener ? ROLE_SERVER : ROLE_CLIENT);
	if (!observed(&found->key))
		return 0;
	key_reduce(&found->key);
	found->flow_id = key_hash(&found->key);
	baseline(found, tp, &t);
	found->kind = CONN_OPEN;
	found->cleared = CALLBACKS_NEVER;
	if (!bpf_sk_storage_get(&conns, sk, found, BPF_SK_STORAGE_GET_F_CREATE))
		count(STAT_NO_STORAGE);
	return 0;
}

#define FULL_STATES (OPEN_STATES | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

static __always_inline struct search *current_search(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&search, &zero);
}

/* On a stack of its own. */
static __noinline int found_owner(struct conn *found, struct task_struct *task)
{
	if (found)
		found->key.owner = owner_of(task);
	return 0;
}

/* Listeners first: they tell which end a connection is. */
static __noinline int on_found(struct task_struct *task, struct sock *sk)
{
	struct search *s = current_search();
	struct conn found = {};
	struct tcp_sock *tp;
	u32 state;

	tp = bpf_skc_to_tcp_sock(sk);
	if (!s || !tp || bpf_sk_storage_get(&conns, sk, NULL, 0))
		return 0;
	state = sk->__sk_common.skc_state;
	if (state == TCP_CLOSE || !in_cgroup(sk))
		return 0;
	found_namespace(sk);
	found_owner(&found, task);
	if (state == TCP_LISTEN)
		found_listener(sk, &found);
	else if (state == TCP_SYN_SENT)
		found_connecting(sk, &found);
	else if (s->how & FOUND_CONNECTIONS && 1 << state & FULL_STATES)
		s->busy += found_connection(tp, &found, s->how) != 0;
	return 0;
}

#define SOL_TCP 6
#define TCP_BPF_SOCK_OPS_CB_FLAGS 1008 /* not in all headers yet */

/* In the namespace of the collector's thread, with the socket locked: what no process
 * holds (not accepted yet, orphaned, on its way to another process), and the callbacks
 * of all. Where the kernel cannot switch them on, round trips are sampled.
 */
static __noinline int on_held_by_none(struct sock_common *skc)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(skc);
	struct conn found = {};
	struct conn *c;
	int flags;

	if (!tp || !(1 << skc->skc_state & FULL_STATES) || !in_cgroup((struct sock *)tp))
		return 0;
	c = bpf_sk_storage_get(&conns, tp, NULL, 0);
	if (!c) {
		found_connection(tp, &found, FOUND_LOCKED);
		c = bpf_sk_storage_get(&conns, tp, NULL, 0);
	}
	if (!c || c->kind != CONN_OPEN || c->cleared != CALLBACKS_NEVER)
		return 0;
	flags = tp->bpf_sock_ops_cb_flags | CALLBACKS;
	bpf_setsockopt(tp, SOL_TCP, TCP_BPF_SOCK_OPS_CB_FLAGS, &flags, sizeof(flags));
	return 0;
}
