// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// Run applies commands as nft reads them from a file, all or none.
func Run(commands string) error {
	_, err := run(commands, "-f", "-")
	return err
}

func run(input string, args ...string) ([]byte, error) {
	cmd := exec.Command("nft", args...)
	cmd.Stdin = strings.NewReader(input)
	var out, message bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &message
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("run nft: it is not installed: make install-tools")
		}
		return nil, fmt.Errorf("run nft: %w: %s", err, strings.TrimSpace(message.String()))
	}
	return out.Bytes(), nil
}

// ToQueue appends a rule to a chain that hands all packets to a queue. It is the target of
// iptables, which kernels have whose nft knows no queue.
func ToQueue(table, chain string, number uint16) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open packet filter: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: table}
	info := xt.Unknown(make([]byte, 8)) // struct xt_NFQ_info, aligned
	binary.NativeEndian.PutUint16(info, number)
	conn.AddRule(&nftables.Rule{
		Table: t, Chain: &nftables.Chain{Table: t, Name: chain},
		Exprs: []expr.Any{&expr.Target{Name: "NFQUEUE", Info: &info}},
	})
	err = conn.Flush()
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) {
		err = fmt.Errorf("%w: this kernel lacks nft_compat or xt_NFQUEUE, without which packets can be dropped but not impaired", err)
	}
	if err != nil {
		return fmt.Errorf("add rule for queue %d to chain %s: %w", number, chain, err)
	}
	return nil
}

// A Counter is what a named counter has counted.
type Counter struct {
	Name           string
	Packets, Bytes uint64
}

// Counters returns all named counters of a table.
func Counters(table string) (map[string]Counter, error) {
	raw, err := run("", "-j", "list", "counters", "table", "ip", table)
	if err != nil {
		return nil, err
	}
	var list struct {
		Nftables []struct{ Counter *Counter }
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read counters of nft: %w", err)
	}
	all := make(map[string]Counter)
	for _, entry := range list.Nftables {
		if entry.Counter != nil {
			all[entry.Counter.Name] = *entry.Counter
		}
	}
	return all, nil
}
