/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The identity of a flow, built once, when its connection is established: at
 * close the kernel has already forgotten half of it.
 */
#pragma once

#include "hash.bpf.h"
#include "knobs.bpf.h"
#include "types.h"

static __always_inline void key_addresses(struct flow_key *key, struct sock_common *sk)
{
	if (sk->skc_family == AF_INET) {
		key->local[0] = key->remote[0] = 0;
		key->local[1] = key->remote[1] = 0;
		key->local[2] = key->remote[2] = bpf_htonl(0xffff);
		key->local[3] = sk->skc_rcv_saddr;
		key->remote[3] = sk->skc_daddr;
		return;
	}
#pragma unroll
	for (int i = 0; i < 4; i++) {
		key->local[i] = sk->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		key->remote[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
	}
}

/* The whole identity, of every granularity; its owner is there already. */
static __always_inline void key_fill(struct flow_key *key, struct sock_common *sk, u8 role)
{
	key_addresses(key, sk);
	key->local_port = sk->skc_num;
	key->remote_port = bpf_ntohs(sk->skc_dport);
	key->role = role;
	key->overflow = 0;
	key->serial = 0;
}

static __always_inline u64 key_hash(const struct flow_key *key)
{
	return hash_words((const u64 *)key, sizeof(*key) / 8);
}

static __always_inline bool key_equal(const struct flow_key *a, const struct flow_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;
	u64 differ = 0;

#pragma unroll
	for (u32 i = 0; i < sizeof(*a) / 8; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}
