// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && k8s

package tcpanomalyprocessor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// A town is what a real API server knows: four nodes, each in a zone of its own, pods of
// two addresses on the first two, and services.
type town struct {
	t        *testing.T
	server   *apiserver.Server
	proxy    *apiserver.Proxy // through which processors reach it
	admin    *apiserver.Client
	register *apiserver.Register

	web, next, db    *apiserver.Pod // next is web's other pod
	onFirst, onOther *apiserver.Pod // in their nodes' networks
	front            []string       // addresses of a Service
}

// Addresses that no pod has.
const (
	firstNode, otherNode   = "192.168.7.1", "192.168.7.2"
	firstNode6, otherNode6 = "fd00:9::1", "fd00:9::2"
)

// newTown starts an API server with more flags.
func newTown(t *testing.T, flags ...string) *town {
	server, err := apiserver.Start(flags...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	k := &town{t: t, server: server, register: new(apiserver.Register)}
	k.admin, err = server.As(apiserver.AdminToken)
	require.NoError(t, err)
	t.Cleanup(k.admin.Close)
	k.proxy, err = apiserver.NewProxy(server.Address)
	require.NoError(t, err)
	t.Cleanup(k.proxy.Stop)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority: %q}}],
users: [{name: u, user: {token: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`,
		k.proxy.Address, server.CAFile(), apiserver.AdminToken)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	t.Setenv("KUBECONFIG", path)
	k.fill()
	return k
}

func (k *town) fill() {
	ctx := k.t.Context()
	require.NoError(k.t, k.admin.Namespace(ctx, "shop"))
	for n := range slots {
		require.NoError(k.t, k.admin.Node(ctx, fmt.Sprintf("n%d", n+1), fmt.Sprintf("z%d", n+1),
			fmt.Sprintf("192.168.7.%d", n+1), fmt.Sprintf("fd00:9::%x", n+1)))
	}
	k.web = k.pod("web-7d9f8-a", "n1", "web-7d9f8", "10.7.0.1", "fd00:7::1")
	k.next = k.pod("web-7d9f8-b", "n2", "web-7d9f8", "10.7.0.2", "fd00:7::2")
	k.db = k.pod("db-0", "n2", "db", "10.7.0.3", "fd00:7::3")
	k.onFirst = k.pod("host-a", "n1", "host", firstNode, firstNode6)
	k.onOther = k.pod("host-b", "n2", "host", otherNode, otherNode6)
	port, both := []corev1.ServicePort{{Port: 80}}, corev1.IPFamilyPolicyRequireDualStack
	k.service("db", corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: port, Selector: map[string]string{"app": "db"}})
	k.front = k.service("front", corev1.ServiceSpec{Ports: port, IPFamilyPolicy: &both, Selector: map[string]string{"app": "web"}})
	require.Len(k.t, k.front, 2)
}

func (k *town) service(name string, spec corev1.ServiceSpec) []string {
	addresses, err := k.admin.Service(k.t.Context(), "shop", name, spec)
	require.NoError(k.t, err)
	return addresses
}

// pod makes one whose owner is told by the owner's name.
func (k *town) pod(name, node, owner string, ips ...string) *apiserver.Pod {
	yes := true
	p := &apiserver.Pod{Namespace: "shop", Name: name, Node: node, IPs: ips}
	switch owner {
	case "":
	case "db":
		p.Owner = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "StatefulSet", Name: owner, UID: "u", Controller: &yes}
	case "host":
		p.HostNetwork = true
		p.Owner = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: owner, UID: "u", Controller: &yes}
	default:
		p.Labels = map[string]string{"pod-template-hash": "7d9f8"}
		p.Owner = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: owner, UID: "u", Controller: &yes}
	}
	require.NoError(k.t, k.admin.Create(k.t.Context(), p))
	require.NoError(k.t, k.admin.Start(k.t.Context(), p))
	return p
}

var nobody = end{kind: "unknown"}

// podEnd is what is to be said of a pod.
func podEnd(p *apiserver.Pod) end {
	workload := map[string]string{"db-0": "db", "host-a": "host", "host-b": "host", "web-7d9f8-a": "web", "web-7d9f8-b": "web"}[p.Name]
	if workload == "" {
		workload = p.Name // it has no owner
	}
	return end{kind: "pod", namespace: "shop", pod: p.Name, workload: workload, service: workload, node: p.Node, zone: "z" + p.Node[1:]}
}

func nodeEnd(n int) end {
	return end{kind: "node", node: fmt.Sprintf("n%d", n), zone: fmt.Sprintf("z%d", n)}
}

// An expectation is what is to be said of a call, by who knows all, and of its destination
// by who knows the first node alone.
type expectation struct {
	call
	from, to, ofNode end
	ofAll            bool // it is asked of who knows all only
	leaving          bool // its source is, and told by its address: who knows the first node alone does not know
}

// cases are calls of each kind.
func (k *town) cases() []*expectation {
	virtual := end{kind: "service", namespace: "shop", workload: "front", virtual: "front"}
	behind := podEnd(k.next)
	behind.virtual = "front"
	web := func(destination string, to, ofNode end) *expectation {
		source := k.web.IPs[0]
		if destination[0] == 'f' {
			source = k.web.IPs[1]
		}
		return &expectation{call: call{client: k.web, host: "n1", source: source, destination: destination}, from: podEnd(k.web), to: to, ofNode: ofNode}
	}
	onFirst := web(k.db.IPs[0], podEnd(k.db), nobody)
	onFirst.client, onFirst.source, onFirst.from = k.onFirst, firstNode, podEnd(k.onFirst)
	outside := web(k.web.IPs[0], podEnd(k.web), podEnd(k.web))
	outside.client, outside.source, outside.from = nil, firstNode, nodeEnd(1)
	byAddress := web(k.front[1], virtual, virtual)
	byAddress.client, byAddress.host = nil, ""
	translated := web(k.front[0], behind, virtual) // who knows one node does not guess
	translated.behind = k.next.IPs[0]
	translated6 := web(k.front[1], behind, virtual)
	translated6.behind = k.next.IPs[1]
	return []*expectation{
		web(k.db.IPs[0], podEnd(k.db), nobody), web(k.db.IPs[1], podEnd(k.db), nobody), // as a headless service tells them
		web(k.front[0], virtual, virtual), web(k.front[1], virtual, virtual), translated, translated6,
		web(otherNode, nodeEnd(2), nobody), web(otherNode6, nodeEnd(2), nobody), web(firstNode, nodeEnd(1), nodeEnd(1)),
		onFirst, outside, byAddress,
		web("10.7.0.77", nobody, nobody), web("8.8.8.8", end{kind: "external"}, end{kind: "external"}),
	}
}
