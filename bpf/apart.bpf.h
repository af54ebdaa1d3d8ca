/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* A peer's address may stand for somebody else, one behind it for each connection, and
 * only user space can find out who. It needs such connections one by one: they keep both
 * ports, and a number, for a port may be used again within an epoch.
 */
#pragma once

#include "cidr.bpf.h"
#include "key.bpf.h"
#include "maps.bpf.h"

/* So many connections are told apart before it is known whether an end stands for
 * others. A translation is known a moment after its first connection.
 */
#define UNKNOWN_APART 64

static __always_inline u16 serial_take(void)
{
	enum serial which = SERIAL_NEXT;
	u32 *next = bpf_map_lookup_elem(&serials, &which);
	u32 *until, n;

	which = SERIAL_UNTIL;
	until = bpf_map_lookup_elem(&serials, &which);
	if (!next || !until)
		return 0;
	n = __sync_fetch_and_add(next, 1);
	if ((s32)(*until - n) > 0)
		return n % 65535 + 1;
	count(STAT_NOT_APART);
	return 0;
}

static __always_inline struct end_state *end_of(const struct end *end, bool make)
{
	struct end_state unknown = {};
	struct end_state *s = bpf_map_lookup_elem(&ends, end);

	if (s || !make)
		return s;
	bpf_map_update_elem(&ends, end, &unknown, BPF_NOEXIST);
	return bpf_map_lookup_elem(&ends, end);
}

static __always_inline u32 namespace_of(struct sock_common *sk)
{
	return sk->skc_net.net->ns.inum;
}

/* 0 if there are too many already. Two namespaces may use the same addresses and ports. */
static __always_inline u16 serial_give(u64 home)
{
	u32 serial = serial_take();

	if (serial)
		bpf_map_update_elem(&homes, &serial, &home, BPF_ANY);
	return serial;
}

/* 0 if the connection need not be told apart. All ends that stood for others when we
 * came are known, and so are those that clients seem to come from: anybody may.
 */
static __noinline u16 serial_of(const struct flow_key *key, u32 older, u32 home)
{
	struct end end = {};
	struct end_state *s;
	bool may;

	if (!key || !current_control().apart)
		return 0;
	__builtin_memcpy(end.address, key->remote, sizeof(end.address));
	if (key->role == ROLE_CLIENT)
		end.port = key->remote_port;
	may = key->role == ROLE_CLIENT && !older;
	s = end_of(&end, may);
	if (s && s->kind == END_ITSELF)
		return 0;
	if (s && s->kind == END_VIRTUAL)
		return serial_give(home);
	if (!may)
		return 0;
	if (s && __sync_fetch_and_add(&s->seen, 1) < UNKNOWN_APART)
		return serial_give(home);
	count(STAT_NOT_APART);
	return 0;
}

/* What the configured granularity leaves of a key. */
static __always_inline void key_reduce(struct flow_key *key, struct sock_common *sk, bool older)
{
	if (mask_public && key->role == ROLE_SERVER)
		mask_visitor(key->remote);
	key->serial = serial_of(key, older, namespace_of(sk));
	if (granularity == GRANULARITY_CONNECTION || key->serial)
		return;
	if (key->role == ROLE_SERVER)
		key->remote_port = 0;
	else
		key->local_port = 0;
}
