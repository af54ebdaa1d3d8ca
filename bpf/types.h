/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The records that cross between the kernel side and user space. bpf2go makes
 * the Go types from these: nothing is mirrored by hand.
 */
#pragma once

#include "kernel.bpf.h"

#define DIRECTIONS 2	   /* 0 transmit, 1 receive */
#define CLOSE_REASONS 4	   /* enum close_reason */
#define RETRANSMIT_KINDS 5 /* enum retransmit_kind */
#define FAILURES 8	   /* enum failure */
#define PHASES 4	   /* enum phase */
#define LIMITED 3	   /* phases that the kernel counts */
#define RTT_BUCKETS 128	   /* 0, then quarter powers of two of 1 s up to 3444 s */
#define WINDOW_BUCKETS 32  /* 0, then powers of two of 1 B up to 1 GiB, TCP's largest */
#define SPAN_BUCKETS 32	   /* 0, then powers of two of 1 s */
#define EXE_LEN 64
#define CGROUP_LEVELS 6
#define CGROUP_NAME_LEN 96

enum role {
	ROLE_UNKNOWN,
	ROLE_CLIENT,
	ROLE_SERVER,
	ROLE_LISTENER, /* of a key: no peer */
};

enum close_reason {
	CLOSE_FIN,
	CLOSE_RESET_SENT,
	CLOSE_RESET_RECEIVED,
	CLOSE_TIMEOUT,
};

enum retransmit_kind {
	RETRANSMIT_UNKNOWN,
	RETRANSMIT_FAST,
	RETRANSMIT_TIMEOUT,
	RETRANSMIT_TAIL_LOSS_PROBE,
	RETRANSMIT_SYN,
};

/* Why a connection was never established. */
enum failure {
	FAILURE_OTHER,
	FAILURE_REFUSED,
	FAILURE_TIMED_OUT,
	FAILURE_HOST_UNREACHABLE,
	FAILURE_NETWORK_UNREACHABLE,
	FAILURE_RESET,
	FAILURE_NO_ADDRESS, /* no local port left */
	FAILURE_ABORTED,    /* by its owner, or who destroyed its socket */
};

/* What a connection spends its time with, one at a time. The last three are the
 * kernel's enum tcp_chrono, in its order.
 */
enum phase {
	PHASE_IDLE, /* nothing to send */
	PHASE_NETWORK,
	PHASE_RECEIVE_WINDOW,
	PHASE_SEND_BUFFER,
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
	u16 serial;  /* of a connection whose peer may stand for somebody else, see ends */
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

struct span_histogram {
	u64 sum; /* µs */
	u32 counts[SPAN_BUCKETS];
};

/* What a flow's live sockets looked like in one sweep. Of rtt_min, congestion_window,
 * buffers and scales the smallest; 0 is none.
 */
struct gauges {
	u32 sweep;
	u32 live[TCP_STATES]; /* sockets by state */
	u32 awaiting;
	u64 queue_send; /* bytes */
	u64 queue_unsent;
	u64 queue_receive;
	u64 delivery_rate; /* bytes/s */
	u32 rtt_min;	   /* µs, and one more */
	u32 congestion_window;
	u32 receive_buffer[2]; /* bytes; the second: set by the application */
	u32 send_buffer[2];
	u32 listen_queue; /* connections to be accepted; the most */
	u32 listen_limit;
	u8 scale[DIRECTIONS]; /* the peer's, ours; and one more */
	u8 pad[6];
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
	u64 time[PHASES]; /* ns */
	u64 stall_time;	  /* µs */
	u32 opened;
	u32 closed[CLOSE_REASONS];
	u32 retransmits[RETRANSMIT_KINDS];
	u32 episodes; /* of retransmission */
	u32 spurious;
	u32 out_of_order;
	u32 failed[FAILURES];
	u32 probes; /* of a zero window */
	u32 exchanges;
	u32 stalls; /* a small write waited for an acknowledgement */
	u32 corks;  /* one waited because the application wants it to */
	u32 resets[DIRECTIONS];
	u32 overflows; /* of a listener's queue */
	struct gauges now;
	struct span_histogram setup;	/* SYN sent to established */
	struct span_histogram duration; /* established to closed */
	struct rtt_histogram rtt;
	struct rtt_histogram rtt_variation;
	struct window_histogram receive_window;
	struct window_histogram send_window;
};

_Static_assert(sizeof(struct flow) <= 1984, "with its head of 64 bytes in 2 KiB");

enum event_kind {
	EVENT_FAILED, /* a connection was never established */
	EVENT_RESET,  /* an established one was reset */
	EVENTS,
};

/* What happened to one connection. */
struct event {
	struct flow_key key; /* of every granularity with both ports */
	u64 time;	     /* ns of CLOCK_MONOTONIC */
	u64 age;	     /* µs since it was established, or tried; 0: unknown */
	u64 bytes[DIRECTIONS];
	u32 retransmits;
	u8 kind;   /* enum event_kind */
	u8 reason; /* enum failure, close_reason */
	u16 pad;
};

struct event_limit {
	struct bpf_spin_lock lock;
	u32 pad;
	u64 spent; /* ns of CLOCK_MONOTONIC: what is left of the allowance since */
};

/* Why RSTs of a flow were sent: the kernel's enum sk_rst_reason. */
struct reset_key {
	u64 flow_id;
	u32 reason;
	u32 pad;
};

#define RESET_REASONS 64

/* Which of the two sets of flow maps is written to, and the number of the
 * current sweep. Written by user space alone.
 */
struct control {
	u32 epoch;
	u32 sweep;
	u32 started;  /* ticks: whoever was visited before has not been in this sweep */
	u32 previous; /* the same of the sweep before */
	u32 apart;    /* addresses are translated somewhere */
	u32 drops;    /* the first sweep since which drops of listeners are told apart; 0: none */
};

/* Units of 2^14 ns: 32 bits of them tell what is before within nine hours. */
#define TICK_SHIFT 14

/* What the running sweep has seen; only that one program writes to it. */
struct progress {
	u64 visited;
	u64 open;     /* described */
	u64 predates; /* adopted, without our callbacks */
	u64 cleared;  /* without our callbacks since this sweep */
	u64 muted;    /* without our callbacks */
	u64 skipped;  /* passed over by the sweep before */
	u64 deferred; /* no flow entry for the moment; in each round again */
	u64 locked;   /* the iterator that runs locks sockets */
	u64 met;      /* open ones that were folded for the first time in this sweep */
	u64 listeners;
};

/* Records of connections and listeners, since start. Order is that of reading: see
 * census_close.
 */
struct census {
	u64 opened; /* or adopted */
	u64 closed;
	u64 closed_unmet; /* of those: the running sweep, or else the last one, had not met it */
	u64 listened;	  /* began to listen, or adopted */
};

/* How a look at all open files goes on, and what it left out. */
struct search {
	u64 begun; /* µs of CLOCK_MONOTONIC */
	u32 how;   /* FOUND_ */
	u32 busy;  /* connections to be looked at again */
	u32 full;  /* holders without room */
	u32 pad;
};

#define FOUND_CONNECTIONS 1
#define FOUND_LAST 2	/* busy ones too */
#define FOUND_LOCKED 4	/* by ourselves */
#define FOUND_HOLDERS 8 /* of listeners, and nothing else */
#define FOUND_INIT 16	/* what init holds, and nothing else */

/* A socket, by its address, and who holds it; nobody stands for whoever is first. */
struct holder {
	u64 socket;
	struct owner_key owner;
};

/* A port of a network namespace. */
struct port {
	u32 netns; /* inode */
	u32 number;
};

/* Who listens there. */
struct port_owner {
	struct owner_key owner; /* of the first listener that was found */
	u32 shared;		/* by listeners of others */
};

/* What connections are made to, or come from: then the port is 0. */
struct end {
	__be32 address[4];
	u32 port;
};

enum end_kind {
	END_UNKNOWN,
	END_ITSELF,
	END_VIRTUAL, /* stands for others */
};

struct end_state {
	u32 kind; /* enum end_kind */
	u32 seen; /* connections while it was unknown */
};

/* Of connections that are told apart. */
enum serial {
	SERIAL_NEXT,  /* written by programs alone */
	SERIAL_UNTIL, /* the first that is one too many; written by user space alone */
	SERIALS,
};

/* Everything that would otherwise be lost in silence. */
enum stat {
	STAT_NO_STORAGE,     /* connections without a record: no memory */
	STAT_NOT_FOUND,	     /* connections older than we are that ended without a record */
	STAT_OWNER_FULL,     /* processes, and connections to be judged by their process,
			      * without a record: owners is full, or no memory */
	STAT_OVERFLOW,	     /* connections that went to an overflow flow */
	STAT_FLOW_RETRY,     /* folds put off: no flow entry for the moment */
	STAT_FLOW_COLLISION, /* flows with the same hash as another */
	STAT_EXCLUDED,	     /* connections left out by configuration */
	STAT_EVENT_LIMITED,  /* events above the limit */
	STAT_NOT_APART,	     /* connections whose peer may stand for somebody else: too many in
			      * all, or to an end that is not known, or known no more */
	STAT_EVENT_FULL,     /* events without room in the ring buffer */
	STAT_PORT_FULL,	     /* listeners whose port is not noted: listening is full */
	STAT_HOLDER_FULL,    /* holders of listeners that are not noted: holders is full */
	STAT_NO_ATTEMPT,     /* connect calls that are not noted: no memory for a record */
	STAT_DROPPED,	     /* listeners that have dropped something, each time it is seen */
	STAT_RESET_FULL,     /* RSTs without a reason: the map of reasons is full, or no memory */
	STATS,
};
