// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package directory opens what is configured of identities, and asks it in order: the
// static file first, because a person wrote it, then Kubernetes.
//
// An address that nobody knows is external or unknown, by its range: external if it
// cannot be the cluster's.
package directory
