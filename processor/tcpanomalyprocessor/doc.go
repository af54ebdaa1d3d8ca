// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package tcpanomalyprocessor is the Collector processor tcp_anomaly, which names both
// ends of each TCP flow and adds flows up to those of pods or workloads. It is to report
// what rises, why, and where.
//
// Logs pass through unchanged, and so do metrics of others.
package tcpanomalyprocessor
