// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What kTLS adds to the bytes of an application: a record for each write of at most
// TLSRecord bytes, and TLSOverhead bytes for each record: its head, the explicit
// part of its nonce and its tag.
const (
	TLSRecord   = 16 << 10
	TLSOverhead = 5 + 8 + 16
)

// keys are the kernel's struct tls12_crypto_info_aes_gcm_128. Both ends have the
// same ones, which are no secret.
type keys struct {
	version, cipher uint16
	iv              [8]byte
	key             [16]byte
	salt            [4]byte
	sequence        [8]byte
}

// (linux/tls.h)
const (
	tls12        = 0x0303
	tlsAESGCM128 = 51
	tlsTX        = 1
	tlsRX        = 2
)

// kernelTLS lets the kernel encrypt what is written and decrypt what is read.
type kernelTLS struct{ plain }

func newKernelTLS(fd int) (kernelTLS, error) {
	if err := unix.SetsockoptString(fd, unix.SOL_TCP, unix.TCP_ULP, "tls"); err != nil {
		return kernelTLS{}, fmt.Errorf("choose kTLS: %w", err)
	}
	k := keys{version: tls12, cipher: tlsAESGCM128, key: [16]byte{'n', 'o', ' ', 's', 'e', 'c', 'r', 'e', 't'}}
	raw := string(unsafe.Slice((*byte)(unsafe.Pointer(&k)), unsafe.Sizeof(k)))
	for _, direction := range []int{tlsTX, tlsRX} {
		if err := unix.SetsockoptString(fd, unix.SOL_TLS, direction, raw); err != nil {
			return kernelTLS{}, fmt.Errorf("set TLS keys: %w", err)
		}
	}
	return kernelTLS{}, nil
}
