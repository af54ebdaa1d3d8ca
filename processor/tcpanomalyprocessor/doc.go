// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package tcpanomalyprocessor is the Collector processor tcp_anomaly, which is
// to name both ends of each TCP flow and to report what rises, why, and where.
//
// At present it passes metrics and logs through unchanged.
package tcpanomalyprocessor
