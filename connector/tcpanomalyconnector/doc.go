// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool mdatagen metadata.yaml

// Package tcpanomalyconnector provides the tcp_anomaly connector: the processor of that
// name between pipelines. Metrics go in, events come out as logs, and metrics as metrics.
package tcpanomalyconnector
