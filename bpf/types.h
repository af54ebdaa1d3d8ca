/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The records that cross between the kernel side and user space. bpf2go makes
 * the Go types from these: nothing is mirrored by hand.
 */
#pragma once

#include "kernel.bpf.h"

#define DIRECTIONS 2	  /* 0 transmit, 1 receive */
#define CLOSE_REASONS 4	  /* enum close_reason */
#define RTT_BUCKETS 128	  /* 0, then quarter powers of two of 1 s up to 3444 s */
#define WINDOW_BUCKETS 32 /* 0, then powers of two of 1 B up to 1 GiB, TCP's largest */
#define EXE_LEN 64
#define CGROUP_LEVELS 6
#define CGROUP_NAME_LEN 96

enum role {
	ROLE_UNKNOWN,
	ROLE_CLIENT,
	ROLE_SERVER,
};

enum close_reason {
	CLOSE_FIN,
	CLOSE_RESET_SENT,
	CLOSE_RESET_RECEIVED,
	CLOSE_TIMEOUT,
};

/* A process: start tells a re-used pid apart, exec the programs that it executes one
 * after the other. In granularity "peer" a group of processes: pid is 0 and the rest
 * the group's number. All zero: unknown. Eight bytes, for one stands in each socket.
 */
struct owner_key {
	u32 start;   /* units of 2^20 ns since boot, which are 52 days before it wraps */
	u32 program; /* pid below, the kernel's count of exec above */
};

#define START_SHIFT 20
#define PID_BITS 22 /* PID_MAX_LIMIT */

/* What names a process, read while it is surely alive. */
struct owner {
	char exe[EXE_LEN];
	char cgroup[CGROUP_LEVELS][CGROUP_NAME_LEN]; /* own name first, then its parents' */
	u32 matches[2]; /* enum rule_list: rules whose globs match exe, a bit each */
	u32 ready;	/* set last */
	u32 seen;	/* the last sweep when it connected, listened or had a listener */
};

/* Identity of a flow, fixed when its connection is established. Addresses are
 * IPv6 in network order, IPv4 as ::ffff:a.b.c.d. A port of 0 is not part of it.
 */
struct flow_key {
	__be32 local[4];
	__be32 remote[4];
	struct owner_key owner;
	u16 local_port;
	u16 remote_port;
	u8 role;
	u8 overflow; /* takes in what found no room of its own; no addresses */
	u16 pad;
};

/* Powers of two of buckets: an index is bounded by a mask, not by a branch. */
struct rtt_histogram {
	u64 sum; /* µs */
	u32 counts[RTT_BUCKETS];
};

struct window_histogram {
	u64 sum; /* bytes */
	u32 counts[WINDOW_BUCKETS];
};

/* What one flow did in one epoch. */
struct flow {
	struct bpf_spin_lock lock; /* of all that follows */
	u32 keyed;		   /* key is set */
	struct flow_key key;
	u64 since; /* first establishment, µs of CLOCK_MONOTONIC */
	u64 bytes[DIRECTIONS];
	u64 segments[DIRECTIONS];
	u64 data_segments[DIRECTIONS];
	u64 retransmits;
	u64 opened;
	u64 closed[CLOSE_REASONS];
	u32 live_sweep; /* the sweep that live belongs to */
	u32 pad;
	u32 live[TCP_STATES]; /* sockets by state */
	struct rtt_histogram rtt;
	struct rtt_histogram rtt_variation;
	struct window_histogram receive_window;
	struct window_histogram send_window;
};

/* One sample of the path, as the kernel's own estimator takes it. */
struct sample {
	u32 rtt;	    /* µs */
	u32 rtt_variation;  /* µs */
	u32 receive_window; /* bytes */
	u32 send_window;    /* bytes */
};

/* Samples on their way from a socket to its flow: a flow's entry and its lock
 * cost more than a sample, so several go together. Windows seldom change: all of
 * them have the same buckets.
 */
#define PENDING 8

struct pending {
	struct sample sum;
	u8 rtt[PENDING];	   /* buckets */
	u8 rtt_variation[PENDING]; /* buckets */
	u32 receive_window;	   /* the last one, bytes */
	u32 send_window;
	u8 receive_bucket;
	u8 send_bucket;
	u8 n; /* samples */
	u8 pad;
};

enum conn_kind {
	CONN_NONE,
	CONN_LISTENER,	 /* also the clone in a child until it is established */
	CONN_CONNECTING, /* SYN sent */
	CONN_OPEN,	 /* established, not yet closed */
	CONN_CLOSED,
	CONN_PREDATES, /* established before we attached: known, not described */
};

/* The record that lives in a socket. */
struct conn {
	struct bpf_spin_lock lock; /* of kind, opened and folded totals */
	u8 kind;		   /* enum conn_kind */
	u8 opened;		   /* its flow knows that it was opened */
	u8 sampled;		   /* a round trip was sampled since the last sweep */
	u8 lost;		   /* counted as not described in full */
	u8 cleared;		   /* another program took our callbacks away */
	u8 pad[3];
	u32 busy;    /* somebody works on pending: taken by exchange, never waited for */
	u64 flow_id; /* hash of key */
	struct flow_key key;
	u64 since;	       /* establishment, µs of CLOCK_MONOTONIC */
	u64 bytes[DIRECTIONS]; /* folded totals from here */
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	u32 retransmits;
	u32 sweep; /* the last sweep that visited it */
	u32 live;  /* the last sweep that counted it as open, and in which state */
	u32 heard; /* data segments that had come when this end sent its FIN */
	struct pending pending;
	u32 pad2;
};

/* conn.live */
#define LIVE_STATE_BITS 4
#define LIVE_STATE(live) ((live) & ((1 << LIVE_STATE_BITS) - 1))
#define LIVE_SWEEP(live) ((live) >> LIVE_STATE_BITS)
#define LIVE(sweep, state) ((sweep) << LIVE_STATE_BITS | (state))

_Static_assert(sizeof(struct conn) <= 184, "with its head in kmalloc-256");
_Static_assert(sizeof(struct flow) <= 2000, "with its head in 2 KiB");

/* Which of the two sets of flow maps is written to, and the number of the
 * current sweep. Written by user space alone.
 */
struct control {
	u32 epoch;
	u32 sweep;
};

/* What the running sweep has seen; only that one program writes to it. */
struct progress {
	u64 visited;
	u64 open;     /* described */
	u64 predates; /* established before we attached: not described */
	u64 cleared;  /* without our callbacks since this sweep */
	u64 muted;    /* without our callbacks */
	u64 skipped;  /* passed over by the sweep before */
};

/* Everything that would otherwise be lost in silence. */
enum stat {
	STAT_NO_STORAGE,     /* connections without a record: no memory */
	STAT_OWNER_FULL,     /* processes, and connections to be judged by their process,
			      * without a record: owners is full */
	STAT_OVERFLOW,	     /* connections that went to an overflow flow */
	STAT_FLOW_RETRY,     /* folds put off: no flow entry for the moment */
	STAT_FLOW_COLLISION, /* flows with the same hash as another */
	STAT_EXCLUDED,	     /* connections left out by configuration */
	STATS,
};
