// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && k8s

package tcpanomalyprocessor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestWhoIsNamedInAnOutage takes the way to the API server away, in three ways, while an
// address goes from one pod to another, and from that one to a third. Meanwhile the last
// known state is told, and the processor's telemetry says so. Afterwards nobody is wrong:
// a watch that goes on tells all that happened, a list does not tell of the second pod.
func TestWhoIsNamedInAnOutage(t *testing.T) {
	k := newTown(t, "--watch-cache=false") // its cache would have old versions for longer than a test lasts
	s := newTeller(t, "identity: {kubernetes: {auth_type: kubeConfig, wait_for_metadata: true, wait_for_metadata_timeout: 60s, pod_delete_grace_period: 10m}}\n"+
		"aggregate: none\ninterval: 24h\nmax_stale: 24h\ndetection: {enabled: false}\n")
	for n, fault := range []struct {
		name       string
		begin, end func() error
		listed     bool
	}{
		{"cut", nothing, k.proxy.Listen, false},
		{"expired", func() error { return k.server.Compact(t.Context()) }, k.proxy.Listen, true},
		{"restart", func() error {
			if err := k.server.Compact(t.Context()); err != nil {
				return err
			}
			return k.server.Kill()
		}, func() error {
			if err := k.server.Resume(); err != nil {
				return err
			}
			return k.proxy.Listen()
		}, true},
	} {
		t.Run(fault.name, func(t *testing.T) {
			o := &outage{town: k, teller: s, ip: fmt.Sprintf("10.9.0.%d", n+1)}
			require.NoError(t, o.until(1, "at first"))
			first := o.take("first")
			require.NoError(t, o.seen(first))
			k.proxy.Refuse()
			require.NoError(t, o.until(0, "without a way"))
			o.leave(first)
			second := o.take("second")
			between := time.Now()
			o.leave(second)
			third := o.take("third")
			require.NoError(t, fault.begin())
			require.Equal(t, podEnd(first), o.told(time.Now()), "the last known state")
			require.EqualValues(t, 0, o.current(), "and it is said so")

			require.NoError(t, fault.end())
			o.poke()
			require.NoError(t, o.until(1, "again"))
			require.NoError(t, o.seen(third))
			if told := o.told(between); fault.listed {
				require.Equal(t, nobody, told)
			} else {
				require.Contains(t, []end{nobody, podEnd(second)}, told)
			}
			o.judge()
			o.leave(third)
		})
	}
}

func nothing() error { return nil }

// An outage is one of a processor's way to the API server, and an address that moves.
type outage struct {
	*town
	*teller
	ip   string
	pods []*apiserver.Pod
}

// take has a pod take the address.
func (o *outage) take(name string) *apiserver.Pod {
	p := &apiserver.Pod{Namespace: "shop", Name: name + "-" + o.ip, Node: fmt.Sprintf("n%d", 1+len(o.pods)%slots), IPs: []string{o.ip}}
	require.NoError(o.t, o.admin.Create(o.t.Context(), p))
	p.Acknowledged = time.Now()
	o.register.Take(p)
	require.NoError(o.t, o.admin.Start(o.t.Context(), p))
	o.pods = append(o.pods, p)
	return p
}

// leave has it leave the address as soon as the API server has its deletion.
func (o *outage) leave(p *apiserver.Pod) {
	require.NoError(o.t, o.admin.Ask(o.t.Context(), p))
	o.register.Leave(p)
	require.NoError(o.t, o.admin.Remove(o.t.Context(), p))
}

// poke has all watches say something: else the API server does within a minute.
func (o *outage) poke() {
	o.service("poke-"+strings.ReplaceAll(o.ip, ".", "-"), corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}})
	require.NoError(o.t, o.admin.Node(o.t.Context(), "poke-"+o.ip, "z1"))
}

// told is who is said to have had the address at a time.
func (o *outage) told(at time.Time) end {
	pair, err := o.tell(&call{client: o.web, source: o.web.IPs[0], destination: o.ip, at: at, port: at.UnixNano()})
	require.NoError(o.t, err)
	return pair[1]
}

// seen returns when a pod is told as of now.
func (o *outage) seen(p *apiserver.Pod) error {
	return await(func() (bool, error) { return o.told(time.Now()) == podEnd(p), nil })
}

// judge asks for times from the first pod's beginning on, each some milliseconds after
// the one before.
func (o *outage) judge() {
	end, right, asked := time.Now(), 0, 0
	for at := o.pods[0].Acknowledged; at.Before(end); at = at.Add(end.Sub(o.pods[0].Acknowledged) / 500) {
		holders, sure := o.register.Holders(o.ip, at)
		told := o.told(at)
		require.True(o.t, told == nobody || slices.Contains(ends(holders), told), "at %s: %+v, but it was %+v", at, told, ends(holders))
		if sure {
			asked++
		}
		if sure && told != nobody {
			right++
		}
	}
	o.t.Logf("%d of %d times are told right, the others unknown", right, asked)
}

// until returns when the processor's telemetry says whether Kubernetes is known as it is.
func (o *outage) until(current int64, when string) error {
	if err := await(func() (bool, error) { return o.current() == current, nil }); err != nil {
		return fmt.Errorf("wait until identity_current is %d %s: %w", current, when, err)
	}
	return nil
}

// current is the processor's identity_current of Kubernetes, or -1 if there is none.
func (o *outage) current() int64 {
	m, err := o.self.GetMetric("otelcol_tcp_anomaly_identity_current")
	require.NoError(o.t, err)
	for _, p := range m.Data.(metricdata.Gauge[int64]).DataPoints {
		if source, _ := p.Attributes.Value(names.IdentitySource); source.AsString() == names.IdentityKubernetes {
			return p.Value
		}
	}
	return -1
}
