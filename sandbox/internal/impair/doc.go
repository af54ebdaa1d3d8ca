// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package impair does to packets what a bad network does: loses, delays, reorders and
// duplicates them, or lets them wait in a slow link's deep queue. It works on a netfilter
// queue, and so on kernels without netem, or if packets are only lost or come twice, with
// rules that choose these by their number and let all others pass. It writes down what was
// done to which packet. What happens to the n-th packet is decided by the seed alone.
package impair
