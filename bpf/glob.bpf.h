/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Which rules a process's name matches: found once for each process, so that a
 * connection needs only a bit test.
 */
#pragma once

#include "compat.bpf.h"
#include "knobs.bpf.h"

/* Each mismatch moves the last star by one character. */
#define GLOB_STEPS (EXE_LEN * GLOB_LEN)

struct glob_match {
	char name[EXE_LEN];
	u32 glob;	    /* index of globs */
	u32 p, n;	    /* next characters of pattern and name */
	u32 star_p, star_n; /* where to go on after a mismatch; star_p 0: nowhere */
	u32 matched;
};

static long glob_step(u32 step, struct glob_match *m)
{
	char have, want;

	if (m->glob >= MAX_GLOBS || m->p >= GLOB_LEN || m->n >= EXE_LEN)
		return 1;
	have = m->name[m->n];
	want = globs[m->glob].pattern[m->p];
	if (want == '*') {
		m->star_p = ++m->p;
		m->star_n = m->n;
	} else if (!have) {
		m->matched = !want;
		return 1;
	} else if (want == '?' || want == have) {
		m->p++;
		m->n++;
	} else if (m->star_p) {
		m->p = m->star_p;
		m->n = ++m->star_n;
	} else {
		return 1;
	}
	return 0;
}

/* The argument of a loop must be on the stack. */
struct glob_owner {
	struct owner *o;
};

static long glob_match(u32 i, struct glob_owner *of)
{
	u32 zero = opaque_zero();
	struct glob_match m = {.glob = i, .p = zero, .n = zero, .star_p = zero, .star_n = zero};
	struct owner *o = of->o;
	u32 list, rule;

	if (i >= MAX_GLOBS)
		return 1;
	__builtin_memcpy(m.name, o->exe, sizeof(m.name));
	bpf_loop(GLOB_STEPS, glob_step, &m, 0);
	list = globs[i].list;
	rule = globs[i].rule & 31;
	if (m.matched && list < LISTS)
		o->matches[list] |= 1U << rule;
	return 0;
}

static __always_inline void match_globs(struct owner *o)
{
	struct glob_owner of = {.o = o};

	if (n_globs)
		bpf_loop(n_globs, glob_match, &of, 0);
}
