// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

// The system's headers are the kernel's user API and libbpf's; -idirafter finds
// asm/ of either machine, whose parts that we use are the same.
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -type flow_key tcpwhy ../../bpf/tcpwhy.bpf.c -- -mcpu=v3 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
