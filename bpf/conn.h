/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The record that lives in a socket. */
#pragma once

#include "types.h"

/* One sample of the path, as the kernel's own estimator takes it, or their sums. */
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
	u8 receive_bucket;
	u8 send_bucket;
	u8 n; /* samples */
	u8 exchanges;
};

enum conn_kind {
	CONN_NONE,
	CONN_LISTENER,	 /* also the clone in a child until it is established */
	CONN_ATTEMPT,	 /* connect was called */
	CONN_CONNECTING, /* SYN sent */
	CONN_OPEN,	 /* established, not yet closed */
	CONN_CLOSED,
};

/* conn.cleared: our callbacks. */
enum callbacks {
	CALLBACKS_ON,
	CALLBACKS_CLEARED, /* another program took them away */
	CALLBACKS_NEVER,   /* of an adopted socket: were never on */
};

/* conn.opened. */
enum opened {
	OPENED_NEWS, /* its flow does not know yet */
	OPENED_KNOWN,
	OPENED_LONG_AGO, /* before we came: no flow counts it */
};

struct conn {
	struct bpf_spin_lock lock; /* of kind, opened and folded totals */
	u8 kind;		   /* enum conn_kind */
	u8 opened;		   /* enum opened */
	u8 sampled;		   /* a round trip was sampled since the last sweep */
	u8 lost;		   /* counted as not described in full */
	u8 cleared;		   /* enum callbacks, as the last sweep saw it */
	u8 live;		   /* the last visit's state, 0, or from LIVE_DEFERRED on */
	u8 backoff;		   /* of zero window probes, at the last fold */
	u8 turn;		   /* bits of enum turn */
	u32 busy;    /* somebody works on pending: taken by exchange, never waited for */
	u64 flow_id; /* hash of key */
	struct flow_key key;
	u64 since; /* establishment, or listening; µs of CLOCK_MONOTONIC */
	union {
		u64 bytes[DIRECTIONS]; /* folded totals from here */
		u64 repeated;	       /* of a listener: see repeated_twice */
	};
	u32 segments[DIRECTIONS];
	u32 data_segments[DIRECTIONS];
	union {
		u32 retransmits;
		u32 answered; /* of a listener: drops that are no overflow, see listen.bpf.h */
	};
	union {
		u32 spurious;
		u32 dropped; /* of a listener: requests */
	};
	union {
		u32 out_of_order;
		u32 setup; /* until the flow knows that the connection was opened: what the
			    * handshake took, in µs; nothing has come out of order by then
			    */
	};
	u32 limited[LIMITED]; /* jiffies; a disconnect does not zero the kernel's */
	u32 visited;	      /* ticks: the last fold of its time by a sweep, or its opening */
	u32 episode;	      /* what is retransmitted from this sequence number on is a new one;
			       * of an attempt: the address that the socket had before
			       */
	u32 heard;	      /* what had been read at the last round trip: a sequence number;
			       * of who has closed: data segments that had come
			       */
	struct pending pending;
};

/* conn.live: a visit has found no room for the flow, and in which sweep, modulo as much.
 * That is a loss by itself: the next sweep does not take the socket for one that was passed
 * over, but the one after that does.
 */
#define LIVE_DEFERRED 128

/* What is known of a conversation, of its last loss, and of its end. */
enum turn {
	TURN_ASKED = 1,	     /* a round trip has told of a request: what comes answers it */
	TURN_OWED = 2,	     /* an exchange that no round trip has told of */
	TURN_CLOSED = 4,     /* this end has sent its FIN and reads no more */
	TURN_RESETTING = 8,  /* it is closed by a RST of ours */
	TURN_BLAMED = 16,    /* it is closed by a RST of its peer's, as far as one sees */
	TURN_RESET = 32,     /* a RST of ours is counted */
	TURN_TIMED_OUT = 64, /* the last retransmission was a timeout's, and that is not over */
};

_Static_assert(sizeof(struct conn) <= 184, "with its head in kmalloc-256");
