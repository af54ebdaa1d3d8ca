// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// growing are vitals whose counters are n times what they were after the first
// interval.
func growing(n uint64) vitals {
	return vitals{
		hooks: []hook{
			{job: "close", name: "sock_ops/STATE_CB"},
			{job: "find_older", name: "iter/tcp", reason: "iter/task_file: refused", lost: "owners"},
			{job: "missed_close", reason: "tp_btf/tcp_destroy_sock: refused", lost: "resets"},
		},
		programs: []program{
			{name: "sock_ops", runs: 100 * n, time: time.Duration(n) * 1500 * time.Millisecond},
			{name: "destroy", skipped: n}, // and the kernel collects nothing of it
		},
		fills:      []fill{{name: "flows", entries: uint32(10 * n), limit: 100}},
		excluded:   3 * n,
		attempts:   4 * n,
		collisions: 5 * n,
		deferred:   7 * n,
		reasons:    6 * n,
		unfound:    []unfound{{"ports", 2 * n}, {"holders", 0}},
	}
}

var ignoreTime = []metricdatatest.Option{metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars()}

// Counters that the kernel side has kept since it was opened leave as they are,
// however often they were read; gauges are those of the last interval.
func TestVitals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, quiet, accept)
		n := uint64(0)
		p.vitals = func() (vitals, error) { n++; return growing(n), nil }
		p.Metrics = p.create(t, set)
		p.run(t, 22*time.Second) // three intervals
		program := func(name string) attribute.KeyValue { return attribute.String("program", name) }
		metadatatest.AssertEqualEbpfTCPProgramRuns(t, tt, count(300, program("sock_ops")), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPProgramTime(t, tt, []metricdata.DataPoint[float64]{
			{Value: 4.5, Attributes: attribute.NewSet(program("sock_ops"))},
		}, ignoreTime...)
		metadatatest.AssertEqualEbpfTCPProgramSkips(t, tt,
			append(count(0, program("sock_ops")), count(3, program("destroy"))...), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPExcluded(t, tt, count(9), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPConnectUnnoted(t, tt, count(12), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPFlowCollisions(t, tt, count(15), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPFlowDeferrals(t, tt, count(21), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPResetUnexplained(t, tt, count(18), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPSearchDropped(t, tt, append(
			count(6, attribute.String("map", "ports")), count(0, attribute.String("map", "holders"))...), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPMapEntries(t, tt, count(30, attribute.String("map", "flows")), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPMapLimit(t, tt, count(100, attribute.String("map", "flows")), ignoreTime...)
		hook := func(done int64, name, job string, degraded bool) metricdata.DataPoint[int64] {
			return count(done, attribute.String("hook", name), attribute.String("hook_job", job), attribute.Bool("degraded", degraded))[0]
		}
		metadatatest.AssertEqualEbpfTCPHook(t, tt, []metricdata.DataPoint[int64]{
			hook(1, "sock_ops/STATE_CB", "close", false),
			hook(1, "iter/tcp", "find_older", true),
			hook(0, "none", "missed_close", true),
		}, ignoreTime...)
		p.stop(t)
		assert.Empty(t, messages(logs))
	})
}

func TestVitalsThatCannotBeReadComeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, logs := telemetry(t)
		p := newPipeline(t, quiet, accept)
		n := uint64(0)
		p.vitals = func() (vitals, error) {
			n++
			if n == 2 || n == 3 || n == 5 {
				return vitals{excluded: 1 << 40}, errors.New("no such map")
			}
			return growing(n), nil
		}
		p.Metrics = p.create(t, set)
		p.run(t, 42*time.Second) // five intervals
		p.stop(t)                // and the sixth
		metadatatest.AssertEqualEbpfTCPExcluded(t, tt, count(18), ignoreTime...)
		const unread = "warn: what the kernel side says of itself cannot be read"
		assert.Equal(t, []string{unread, unread}, messages(logs), "where a trouble begins")
	})
}

// A hook that is refused after the start, where there is something for it to do, is told when
// that is, and not again; also in the first interval.
func TestHookThatIsRefusedLate(t *testing.T) {
	for _, at := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			_, set, logs := telemetry(t)
			p := newPipeline(t, quiet, accept)
			n := 0
			p.hooks = []hook{{job: "close", name: "sock_ops/STATE_CB"}, {job: "listener_reset", name: "tp_btf/kfree_skb"}}
			p.vitals = func() (v vitals, _ error) {
				n++
				v.hooks = []hook{p.hooks[0], p.hooks[1], {job: "translation"}}
				if n >= at {
					v.hooks[1] = hook{job: "listener_reset", reason: "tp_btf/kfree_skb: not permitted", lost: "which are RSTs"}
				}
				return v, nil
			}
			p.Metrics = p.create(t, set)
			p.run(t, 52*time.Second) // five intervals
			p.stop(t)
			const late = "warn: hook has changed: listener_reset          none; why not better: tp_btf/kfree_skb: not permitted; " +
				"lost: which are RSTs"
			var told []string
			for _, message := range messages(logs) {
				if strings.Contains(message, "listener_reset") {
					told = append(told, message)
				}
			}
			assert.Equal(t, []string{"info: hook: listener_reset          tp_btf/kfree_skb", late}, told)
		})
	}
}
