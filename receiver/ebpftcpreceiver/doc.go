// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package ebpftcpreceiver is the Collector receiver ebpf_tcp, which turns the
// kernel's own TCP state into metrics: exact totals, round-trip times and
// windows of every flow of the host, with the process at its local end.
//
// Each interval it sweeps the kernel, adds what happened to a table of flows
// and exports the table. The table is cumulative, so an export that fails is
// repeated with newer numbers and nothing is lost or counted twice.
//
// Single connections that failed or were reset leave as logs, if that is switched
// on, as they come.
package ebpftcpreceiver
