/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Whether a connection is observed: it matches an include entry, or there is
 * none, and no exclude entry. Decided once, when it is established.
 */
#pragma once

#include "cidr.bpf.h"
#include "knobs.bpf.h"
#include "maps.bpf.h"

struct candidate {
	__be32 peer[4];
	u32 list;    /* enum rule_list */
	u32 matches; /* rules whose globs match, a bit each */
	u32 port;    /* the server's */
	u32 matched;
};

static __always_inline bool rule_has_cidr(const volatile struct rule *r, const __be32 *peer)
{
	for (u32 i = 0; i < MAX_CIDRS && i < r->n_cidrs; i++)
		if (cidr_contains(&r->cidrs[i], peer))
			return true;
	return !r->n_cidrs;
}

static __always_inline bool rule_has_port(const volatile struct rule *r, u32 port)
{
	for (u32 i = 0; i < MAX_PORTS && i < r->n_ports; i++)
		if (r->ports[i] == port)
			return true;
	return !r->n_ports;
}

static long rule_match(u32 i, struct candidate *c)
{
	const volatile struct rule *r;

	if (i >= MAX_RULES || c->list >= LISTS)
		return 1;
	r = &rules[c->list][i];
	c->matched = (!r->has_globs || (c->matches >> i & 1)) && rule_has_port(r, c->port) &&
		     rule_has_cidr(r, c->peer);
	return c->matched;
}

static __always_inline bool list_matches(struct candidate *c, const struct owner *o, u32 list)
{
	c->list = list;
	c->matches = o ? o->matches[list] : 0;
	c->matched = 0;
	bpf_loop(n_rules[list], rule_match, c, 0);
	return c->matched;
}

/* key still has both ports. */
static __always_inline bool observed(const struct flow_key *key)
{
	struct candidate c = {};
	struct owner *o = NULL;

	if (!n_rules[LIST_INCLUDE] && !n_rules[LIST_EXCLUDE])
		return true;
	if (n_globs) {
		o = bpf_map_lookup_elem(&owners, &key->owner);
		if (!o)
			count(STAT_OWNER_FULL);
	}
	__builtin_memcpy(c.peer, key->remote, sizeof(c.peer));
	c.port = key->role == ROLE_CLIENT ? key->remote_port : key->local_port;
	if (n_rules[LIST_INCLUDE] && !list_matches(&c, o, LIST_INCLUDE))
		return false;
	return !n_rules[LIST_EXCLUDE] || !list_matches(&c, o, LIST_EXCLUDE);
}
