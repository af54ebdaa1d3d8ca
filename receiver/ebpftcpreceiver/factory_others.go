// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !(linux && (amd64 || arm64))

package ebpftcpreceiver

import (
	"fmt"
	"runtime"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func openBPF(*Config) (kernel, error) {
	return nil, fmt.Errorf("open kernel: ebpf_tcp reads TCP state from Linux on amd64 and arm64, this is %s on %s", runtime.GOOS, runtime.GOARCH)
}

func tryBPF(cfg *Config) ([]hook, error) {
	_, err := openBPF(cfg)
	return nil, err
}

func dropSpare([]kernel) ([]string, error) { return nil, nil }

func readPrivileges() privileges { return nil }

func now() flow.Instant { return flow.Instant{} }
