// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package impair joins two network namespaces by a link that delays, reorders
// and drops packets, and knows what it did. It works in user space, on a TUN
// device at each end, and so on kernels without netem.
//
// What happens to the n-th TCP packet of a direction is decided by the seed
// alone. Other packets pass at once.
package impair
