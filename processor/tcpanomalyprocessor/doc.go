// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package tcpanomalyprocessor is the Collector processor tcp_anomaly, which names both
// ends of each TCP flow, adds flows up to those of pods or workloads, and tells what rises,
// why, and where, as events through its logs pipeline.
//
// Logs pass through unchanged, and so do metrics of others.
package tcpanomalyprocessor
