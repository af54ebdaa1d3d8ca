/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* A keyed 64-bit hash. Whoever relies on it compares the keys as well: a
 * collision costs detail, never a count.
 */
#pragma once

#include "knobs.bpf.h"
#include "types.h"

static __always_inline u64 hash_mix(u64 h, u64 word)
{
	h ^= word;
	h *= 0x9fb21c651e98df25ULL;
	return h ^ (h >> 32);
}

static __always_inline u64 hash_words(const u64 *words, u32 n)
{
	u64 h = hash_seed;

#pragma unroll
	for (u32 i = 0; i < n; i++)
		h = hash_mix(h, words[i]);
	return h;
}
