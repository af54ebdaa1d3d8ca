// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package anomaly is what the processor and the connector tcp_anomaly have in common: it
// names both ends of each TCP flow, adds flows up, and tells as log records and metrics
// what rises, why, and where.
//
// A [MetricsSide] is given metrics and shows them to an engine, which all sides with one
// [Config] share; a [LogsSide] hands on what the engine finds. Neither knows how a
// collector wires them.
package anomaly
