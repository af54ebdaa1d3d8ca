// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A watch is a collector with an eye on two services, each in a network namespace.
type watch struct {
	*collector
	client, server netns.Host // service-j and service-k
	tick           time.Duration
	events         string // file
}

const twoServices = `
workloads:
  - {namespace: shop, workload: service-j, kind: Deployment, service: service-j, addresses: [%s]}
  - {namespace: shop, workload: service-k, kind: Deployment, service: service-k, addresses: [%s]}
`

// watchTwoServices starts the README's configuration, with names and another tick, for two
// services that a cable joins.
func watchTwoServices(t *testing.T, tick time.Duration) *watch {
	t.Helper()
	client, server := netns.Pair(t)
	return watchServices(t, tick, client, server)
}

func watchServices(t *testing.T, tick time.Duration, client, server netns.Host) *watch {
	t.Helper()
	w := &watch{tick: tick, client: client, server: server}
	folder := t.TempDir()
	identities := filepath.Join(folder, "identities.yaml")
	require.NoError(t, os.WriteFile(identities, fmt.Appendf(nil, twoServices, w.client.IPv4, w.server.IPv4), 0o600))
	w.events = filepath.Join(folder, "events.json")
	w.collector = binary(t, netns.New(t), folder, "../../config/quickstart.yaml",
		fmt.Sprintf("receivers::ebpf_tcp::collection_interval: %v", tick),
		"receivers::ebpf_tcp::histogram: exponential",
		"receivers::ebpf_tcp::remote_addresses: all",
		fmt.Sprintf("processors::tcp_anomaly::interval: %v", tick),
		"processors::tcp_anomaly::identity::static::file: "+identities,
		"exporters::file/events::path: "+w.events,
		"service::pipelines::logs::exporters: [file/events]")
	w.awaitReady()
	return w
}

// problems returns what was told of problems so far, in its order.
func (w *watch) problems() (records []pcommon.Map) {
	w.t.Helper()
	content, err := os.ReadFile(w.events)
	if err != nil {
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(lines.Bytes())
		if err != nil {
			return records // the last line is being written
		}
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					if record.EventName() == "tcp.flow.problem" {
						records = append(records, record.Attributes())
					}
				}
			}
		}
	}
	return records
}

// word returns an attribute as text.
func word(attributes pcommon.Map, name string) string {
	value, ok := attributes.Get(name)
	if !ok {
		return ""
	}
	return value.AsString()
}

// awaitProblem waits until the newest news of any problem is of a state, and returns it.
func (w *watch) awaitProblem(state string, within time.Duration) pcommon.Map {
	w.t.Helper()
	began := time.Now()
	for deadline := began.Add(within); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if all := w.problems(); len(all) > 0 && word(all[len(all)-1], "tcp.problem.state") == state {
			last := all[len(all)-1]
			w.t.Logf("%s after %v: %s (%s)", state, time.Since(began).Round(time.Millisecond), word(last, "tcp.problem.title"),
				word(last, "tcp.problem.root_cause.evidence"))
			return last
		}
	}
	for _, p := range w.problems() {
		w.t.Log(word(p, "tcp.problem.state"), word(p, "tcp.problem.title"))
	}
	told, _ := os.ReadFile(w.events)
	w.t.Logf("%s\n%s", told, w.output.String())
	require.Fail(w.t, "no problem is "+state, "after %v", within)
	return pcommon.Map{}
}
