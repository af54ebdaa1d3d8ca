/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* All maps. Sizes that configuration decides are set before loading. */
#pragma once

#include "conn.h"

/* socket -> its record. Inserted when a socket listens, connects or is accepted
 * from a listener that we did not see; copied from the listener into each child
 * (BPF_F_CLONE). Deleted by the kernel with the socket. It cannot be full; a
 * socket that gets no memory is counted in STAT_NO_STORAGE.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct conn);
} conns SEC(".maps");

/* struct conn's flow_id -> what the flow did in the even (odd) epochs. Inserted
 * by the first event or sweep that has something to add; drained and deleted by
 * user space once no program can write to that epoch any more. When full, the
 * rest goes to overflow.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, struct flow);
} flows_even SEC(".maps"), flows_odd SEC(".maps");

/* owner -> what its flows without room of their own did in the even (odd)
 * epochs. Inserted and deleted as flows are, and allocated beforehand: what gets no
 * memory comes here too. When full, the rest goes to rest.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct owner_key);
	__type(value, struct flow);
} overflow_even SEC(".maps"), overflow_odd SEC(".maps");

/* epoch's parity -> what found room nowhere else. Always there: this is where
 * the chain ends. User space zeroes it after draining.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct flow);
} rest SEC(".maps");

/* flow and reason -> RSTs that were sent for it in the even (odd) epochs. Inserted as one is
 * sent, drained and deleted with flows. When full, RSTs have no reason (STAT_RESET_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct reset_key);
	__type(value, u32);
} resets_even SEC(".maps"), resets_odd SEC(".maps");

/* reason -> RSTs that belong to no connection, since start. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RESET_REASONS);
	__type(key, u32);
	__type(value, u64);
} stray_resets SEC(".maps");

/* owner -> its name and cgroups. Inserted when a process connects or listens for
 * the first time; deleted by user space when the process is dead and no flow is
 * its. When full, the process stays without a name (STAT_OWNER_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct owner_key);
	__type(value, struct owner);
} owners SEC(".maps");

/* 0 -> which epoch and sweep it is. Written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct control);
} control SEC(".maps");

/* 0 -> what the sweep saw. Written by the sweep, zeroed by user space before. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct progress);
} progress SEC(".maps");

/* 0 -> how many records there are. Added to by who opens and closes one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct census);
} census SEC(".maps");

/* 0 -> how to search. Written by user space; busy is added to by the search. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct search);
} search SEC(".maps");

/* port -> who listens there. Inserted by the search at start, and emptied after it.
 * When full, connections that were accepted there look like a client's
 * (STAT_PORT_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct port);
	__type(value, struct port_owner);
} listening SEC(".maps");

/* who holds which socket -> the same; nobody -> the holder with the lowest pid. Inserted
 * by a look at open files, and emptied before the next one. When full, no listener
 * changes hands (STAT_HOLDER_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct holder);
	__type(value, struct owner_key);
} holders SEC(".maps");

/* What happened to single connections. Written by who sees it, read by user space as
 * it comes. Of the smallest size if no event is configured. When full, events are
 * dropped (STAT_EVENT_FULL).
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(value, struct event);
} events SEC(".maps");

/* enum event_kind -> how much of its allowance is spent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EVENTS);
	__type(key, u32);
	__type(value, struct event_limit);
} event_limits SEC(".maps");

/* an end -> whether its address stands for somebody else. Inserted by the first
 * connection to it as unknown, and by user space; the least used one makes room, and is
 * unknown then (STAT_NOT_APART). Of the smallest size if no translation is looked for.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct end);
	__type(value, struct end_state);
} ends SEC(".maps");

/* enum serial -> how many connections have been told apart, or may be. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERIALS);
	__type(key, enum serial);
	__type(value, u32);
} serials SEC(".maps");

/* a serial -> inode of the network namespace of its connection. Written when the serial is
 * given, read by user space with the first that it hears of it: there are fewer in two
 * epochs than serials. Of the smallest size if no translation is looked for.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64); /* in memory every value takes eight bytes */
} homes SEC(".maps");

/* enum stat -> count since start. Added to by every program. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STATS);
	__type(key, enum stat);
	__type(value, u64);
} stats SEC(".maps");

/* Initial values too large for the stack. */
static const struct flow no_flow;
static const struct owner no_owner;

static __always_inline void count(enum stat stat)
{
	u64 *n = bpf_map_lookup_elem(&stats, &stat);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline u32 ticks(void)
{
	return bpf_ktime_get_ns() >> TICK_SHIFT;
}

static __always_inline struct control current_control(void)
{
	struct control none = {};
	u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? *c : none;
}
