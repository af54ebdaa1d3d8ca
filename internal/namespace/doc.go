// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package namespace finds the network namespaces of the machine and goes into them.
//
// The machine is what the process's PID namespace and mounts show of it: a collector in
// a container finds all of them only with the host's.
package namespace
