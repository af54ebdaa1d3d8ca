// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package twin

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 twin bpf/twin.bpf.c -- -mcpu=v3 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
