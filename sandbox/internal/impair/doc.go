// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package impair does to packets what a bad network does: loses, delays, reorders and
// duplicates them, or lets them wait in a slow link's deep queue. It works in user space,
// on a netfilter queue, and so on kernels without netem, and writes down what it did to
// which packet. What happens to the n-th packet is decided by the seed alone.
package impair
