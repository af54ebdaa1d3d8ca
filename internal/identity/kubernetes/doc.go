// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package kubernetes knows the pods, services and nodes of a cluster, from watches of
// its API server.
//
// It keeps what an identity needs and nothing else of an object, and when each pod had
// its addresses: who had one is told as of a time, and by nobody if two may have had it.
// When the API server is away, the last known state stays, and [Status] tells.
package kubernetes
