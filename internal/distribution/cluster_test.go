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
		k.do(http.MethodPost, "/api/v1/namespaces", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil)
	}
	k.node("n1", "192.168.7.1")
	k.node("n2", "192.168.7.2")
	web := k.pod("shop", "front", "web", "n1", "10.7.0.1", false)
	host := k.pod("shop", "host", "host", "n1", "192.168.7.1", true)
	k.pod("monitoring", "agent", "agent", "n2", "127.0.0.2", false)
	var service corev1.Service
	k.do(http.MethodPost, "/api/v1/namespaces/shop/services", &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}, &service)
	of := func(uid string) map[string]string {
		return map[string]string{"container.id": containerOf(uid), "k8s.pod.uid": uid, "host.name": "n1"}
	}
	return []pmetric.Metrics{
		flowFrom("pod", "10.7.0.1", service.Spec.ClusterIP, of(web)),
		flowFrom("host", "192.168.7.1", "10.7.0.1", of(host)),
		flowFrom("none", "192.168.7.1", "10.7.0.1", map[string]string{"host.name": "n1"}),
	}
}

func (k *cluster) node(name, address string) {
	k.t.Helper()
	k.do(http.MethodPost, "/api/v1/nodes", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil)
	var status corev1.NodeStatus
	status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}
	k.do(http.MethodPatch, "/api/v1/nodes/"+name+"/status", map[string]any{"status": status}, nil)
}

// pod makes one of a Deployment, whose ReplicaSet's name has a prefix of its own, and
// returns its UID.
func (k *cluster) pod(namespace, deployment, prefix, node, address string, hostNetwork bool) string {
	k.t.Helper()
	yes, labels := true, map[string]string{"app": prefix, "pod-template-hash": templateHash}
	spec := corev1.PodSpec{NodeName: node, HostNetwork: hostNetwork, Containers: []corev1.Container{{Name: "main", Image: "none"}}}
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: spec.Containers}}
	apps := "/apis/apps/v1/namespaces/" + namespace
	var owner appsv1.Deployment
	k.do(http.MethodPost, apps+"/deployments", &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: deployment},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}, &owner)
	var set appsv1.ReplicaSet
	k.do(http.MethodPost, apps+"/replicasets", &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: prefix + "-" + templateHash, Labels: labels, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "Deployment", Name: owner.Name, UID: owner.UID, Controller: &yes}}},
		Spec: appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
	}, &set)
	pods := "/api/v1/namespaces/" + namespace + "/pods"
	var pod corev1.Pod
	k.do(http.MethodPost, pods, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: prefix + "-1", Labels: labels, OwnerReferences: []metav1.OwnerReference{
			{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: set.Name, UID: set.UID, Controller: &yes}}},
		Spec: spec,
	}, &pod)
	k.do(http.MethodPatch, pods+"/"+pod.Name+"/status", map[string]any{"status": statusOfPod(string(pod.UID), address)}, nil)
	return string(pod.UID)
}

// statusOfPod is what a kubelet tells of a pod.
func statusOfPod(uid, address string) corev1.PodStatus {
	now := metav1.Now()
	return corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &now, HostIP: "192.168.7.1", PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "main", ContainerID: "containerd://" + containerOf(uid),
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		}},
	}
}

func containerOf(uid string) string { return fmt.Sprintf("%064s", strings.ReplaceAll(uid, "-", "")) }
