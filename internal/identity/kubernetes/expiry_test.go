// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestWatchExpires compacts etcd while no watch gets through. The API server goes on: who
// watches from an old version is told that it is gone (410), and lists anew. Its own cache
// is off, because that has old versions for longer than a test lasts.
func TestWatchExpires(t *testing.T) {
	uncached, err := apiserver.Start("--watch-cache=false")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, uncached.Stop()) })
	l := newLiveOf(t, uncached)
	a := &pod{name: "a", node: "n1", ips: []string{"10.6.0.1"}}
	kept := &pod{name: "kept", node: "n1", ips: []string{"10.6.0.2"}}
	l.run(a)
	l.run(kept)
	s := l.follow()
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	pods := "/api/v1/namespaces/" + l.namespace + "/pods"
	l.do(http.MethodGet, pods, nil, &list)

	l.proxy.Close()
	l.eventually(func() bool { status := s.Status(); return !status.Current() }, "the loss is told")
	require.NoError(t, l.remove(a))
	b := &pod{name: "b", node: "n1", ips: a.ips}
	l.run(b)
	require.NoError(t, uncached.Compact(t.Context()))
	var event struct {
		Type   string
		Object struct{ Code int }
	}
	l.do(http.MethodGet, pods+"?watch=true&timeoutSeconds=1&resourceVersion="+list.Metadata.ResourceVersion, nil, &event)
	require.Equal(t, "ERROR", event.Type)
	require.Equal(t, http.StatusGone, event.Object.Code)
	require.Equal(t, "kept", remote(s, "10.6.0.2", 80, time.Now()), "the last known state")

	l.proxy.Open()
	l.eventually(func() bool { return remote(s, "10.6.0.1", 80, time.Now()) == "b" }, "b has the address")
	l.current(s)
	require.Equal(t, "kept", remote(s, "10.6.0.2", 80, time.Now()))
	require.Equal(t, 2, s.Status().Sizes.Pods, "the end of a, which no watch told, is known")
}
