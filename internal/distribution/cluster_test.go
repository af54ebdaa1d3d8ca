// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && k8s

package distribution

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

const templateHash = "7d9f8"

// A cluster is a real API server with a few objects, and what controllers and kubelets
// would do.
type cluster struct {
	t      *testing.T
	server *apiserver.Server
	admin  *apiserver.Client
}

func newCluster(t *testing.T) *cluster {
	server, err := apiserver.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	admin, err := server.As(apiserver.AdminToken)
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	return &cluster{t: t, server: server, admin: admin}
}

func (k *cluster) do(method, path string, body, out any) {
	k.t.Helper()
	require.NoError(k.t, k.admin.Do(k.t.Context(), method, path, body, out))
}

// kubeconfig writes one and returns its path.
func (k *cluster) kubeconfig() string {
	path := filepath.Join(k.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority: %q}}],
users: [{name: u, user: {token: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`,
		k.server.Address, k.server.CAFile(), apiserver.AdminToken)
	require.NoError(k.t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// fill makes two nodes, three pods and a service, and returns a flow of each kind of
// process: of a pod, of a pod in its node's network, and of none.
func (k *cluster) fill() []pmetric.Metrics {
	for _, name := range []string{"shop", "monitoring"} {
		require.NoError(k.t, k.admin.Namespace(k.t.Context(), name))
	}
	require.NoError(k.t, k.admin.Node(k.t.Context(), "n1", "", "192.168.7.1"))
	require.NoError(k.t, k.admin.Node(k.t.Context(), "n2", "", "192.168.7.2"))
	web := k.pod("front", &apiserver.Pod{Namespace: "shop", Name: "web-1", Node: "n1", IPs: []string{"10.7.0.1"}})
	host := k.pod("host", &apiserver.Pod{Namespace: "shop", Name: "host-1", Node: "n1", IPs: []string{"192.168.7.1"}, HostNetwork: true})
	k.pod("agent", &apiserver.Pod{Namespace: "monitoring", Name: "agent-1", Node: "n2", IPs: []string{"127.0.0.2"}})
	addresses, err := k.admin.Service(k.t.Context(), "shop", "shop", corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}})
	require.NoError(k.t, err)
	of := func(p *apiserver.Pod) map[string]string {
		return map[string]string{"container.id": p.Container(), "k8s.pod.uid": p.UID, "host.name": "n1"}
	}
	return []pmetric.Metrics{
		flowFrom("pod", "10.7.0.1", addresses[0], of(web)),
		flowFrom("host", "192.168.7.1", "10.7.0.1", of(host)),
		flowFrom("none", "192.168.7.1", "10.7.0.1", map[string]string{"host.name": "n1"}),
	}
}

// pod makes one of a Deployment, whose ReplicaSet's name begins with that of the pod.
func (k *cluster) pod(deployment string, p *apiserver.Pod) *apiserver.Pod {
	k.t.Helper()
	prefix, _, _ := strings.Cut(p.Name, "-")
	yes := true
	p.Labels = map[string]string{"app": prefix, "pod-template-hash": templateHash}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: p.Labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "none"}}},
	}
	apps := "/apis/apps/v1/namespaces/" + p.Namespace
	var owner appsv1.Deployment
	k.do(http.MethodPost, apps+"/deployments", &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: deployment},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: p.Labels}, Template: template},
	}, &owner)
	var set appsv1.ReplicaSet
	k.do(http.MethodPost, apps+"/replicasets", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: prefix + "-" + templateHash, Labels: p.Labels, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "Deployment", Name: owner.Name, UID: owner.UID, Controller: &yes}}},
		Spec: appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: p.Labels}, Template: template},
	}, &set)
	p.Owner = &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: &yes}
	p.Started = time.Now().Add(-time.Minute) // who had its address just before it is not known of a list
	require.NoError(k.t, k.admin.Create(k.t.Context(), p))
	require.NoError(k.t, k.admin.Start(k.t.Context(), p))
	return p
}
