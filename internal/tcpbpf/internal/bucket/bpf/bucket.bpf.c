/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Runs the production's own bucket functions over values that a test gives. */
#include "../../../../../bpf/histogram.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define VALUES 4096

/* Written by the test before the run; the answers are read after it. */
u32 values[VALUES];
u8 rtt_buckets[VALUES];
u8 window_buckets[VALUES];

static long find(u32 i, void *unused)
{
	if (i >= VALUES)
		return 1;
	rtt_buckets[i] = rtt_bucket(values[i]);
	window_buckets[i] = window_bucket(values[i]);
	return 0;
}

SEC("socket")
int find_buckets(struct __sk_buff *unused)
{
	return bpf_loop(VALUES, find, NULL, 0);
}
