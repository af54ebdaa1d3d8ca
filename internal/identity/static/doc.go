// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package static knows workloads and services from a YAML file: for machines without
// Kubernetes, and for what Kubernetes does not know.
//
// The file is read again when it changes. One that has an error changes nothing: the
// state of before stays, and [File.Status] tells.
package static
