// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
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
	couple // service-j and service-k
	tick   time.Duration
	events string // file
}

// A service is a name for an address, or one of its pods is.
type service struct {
	name    string
	address netip.Addr
	pod     string
}

// entry is what the file of identities says of it.
func (s service) entry() string {
	pod := ""
	if s.pod != "" {
		pod = "pod: " + s.pod + ", "
	}
	return fmt.Sprintf("  - {namespace: shop, workload: %[1]s, kind: Deployment, service: %[1]s, %[2]snode: node-of-%[1]s, addresses: [%[3]s]}\n",
		s.name, pod, s.address)
}

// watchTwoServices starts the README's configuration, with names and another tick, for two
// services that a cable joins.
func watchTwoServices(t *testing.T, tick time.Duration) *watch {
	t.Helper()
	client, server := netns.Pair(t)
	return watchServices(t, tick, client, server)
}

func watchServices(t *testing.T, tick time.Duration, client, server netns.Host) *watch {
	t.Helper()
	w := observe(t, tick, []service{{name: "service-j", address: client.IPv4}, {name: "service-k", address: server.IPv4}})
	w.couple = couple{client, server}
	return w
}

// observe starts it with names for any services, and with further settings.
func observe(t *testing.T, tick time.Duration, services []service, settings ...string) *watch {
	t.Helper()
	folder := t.TempDir()
	w := &watch{tick: tick, events: filepath.Join(folder, "events.json")}
	names := []byte("workloads:\n")
	for _, s := range services {
		names = append(names, s.entry()...)
	}
	identities := filepath.Join(folder, "identities.yaml")
	require.NoError(t, os.WriteFile(identities, names, 0o600))
	w.collector = binary(t, netns.New(t), folder, "../../config/quickstart.yaml", append([]string{
		fmt.Sprintf("receivers::ebpf_tcp::collection_interval: %v", tick),
		"receivers::ebpf_tcp::histogram: exponential",
		"receivers::ebpf_tcp::remote_addresses: all",
		fmt.Sprintf("processors::tcp_anomaly::interval: %v", tick),
		"processors::tcp_anomaly::identity::static::file: " + identities,
		"exporters::file/events::path: " + w.events,
		"service::pipelines::logs::exporters: [file/events]",
	}, settings...)...)
	w.awaitReady()
	return w
}

// problems returns what was told of problems so far, in its order.
func (w *watch) problems() (records []pcommon.Map) {
	for _, record := range w.told("tcp.flow.problem") {
		records = append(records, record.Attributes())
	}
	return records
}

// told returns the events of a name so far, in their order.
func (w *watch) told(name string) (records []plog.LogRecord) {
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
					if record.EventName() == name {
						records = append(records, record)
					}
				}
			}
		}
	}
	return records
}

// awaitTold waits until an anomaly of a type is told of.
func (w *watch) awaitTold(typ string, within time.Duration) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		return slices.ContainsFunc(w.told("tcp.flow.anomaly"), func(r plog.LogRecord) bool { return word(r.Attributes(), "tcp.anomaly.type") == typ })
	}, within, 50*time.Millisecond, "no anomaly is %s", typ)
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
