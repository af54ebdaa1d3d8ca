/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Where a connection's counts go: its own flow, else its owner's overflow, else
 * the rest. The chain cannot fail for want of room.
 */
#pragma once

#include "compat.bpf.h"
#include "key.bpf.h"
#include "maps.bpf.h"

/* First come writes the key; a stranger with the same hash is told so. */
static __always_inline bool flow_claim(struct flow *f, const struct flow_key *key)
{
	bool mine = true;

	if (f->keyed && key_equal(&f->key, key))
		return true;
	bpf_spin_lock(&f->lock);
	if (!f->keyed) {
		f->key = *key;
		f->keyed = 1;
	} else {
		mine = key_equal(&f->key, key);
	}
	bpf_spin_unlock(&f->lock);
	return mine;
}

/* *full says that there is no room; NULL without it: none for the moment. */
static __always_inline struct flow *flow_of(void *flows, struct conn *c, bool *full)
{
	struct flow *f = bpf_map_lookup_elem(flows, &c->flow_id);

	if (!f) {
		*full = map_insert(flows, &c->flow_id, &no_flow) == -E2BIG;
		f = bpf_map_lookup_elem(flows, &c->flow_id);
		if (!f)
			return NULL;
	}
	if (flow_claim(f, &c->key))
		return f;
	count(STAT_FLOW_COLLISION);
	*full = true;
	return NULL;
}

static __always_inline struct flow *overflow_of(void *overflow, struct conn *c)
{
	struct flow *f = bpf_map_lookup_elem(overflow, &c->key.owner);

	if (f)
		return f;
	bpf_map_update_elem(overflow, &c->key.owner, &no_flow, BPF_NOEXIST);
	f = bpf_map_lookup_elem(overflow, &c->key.owner);
	if (!f)
		return NULL;
	bpf_spin_lock(&f->lock);
	f->key.owner = c->key.owner;
	f->key.overflow = 1;
	bpf_spin_unlock(&f->lock);
	return f;
}

static __always_inline struct flow *rest_of(u32 parity)
{
	return bpf_map_lookup_elem(&rest, &parity);
}

static __noinline struct flow *overflow_flow(struct conn *c, u32 odd)
{
	struct flow *f;

	if (!c)
		return NULL;
	if (!c->lost) {
		c->lost = 1;
		count(STAT_OVERFLOW);
	}
	f = odd ? overflow_of(&overflow_odd, c) : overflow_of(&overflow_even, c);
	return f ? f : rest_of(odd);
}

/* NULL if there is no entry for the moment and it is not the last chance. */
static __always_inline struct flow *conn_flow(struct conn *c, u32 epoch, bool last)
{
	u32 odd = epoch & 1;
	bool full = false;
	struct flow *f;

	f = odd ? flow_of(&flows_odd, c, &full) : flow_of(&flows_even, c, &full);
	if (f)
		return f;
	if (full || last)
		return overflow_flow(c, odd);
	count(STAT_FLOW_RETRY);
	return NULL;
}
