// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && k8s

package distribution

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The attributes that both processors know of the local end, and those of both ends
// that tcp_anomaly alone writes.
var (
	onResource = []string{"k8s.pod.name", "k8s.namespace.name", "k8s.deployment.name", "k8s.node.name", "service.name"}
	onPoint    = []string{
		"source.kind", "source.k8s.pod.name", "source.k8s.namespace.name", "source.workload.name", "source.k8s.node.name", "source.service.name",
		"destination.kind", "destination.workload.name", "destination.k8s.service.name", "destination.service.name",
	}
)

// Their values, in that order, "-" for none. The Deployment of pod web-1 is front by the
// owner of its ReplicaSet, which k8s_attributes asks for, and web by the ReplicaSet's
// name, which tcp_anomaly reads. Pod agent-1 is where the OTLP connection comes from.
const (
	theirs    = "web-1 shop front n1 front; pod web-1 shop front n1 front"
	ours      = "web-1 shop web n1 web; pod web-1 shop web n1 web"
	host      = "host-1 shop host n1 host; pod host-1 shop host n1 host"
	node      = "- - - n1 -; node - - none n1 -"
	ofAgent   = "agent-1 monitoring agent n2 agent; "
	asAgent   = " agent-1 monitoring agent n2 agent"
	toService = " service shop shop -"
	toPod     = " pod web - web"
)

// precedence is what each pipeline tells of each flow.
var precedence = map[string]map[string]string{
	"uid-before": {"pod": theirs + toService, "host": host + toPod, "none": node + toPod},
	"uid-after":  {"pod": ours + toService, "host": host + toPod, "none": node + toPod},
	// Whose connection it is tells nothing of whose flows it brings.
	"default-before": {
		"pod": ofAgent + "pod" + asAgent + toService, "host": ofAgent + "pod" + asAgent + toPod, "none": ofAgent + "node" + asAgent + toPod,
	},
	"default-after": {
		"pod": ours + toService, "host": host + toPod,
		"none": "agent-1 monitoring agent n1 agent; node - - none n1 -" + toPod,
	},
}

// Who comes first names the local end; the other one adds what is missing there.
func TestPrecedenceOverK8sAttributes(t *testing.T) {
	k := newCluster(t)
	flows := k.fill()
	folder, health, otlp := t.TempDir(), freePort(t), freePort(t)
	t.Setenv("KUBECONFIG", k.kubeconfig())
	t.Setenv("TEST_HEALTH", health)
	t.Setenv("TEST_OTLP", otlp)
	c := binary(t, nil, folder, "testdata/precedence.yaml")
	c.await("healthy", func() bool { return statusOf("http://127.0.0.1:"+health) == http.StatusOK })
	for _, flow := range flows {
		sendFrom(t, "127.0.0.2", otlp, flow)
	}
	for pipeline, want := range precedence {
		var got map[string]string
		c.await("telling of all flows in "+pipeline, func() bool {
			got = toldIn(t, filepath.Join(folder, pipeline+".json"))
			return len(got) == len(flows)
		})
		require.Equal(t, want, got, pipeline)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

func statusOf(url string) int {
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// sendFrom sends metrics by a connection from an address of the loopback network.
func sendFrom(t *testing.T, address, port string, md pmetric.Metrics) {
	t.Helper()
	body, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
	require.NoError(t, err)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}}
	response, err := client.Post("http://127.0.0.1:"+port+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// flowFrom is a flow as the receiver reports it, with more about its process.
func flowFrom(executable, source, destination string, more map[string]string) pmetric.Metrics {
	now := time.Now()
	md := flowOf(1, now.Add(-time.Second), now, 1)
	rm := md.ResourceMetrics().At(0)
	for key, value := range more {
		rm.Resource().Attributes().PutStr(key, value)
	}
	rm.Resource().Attributes().PutStr("process.executable.name", executable)
	point := rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0).Attributes()
	point.PutStr("source.address", source)
	point.PutStr("destination.address", destination)
	point.PutInt("destination.port", 80)
	return md
}

// toldIn returns what a file says of each executable's flow: of the resource, then of
// the point, "-" where it says nothing.
func toldIn(t *testing.T, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	found := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, "\n") {
			break // it is being written
		}
		md, err := new(pmetric.JSONUnmarshaler).UnmarshalMetrics([]byte(line))
		require.NoError(t, err)
		for _, rm := range md.ResourceMetrics().All() {
			executable, _ := rm.Resource().Attributes().Get("process.executable.name")
			point := rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
			found[executable.Str()] = fmt.Sprint(list(rm.Resource().Attributes(), onResource), "; ", list(point.Attributes(), onPoint))
		}
	}
	return found
}

func list(attributes pcommon.Map, keys []string) string {
	var values []string
	for _, key := range keys {
		value := "-"
		if there, ok := attributes.Get(key); ok {
			value = there.AsString()
		}
		values = append(values, value)
	}
	return strings.Join(values, " ")
}
