// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Bench prints what tcpwhy costs on this machine, as tables. It checks nothing:
// what a figure may be depends on the machine and is for people to judge.
//
// It needs root and a machine that does nothing else. Whatever it makes, network
// namespaces, child processes, attached programs, ends with it, however it ends.
package main
