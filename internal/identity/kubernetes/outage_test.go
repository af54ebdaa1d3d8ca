// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestWatchIsCutAndComesBack cuts all connections while pods come and go.
func TestWatchIsCutAndComesBack(t *testing.T) {
	l := newLive(t)
	a := &pod{Name: "a", Node: "n1", IPs: []string{"10.1.0.1"}}
	l.run(a)
	s := l.follow()
	for _, name := range []string{"b", "c", "d"} {
		l.proxy.Cut()
		p := &pod{Name: name, Node: "n1", IPs: []string{"10.1.0." + name}}
		p.IPs[0] = map[string]string{"b": "10.1.0.2", "c": "10.1.0.3", "d": "10.1.0.4"}[name]
		l.run(p)
		l.eventually(func() bool { return remote(s, p.IPs[0], 80, time.Now()) == name }, "seen after the cut")
		require.Equal(t, "a", remote(s, "10.1.0.1", 80, time.Now()))
	}
	l.current(s)
}

// TestOutageTellsTheLastKnownState has pods come and go while the API server cannot be
// reached: a delete is missed, its address is another's, who is gone when all is listed
// again, and then a third one's.
func TestOutageTellsTheLastKnownState(t *testing.T) {
	l := newLive(t)
	a := &pod{Name: "a", Node: "n1", IPs: []string{"10.2.0.1"}}
	kept := &pod{Name: "kept", Node: "n1", IPs: []string{"10.2.0.2"}}
	l.run(a)
	l.run(kept)
	s := l.follow()
	before := time.Now()
	require.Equal(t, "a", remote(s, "10.2.0.1", 80, before))
	l.run(&pod{Name: "last", Node: "n1", IPs: []string{"10.2.0.3"}})
	l.eventually(func() bool { return remote(s, "10.2.0.3", 80, time.Now()) == "last" }, "the last that was told")

	l.proxy.Close()
	l.eventually(func() bool { status := s.Status(); return !status.Current() && status.Pods.Err != nil }, "the loss is told")
	status := s.Status()
	require.True(t, status.Synced())
	require.Equal(t, "kept", remote(s, "10.2.0.2", 80, time.Now()))

	require.NoError(t, l.remove(a))
	unseen := &pod{Name: "unseen", Node: "n1", IPs: a.IPs}
	l.run(unseen)
	between := time.Now()
	require.NoError(t, l.remove(unseen))
	b := &pod{Name: "b", Node: "n1", IPs: a.IPs}
	l.run(b)
	require.Equal(t, "a", remote(s, "10.2.0.1", 80, time.Now()), "the last known state")
	l.proxy.Open()
	l.current(s)
	l.eventually(func() bool { return remote(s, "10.2.0.1", 80, time.Now()) == "b" }, "b has the address")
	require.Contains(t, []string{"a", "unknown"}, remote(s, "10.2.0.1", 80, before))
	require.Contains(t, []string{"unseen", "unknown"}, remote(s, "10.2.0.1", 80, between))
	require.Equal(t, "kept", remote(s, "10.2.0.2", 80, time.Now()))
	require.NoError(t, s.Status().Pods.Err)
}

// TestSilentConnectionIsFoundDead stops all bytes: nobody is told.
func TestSilentConnectionIsFoundDead(t *testing.T) {
	l := newLive(t)
	s := l.follow()
	l.proxy.Silence()
	l.run(&pod{Name: "a", Node: "n1", IPs: []string{"10.3.0.1"}})
	l.eventually(func() bool { return remote(s, "10.3.0.1", 80, time.Now()) == "a" }, "seen by a new connection")
	l.current(s)
}

// TestServerCrashesAndForgets kills the API server, and compacts etcd. What was known of
// versions is gone with both: who watches from an old one is told so (410) and lists anew.
// A delete of meanwhile is missed by the watch.
func TestServerCrashesAndForgets(t *testing.T) {
	l := newLive(t)
	a := &pod{Name: "a", Node: "n1", IPs: []string{"10.4.0.1"}}
	kept := &pod{Name: "kept", Node: "n1", IPs: []string{"10.4.0.2"}}
	l.run(a)
	l.run(kept)
	s := l.follow()
	var list struct {
		Metadata struct{ ResourceVersion string }
	}
	l.do(http.MethodGet, "/api/v1/namespaces/"+l.namespace+"/pods", nil, &list)

	l.proxy.Close()
	require.NoError(t, l.remove(a))
	for range 20 { // versions that nobody here sees
		other := &pod{Name: "other", Node: "n1", IPs: []string{"10.4.0.3"}}
		l.run(other)
		require.NoError(t, l.remove(other))
	}
	exact := "/api/v1/namespaces/" + l.namespace + "/pods?resourceVersionMatch=Exact&resourceVersion=" + list.Metadata.ResourceVersion
	l.do(http.MethodGet, exact, nil, nil) // etcd has it still
	require.NoError(t, server.Compact(t.Context()))
	require.NoError(t, server.Kill())
	l.eventually(func() bool { status := s.Status(); return !status.Current() }, "the loss is told")
	require.Equal(t, "kept", remote(s, "10.4.0.2", 80, time.Now()))
	require.NoError(t, server.Resume())
	require.ErrorContains(t, l.admin.Do(t.Context(), http.MethodGet, exact, nil, nil), "410", "etcd's history is gone")

	err := l.admin.Do(t.Context(), http.MethodGet, "/api/v1/namespaces/"+l.namespace+"/pods?watch=true&timeoutSeconds=1&resourceVersion="+list.Metadata.ResourceVersion, nil, nil)
	var gone string
	if err != nil {
		gone = err.Error()
	} else {
		var event struct{ Object struct{ Message string } }
		l.do(http.MethodGet, "/api/v1/namespaces/"+l.namespace+"/pods?watch=true&timeoutSeconds=1&resourceVersion="+list.Metadata.ResourceVersion, nil, &event)
		gone = event.Object.Message
	}
	require.Contains(t, gone, "too old resource version", "the API server has forgotten the version")

	b := &pod{Name: "b", Node: "n1", IPs: a.IPs}
	l.run(b)
	l.proxy.Open()
	l.current(s)
	l.eventually(func() bool { return remote(s, "10.4.0.1", 80, time.Now()) == "b" }, "b has the address")
	require.Equal(t, "kept", remote(s, "10.4.0.2", 80, time.Now()))
	status := s.Status()
	require.Equal(t, 2, status.Sizes.Pods)
}

// TestScopeOfANode asks for one node's pods only.
func TestScopeOfANode(t *testing.T) {
	l := newLive(t)
	l.node(l.namespace+"-n1", "z1", "192.168.9.1")
	l.node(l.namespace+"-n2", "z2", "192.168.9.2")
	t.Setenv("TCPWHY_TEST_NODE", l.namespace+"-n1")
	l.run(&pod{Name: "mine", Node: l.namespace + "-n1", IPs: []string{"10.5.0.1"}})
	l.run(&pod{Name: "other", Node: l.namespace + "-n2", IPs: []string{"10.5.0.2"}})
	s := l.open(apiserver.AdminToken, kubernetes.Config{
		Scope: kubernetes.ScopeNode, Filter: kubernetes.FilterConfig{NodeFromEnvVar: "TCPWHY_TEST_NODE"},
		WaitForMetadata: true, WaitForMetadataTimeout: patience,
	})
	require.Equal(t, "mine", remote(s, "10.5.0.1", 80, time.Now()))
	require.Equal(t, "stranger", remote(s, "10.5.0.2", 80, time.Now()))
	require.Equal(t, l.namespace+"-n1", remote(s, "192.168.9.1", 22, time.Now()))
	require.Equal(t, "stranger", remote(s, "192.168.9.2", 22, time.Now()))
	require.Equal(t, kubernetes.Sizes{Pods: 1, Services: 1, Nodes: 1}, s.Status().Sizes, "the service is the API server's own")
}
