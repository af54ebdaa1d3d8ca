/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Ranges of addresses. Addresses are IPv6 in network order, IPv4 mapped. */
#pragma once

#include "knobs.bpf.h"

static __always_inline bool is_mapped(const __be32 *a)
{
	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

/* A network of IPv6 such as ::/0 does not contain IPv4. */
static __always_inline bool cidr_contains(const volatile struct cidr *c, const __be32 *a)
{
	if (is_mapped(a) && ~c->mask[2])
		return false;
	return (a[0] & c->mask[0]) == c->address[0] && (a[1] & c->mask[1]) == c->address[1] &&
	       (a[2] & c->mask[2]) == c->address[2] && (a[3] & c->mask[3]) == c->address[3];
}

/* RFC 1918, link-local (3927), loopback and shared address space (6598). */
static __always_inline bool is_private4(u32 a)
{
	return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe ||
	       a >> 24 == 127 || a >> 22 == 0x64400000 >> 22;
}

/* Unique local (RFC 4193), link-local (4291) and loopback. */
static __always_inline bool is_private6(const __be32 *a)
{
	u32 first = bpf_ntohl(a[0]);

	return first >> 25 == 0xfc >> 1 || first >> 22 == 0xfe80 >> 6 ||
	       (!a[0] && !a[1] && !a[2] && a[3] == bpf_htonl(1));
}

static __always_inline bool is_private(const __be32 *a)
{
	if (is_mapped(a) ? is_private4(bpf_ntohl(a[3])) : is_private6(a))
		return true;
	for (u32 i = 0; i < MAX_CLUSTER_CIDRS && i < n_cluster_cidrs; i++)
		if (cidr_contains(&cluster_cidrs[i], a))
			return true;
	return false;
}

/* A public visitor becomes its /24 or /56: a public server would have a flow
 * for each otherwise.
 */
static __always_inline void mask_visitor(__be32 *a)
{
	if (is_private(a))
		return;
	if (is_mapped(a)) {
		a[3] &= bpf_htonl(0xffffff00);
		return;
	}
	a[1] &= bpf_htonl(0xffffff00);
	a[2] = 0;
	a[3] = 0;
}
