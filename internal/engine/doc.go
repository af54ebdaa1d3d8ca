// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine turns what ends of flows say, point by point, into anomalies and
// problems: one problem for each fault.
//
// It puts together what detect, diagnose, localize and problem do by themselves. A flow
// is one end's view of its connections with a peer; flows with the same two workloads
// are one [view], which detectors and rules judge once a window, and what the peer says
// of the same connections is its other half. All time but the first argument of
// [Engine.Add] and [Engine.Evaluate] is the data's. An Engine is not safe for concurrent
// use.
package engine
