// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package bucket is for tests only: it finds the buckets of given values by the
// very C functions that the kernel side finds them with.
package bucket

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 Bucket bpf/bucket.bpf.c -- -mcpu=v3 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
