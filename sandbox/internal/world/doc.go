// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package world makes the machines of the shop: network namespaces and the links between
// them, cgroups, processes. Namespaces are held by descriptors and processes only, and
// processes end with the one that started them, however that ends. So cgroups are all that
// a crash can leave behind; whoever makes them writes them down first.
package world
