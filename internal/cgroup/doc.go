// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package cgroup finds the cgroup v2 hierarchy and tells from the names of a
// process's cgroups which container and pod it belongs to.
package cgroup
