// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// strangers is the directory of those who have none: it tells public addresses only.
type strangers struct{}

var (
	stranger = &identity.Identity{Kind: identity.KindUnknown}
	outsider = &identity.Identity{Kind: identity.KindExternal}
)

func (strangers) Local(identity.Local, uint64) *identity.Identity { return nil }

func (strangers) Remote(address netip.Addr, _ uint16, _ uint64) *identity.Identity {
	if address.IsGlobalUnicast() && !address.IsPrivate() && !shared.Contains(address) {
		return outsider
	}
	return stranger
}

// shared is the range of carriers' address translation.
var shared = netip.MustParsePrefix("100.64.0.0/10")
