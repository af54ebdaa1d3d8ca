// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import "time"

// childArgument, followed by an order, makes this program a child of itself.
const childArgument = "child"

// What a child does.
const (
	doServe = "serve" // one end of a workload
	doCall  = "call"  // the other, and the one that counts
	doHold  = "hold"  // both ends of many connections
)

// An order is what a child is told with its start.
type order struct {
	Do       string
	Workload string
	CPU      int  // to be pinned to, -1 for any
	Realtime bool // as far as permitted
	Port     uint16

	// Connections is how many connections are held, Addresses how many
	// addresses of 127.0.0.0/8 take turns as their destination.
	Connections, Addresses int
}

// A greeting is a child's answer to its order.
type greeting struct {
	Port     uint16 // of the server
	Realtime bool   // permitted
}

// A task is told to a child that runs. Either Count or Duration is set.
type task struct {
	Count    int           // of operations; of exchanges on each connection that is held
	Duration time.Duration // in which to do as many operations as possible
}

// An outcome is a child's answer to a task.
type outcome struct {
	Count   int
	Elapsed time.Duration
}

// rate is operations per second.
func (o outcome) rate() float64 { return float64(o.Count) / o.Elapsed.Seconds() }
