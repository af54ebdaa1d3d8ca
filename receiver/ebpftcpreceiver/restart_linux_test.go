// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A trial is where receivers are tried: a cgroup of this process's own, and a
// network namespace whose address no other test on this machine uses.
type trial struct {
	t       *testing.T
	factory receiver.Factory
	group   *cgroup.Group
	path    traffic.Path
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	group := cgroup.New(t)
	group.Add(os.Getpid())
	n := 2 + rand.N(uint32(1)<<24-3) // neither a network's number nor 127.0.0.1
	address := netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)})
	path := traffic.Loopback(netns.New(t), address.String())
	path.Sources = []netip.Addr{address}
	return &trial{t, newFactory(newPool(openBPF, now)), group, path}
}

// A candidate is a receiver that runs.
type candidate struct {
	*trial
	receiver.Metrics
	sink *consumertest.MetricsSink
}

// start runs a receiver that observes the whole machine and exports when it shuts
// down, unless change says otherwise.
func (tr *trial) start(change func(*Config)) *candidate {
	tr.t.Helper()
	cfg := tr.factory.CreateDefaultConfig().(*Config)
	cfg.InitialDelay = maxInterval
	change(cfg)
	valid := *cfg // a test may be in more of a hurry than a configuration
	valid.CollectionInterval = max(cfg.CollectionInterval, minInterval)
	require.NoError(tr.t, valid.Validate())
	c := &candidate{trial: tr, sink: new(consumertest.MetricsSink)}
	var err error
	c.Metrics, err = tr.factory.CreateMetrics(tr.t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, c.sink)
	require.NoError(tr.t, err)
	require.NoError(tr.t, c.Start(tr.t.Context(), componenttest.NewNopHost()))
	tr.t.Cleanup(c.stop)
	return c
}

func (c *candidate) stop() {
	c.t.Helper()
	require.NoError(c.t, c.Shutdown(context.Background()))
}

// requireExported compares what left with the truth.
func (c *candidate) requireExported(truths ...traffic.Truth) {
	c.t.Helper()
	require.Equal(c.t, known(c.t, truths...), exported(c.t, c.sink, c.path.Address.String()))
}

// talk opens and closes some connections.
func (tr *trial) talk() []traffic.Truth {
	tr.t.Helper()
	return tr.path.Run(tr.t, 8, append(
		traffic.Exchange(3, 1000, 70_000).ClosedBy(traffic.Client).Times(40),
		traffic.HalfClosed(traffic.Server, 5000, 1).Times(40)...)...)
}

// TestTwoReceivers observes the same connections twice, in different ways, and once
// more when one of the two has gone. Neither takes anything from the other.
func TestTwoReceivers(t *testing.T) {
	tr := newTrial(t)
	busy := tr.start(func(cfg *Config) {
		cfg.InitialDelay, cfg.CollectionInterval = 0, 3*time.Millisecond
		cfg.Include = []RuleConfig{{CIDRs: []netip.Prefix{netip.PrefixFrom(tr.path.Address, 32)}}}
	})
	calm := tr.start(func(cfg *Config) {
		cfg.Granularity, cfg.Histogram = GranularityConnection, HistogramExponential
		cfg.Cgroup = tr.group.Path
	})
	first := tr.talk()
	require.NotZero(t, tr.group.Attached())
	calm.stop()
	calm.requireExported(first...)
	require.Zero(t, tr.group.Attached())

	second := tr.talk()
	busy.stop()
	busy.requireExported(append(first, second...)...)
	calm.requireExported(first...)
	require.Greater(t, len(busy.sink.AllMetrics()), 5, "exports")
}

// TestRestart runs a receiver with one configuration after the other. Each counts
// what happens while it runs, and leaves nothing behind.
func TestRestart(t *testing.T) {
	tr := newTrial(t)
	tr.talk()                                        // whatever is opened once stays open
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	descriptors, goroutines := countDescriptors(t), goleak.IgnoreCurrent()
	here := []RuleConfig{{CIDRs: []netip.Prefix{netip.PrefixFrom(tr.path.Address, 32)}}}
	for _, test := range []struct {
		name     string
		change   func(*Config)
		excluded bool
	}{
		{"as it is by default", func(*Config) {}, false},
		{"each connection a flow", func(cfg *Config) { cfg.Granularity = GranularityConnection }, false},
		{"this address only", func(cfg *Config) { cfg.Include = here }, false},
		{"all but this address", func(cfg *Config) { cfg.Exclude = here }, true},
		{"room for few flows", func(cfg *Config) { cfg.MaxFlows = 1000 }, false},
		{"the address again, in a hurry", func(cfg *Config) {
			cfg.Include, cfg.InitialDelay, cfg.CollectionInterval = here, 0, time.Millisecond
		}, false},
	} {
		c := tr.start(func(cfg *Config) {
			cfg.Cgroup = tr.group.Path
			test.change(cfg)
		})
		require.NotZero(t, tr.group.Attached(), test.name)
		truths := tr.talk()
		c.stop()
		if test.excluded {
			truths = nil
		}
		c.requireExported(truths...)
		require.Zero(t, tr.group.Attached(), test.name)
		require.Equal(t, descriptors, countDescriptors(t), test.name)
		tr.talk() // nobody counts this
	}
	goleak.VerifyNone(t, goroutines)
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
