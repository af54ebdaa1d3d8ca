// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package apiserver runs a real kube-apiserver with its etcd on the loopback interface,
// without kubelets and controllers: a test does what these would do.
//
// The programs are built by make test-k8s, which says where they are by K8S_BIN. Both
// end with the test, however it ends.
package apiserver
