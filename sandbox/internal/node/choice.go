// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/nft"
)

// choose has nft choose packets by their number: it tells at once of those, and of others
// when there are some.
func (f *fault) choose(out io.Writer) error {
	choice, err := impair.Choose(f.ID, *f.Impair, out)
	if err != nil {
		return err
	}
	f.network = choice
	then := "drop"
	if f.doubles() {
		then = "return"
	}
	var commands string
	if numbers := f.Impair.Numbers(); len(numbers) > 0 {
		list := strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ","), "[]")
		commands = fmt.Sprintf("add rule ip %s %s numgen inc mod %d { %s } log group %d prefix %q queue-threshold 1 %s\n",
			table, f.chain(), impair.Period, list, f.ID, impair.Prefix, then)
	}
	return nft.Run(commands + fmt.Sprintf("add rule ip %s %s log group %d snaplen 128 queue-threshold 100\n", table, f.chain(), f.ID))
}

func (f *fault) doubles() bool { return f.Impair != nil && f.Impair.Duplicate > 0 }
