/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* How many records there are, so that a sweep knows when it has met all of them. */
#pragma once

#include "conn.h"
#include "maps.bpf.h"

static __always_inline struct census *current_census(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&census, &zero);
}

/* Before the record is one of an open connection: no count falls behind. */
static __always_inline void census_open(void)
{
	struct census *n = current_census();

	if (n)
		__sync_fetch_and_add(&n->opened, 1);
}

/* Unmet comes first: who reads both has it wherever it has the other. */
static __always_inline void census_close(bool unmet)
{
	struct census *n = current_census();

	if (!n)
		return;
	__sync_fetch_and_add(&n->closed_unmet, unmet);
	__sync_fetch_and_add(&n->closed, 1);
}

/* The socket begins another life, and nobody has seen the last one's end. */
static __always_inline void census_reuse(const struct conn *c)
{
	if (c->kind == CONN_OPEN)
		census_close(false);
}

static __always_inline void census_listen(void)
{
	struct census *n = current_census();

	if (n)
		__sync_fetch_and_add(&n->listened, 1);
}
