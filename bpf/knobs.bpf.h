/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* What user space decides before the programs are loaded. Constants for the
 * verifier: what is switched off costs nothing.
 */
#pragma once

#include "types.h"

#define MAX_RULES 16
#define MAX_CIDRS 8
#define MAX_PORTS 8
#define MAX_GLOBS 64 /* in all rules together */
#define GLOB_LEN 33
#define MAX_CLUSTER_CIDRS 16

enum granularity {
	GRANULARITY_CONNECTION,
	GRANULARITY_ENDPOINT,
	GRANULARITY_PEER,
};

struct cidr {
	__be32 address[4];
	__be32 mask[4];
};

/* One entry of include or exclude: all of its lists must match, a list matches
 * if any of its values does, an empty one always. Its globs are in globs.
 */
struct rule {
	struct cidr cidrs[MAX_CIDRS];
	u16 ports[MAX_PORTS];
	u8 n_cidrs;
	u8 n_ports;
	u8 has_globs;
	u8 pad;
};

enum rule_list {
	LIST_INCLUDE,
	LIST_EXCLUDE,
	LISTS,
};

/* A pattern for names of executables, and the rule it belongs to. */
struct glob {
	char pattern[GLOB_LEN];
	u8 list; /* enum rule_list */
	u8 rule;
	u8 pad;
};

const volatile u32 granularity = GRANULARITY_ENDPOINT;
const volatile u32 mask_public;
const volatile u32 init_pid = 1;
const volatile u64 hash_seed;
const volatile u64 cgroup_root;		/* whose sockets are observed, by its inode; 0: all */
const volatile u32 jiffy = 4000000;	/* ns */
const volatile u64 event_pause[EVENTS]; /* ns from one event to the next, on average; 0: off */

/* The k-th entry is the largest u32 of µs in RTT bucket k; the last one has no end. */
const volatile u32 rtt_bounds[RTT_BUCKETS];
/* The bucket of each small number of µs: what most round trips take. */
#define RTT_SMALL 4096
const volatile u8 rtt_small[RTT_SMALL];
/* The k-th entry is the bucket that 2^k µs falls into. */
const volatile u8 rtt_guess[32];

const volatile u32 n_rules[LISTS];
const volatile struct rule rules[LISTS][MAX_RULES];
const volatile u32 n_globs;
const volatile struct glob globs[MAX_GLOBS];
const volatile u32 n_cluster_cidrs;
const volatile struct cidr cluster_cidrs[MAX_CLUSTER_CIDRS];
