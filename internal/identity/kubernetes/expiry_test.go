// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestWatchExpires compacts etcd while connections are refused, so that the watch is tried
// again from where it was. The API server goes on: it says that this version is gone (410),
// and all is listed anew. Its own cache is off, because that has old versions for longer
// than a test lasts.
func TestWatchExpires(t *testing.T) {
	uncached, err := apiserver.Start("--watch-cache=false")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, uncached.Stop()) })
	const expired = "Watch has expired: all is listed again"
	l := newLiveOf(t, uncached)
	core, logs := observer.New(zapcore.InfoLevel)
	l.logger = zap.New(core)
	a := &pod{Name: "a", Node: "n1", IPs: []string{"10.6.0.1"}}
	kept := &pod{Name: "kept", Node: "n1", IPs: []string{"10.6.0.2"}}
	l.run(a)
	s := l.follow()
	l.run(kept) // a watch that told nothing is not tried again: all is listed
	l.eventually(func() bool { return remote(s, "10.6.0.2", 80, time.Now()) == "kept" }, "told by the watch")
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	pods := "/api/v1/namespaces/" + l.namespace + "/pods"
	l.do(http.MethodGet, pods, nil, &list)

	l.proxy.Refuse()
	l.eventually(func() bool { status := s.Status(); return !status.Current() }, "the loss is told")
	require.NoError(t, l.remove(a))
	b := &pod{Name: "b", Node: "n1", IPs: a.IPs}
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

	require.Zero(t, logs.FilterMessage(expired).Len())
	require.NoError(t, l.proxy.Listen())
	l.eventually(func() bool { return logs.FilterMessage(expired).FilterField(zap.String("resource", "pods")).Len() > 0 }, "410 reaches the watch")
	l.eventually(func() bool { return remote(s, "10.6.0.1", 80, time.Now()) == "b" }, "b has the address")
	l.current(s)
	require.Equal(t, "kept", remote(s, "10.6.0.2", 80, time.Now()))
	require.Equal(t, 2, s.Status().Sizes.Pods, "the end of a, which no watch told, is known")
}
