/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Listeners change hands: a parent forks workers and ends, an old process passes its
 * sockets to a new one, systemd opens them for others. So now and then all open files
 * are looked at, and a listener whose owner does not hold it any more belongs to one
 * who does.
 */
#pragma once

#include "compat.bpf.h"
#include "key.bpf.h"
#include "knobs.bpf.h"
#include "maps.bpf.h"
#include "owner.bpf.h"

static __always_inline struct search *current_search(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&search, &zero);
}

/* Opens sockets for those that it starts, and keeps them. */
static __always_inline bool is_init(struct task_struct *task)
{
	return (u32)task->tgid == init_pid;
}

static __always_inline bool same_owner(const struct owner_key *a, const struct owner_key *b)
{
	return a->start == b->start && a->program == b->program;
}

static __always_inline bool is_nobody(const struct owner_key *o)
{
	return !o->start && !o->program;
}

/* The address of the socket that a process holds. */
static __always_inline u64 held_socket(struct tcp_sock *tp)
{
	struct mptcp_subflow_context *subflow;

	if (!bpf_core_field_exists(tp->is_mptcp) || !tp->is_mptcp)
		return (u64)tp;
	subflow = ((struct inet_connection_sock *)tp)->icsk_ulp_data;
	return (u64)BPF_CORE_READ(subflow, conn);
}

/* Processes come in the order of their pids. */
static __noinline int holder_note(struct task_struct *task, struct sock *sk)
{
	struct holder h = {.socket = (u64)sk};
	struct search *s = current_search();
	struct owner_key owner;
	long err = 0;

	if (!s || !task || !sk)
		return 0;
	if (!bpf_map_lookup_elem(&holders, &h)) {
		owner = owner_of(task);
		err = bpf_map_update_elem(&holders, &h, &owner, BPF_ANY);
	}
	h.owner = owner_key_of(task);
	err |= bpf_map_update_elem(&holders, &h, &h.owner, BPF_ANY);
	if (err) {
		s->full = 1;
		count(STAT_HOLDER_FULL);
	}
	return 0;
}

/* The first holder, if there is any. */
static __always_inline struct owner_key first_holder(struct tcp_sock *tp)
{
	struct holder h = {.socket = held_socket(tp)};
	struct owner_key *first = bpf_map_lookup_elem(&holders, &h);
	struct owner_key nobody = {};

	return first ? *first : nobody;
}

static __always_inline bool holds(const struct owner_key *owner, struct tcp_sock *tp)
{
	struct holder h = {.socket = held_socket(tp), .owner = *owner};

	return bpf_map_lookup_elem(&holders, &h);
}

/* Connections that are established from now on are the heir's: a child is a clone, made
 * under this lock. Where nobody was found to hold the listener it stays as it is: it is
 * on its way, or held in a way that cannot be seen. One that began after the look may
 * have the address of another.
 */
static __always_inline void listener_inherit(struct conn *c, struct sock *sk)
{
	struct search *s = current_search();
	struct tcp_sock *tp = tcp_sock_of(sk);
	struct flow_key key = c->key;
	u64 id;

	if (!s || !tp || s->full || c->since >= s->begun || holds(&c->key.owner, tp))
		return;
	key.owner = first_holder(tp);
	if (is_nobody(&key.owner))
		return;
	id = key_hash(&key);
	bpf_spin_lock(&c->lock);
	c->key.owner = key.owner;
	c->flow_id = id;
	bpf_spin_unlock(&c->lock);
	c->lost = 0;
}
