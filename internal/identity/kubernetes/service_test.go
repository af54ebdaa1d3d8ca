// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

func serviceObject(name string, clusterIPs []string, ports ...int32) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: types.UID("uid-of-" + name), CreationTimestamp: seconds(0),
	}}
	s.Spec.ClusterIP, s.Spec.ClusterIPs = clusterIPs[0], clusterIPs
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: p})
	}
	return s
}

func balanced(s *corev1.Service, ips ...string) *corev1.Service {
	for _, ip := range ips {
		s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return s
}

func TestServices(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	w.see(serviceObject("web", []string{"10.96.0.1", "fd00:10::1"}, 80))
	w.see(serviceObject("headless", []string{"None"}, 80))
	w.see(balanced(serviceObject("front", []string{"10.96.0.2"}, 443), "203.0.113.1", "192.168.0.1"))
	w.see(balanced(serviceObject("mail", []string{"10.96.0.3"}, 25), "203.0.113.1"))
	dns := serviceObject("dns", []string{"10.96.0.4"}, 53)
	dns.Spec.Ports[0].Protocol = corev1.ProtocolUDP
	dns.Spec.ExternalIPs = []string{"203.0.113.2"}
	w.see(dns)
	for _, c := range []struct {
		what, address string
		port          uint16
		want          string
	}{
		{"cluster address", "10.96.0.1", 80, "web"},
		{"cluster address, a port that is not the service's", "10.96.0.1", 81, "web"},
		{"cluster address, port not known", "10.96.0.1", 0, "web"},
		{"second family", "fd00:10::1", 80, "web"},
		{"load balancer, by port", "203.0.113.1", 443, "front"},
		{"load balancer, by another port", "203.0.113.1", 25, "mail"},
		{"load balancer, nobody's port", "203.0.113.1", 80, "unknown"},
		{"load balancer, port not known", "203.0.113.1", 0, "unknown"},
		{"a node that is a load balancer, by port", "192.168.0.1", 443, "front"},
		{"a node that is a load balancer, another port", "192.168.0.1", 22, "n1"},
		{"cluster address of UDP", "10.96.0.4", 53, "dns"},
		{"external address of UDP", "203.0.113.2", 53, "stranger"},
	} {
		require.Equal(t, c.want, w.remote(c.address, c.port, 5), c.what)
	}
	require.Equal(t, "n1", tell(w.store.Local(identity.Local{Address: netip.MustParseAddr("192.168.0.1")}, uint64(w.clock.UnixNano()))))
}

// TestServiceNameOfAService is what somebody wrote on it, as for pods.
func TestServiceNameOfAService(t *testing.T) {
	for what, test := range map[string]struct {
		annotations, labels map[string]string
		unlabelled          bool
		name, namespace     string
	}{
		"nothing": {},
		"annotation": {
			annotations: map[string]string{nameAnnotation: "checkout", namespaceAnnotation: "sales"},
			labels:      map[string]string{instanceLabel: "other"}, name: "checkout", namespace: "sales",
		},
		"instance":        {labels: map[string]string{instanceLabel: "checkout", nameLabel: "cart"}, name: "checkout", namespace: "shop"},
		"name":            {labels: map[string]string{nameLabel: "cart"}, name: "cart", namespace: "shop"},
		"labels left out": {labels: map[string]string{nameLabel: "cart"}, unlabelled: true},
	} {
		w := newWorld(t).at(5)
		w.store.labelsName = !test.unlabelled
		s := serviceObject("web", []string{"10.96.0.1"}, 80)
		s.Annotations, s.Labels = test.annotations, test.labels
		w.see(s)
		got := w.store.Remote(netip.MustParseAddr("10.96.0.1"), 80, uint64(w.clock.UnixNano()))
		want := &identity.Identity{Kind: identity.KindService, Place: &identity.Place{}, Common: &identity.Common{
			Cluster: "c", Namespace: "shop", Service: "web", ServiceName: test.name, ServiceNamespace: test.namespace,
		}}
		require.Equal(t, want, got, what)
	}
}

func TestServiceAddressIsReused(t *testing.T) {
	w := newWorld(t).at(5)
	web := serviceObject("web", []string{"10.96.0.1"}, 80)
	w.see(web)
	w.at(10).lose(web)
	require.Equal(t, "web", w.remote("10.96.0.1", 80, 20))
	next := serviceObject("next", []string{"10.96.0.1"}, 80)
	next.CreationTimestamp = seconds(10)
	w.at(10.5).see(next)
	require.Equal(t, "web", w.remote("10.96.0.1", 80, 9))
	require.Equal(t, "unknown", w.remote("10.96.0.1", 80, 10.2))
	require.Equal(t, "next", w.remote("10.96.0.1", 80, 10.5))
	w.at(500).store.expire()
	require.Equal(t, "next", w.remote("10.96.0.1", 80, 10.2))
	require.Equal(t, "unknown", w.remote("10.96.0.1", 80, 9))
}

func TestServiceChanges(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(balanced(serviceObject("web", []string{"10.96.0.1"}, 80), "203.0.113.1"))
	w.at(50).see(balanced(serviceObject("web", []string{"10.96.0.1"}, 8080), "203.0.113.9"))
	require.Equal(t, "web", w.remote("203.0.113.1", 80, 40), "as it was")
	require.Equal(t, "web", w.remote("203.0.113.9", 8080, 50))
	require.Equal(t, "unknown", w.remote("203.0.113.9", 80, 50))
	require.NoError(t, w.at(60).store.Services().Replace(nil, "9"))
	w.at(500).store.expire()
	require.Equal(t, "stranger", w.remote("10.96.0.1", 80, 40))
	require.Empty(t, w.store.services.owners)
}

func TestNodes(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1", "192.168.0.1", "fd00::a"))
	require.Equal(t, "n1", w.remote("fd00::a", 22, 5))
	require.Equal(t, "z1", w.store.Remote(netip.MustParseAddr("fd00::a"), 22, uint64(w.clock.UnixNano())).Zone)
	require.NoError(t, w.at(60).store.Nodes().Replace([]any{nodeObject("n2", "z1", "192.168.0.1")}, "9"))
	require.Equal(t, "n2", w.remote("192.168.0.1", 22, 60))
	require.Equal(t, "unknown", w.remote("192.168.0.1", 22, 50), "n2 may have had it since it was created")
	require.Nil(t, w.store.Local(identity.Local{HostName: "n1"}, 1))
	w.at(500).store.expire()
	require.Equal(t, "unknown", w.remote("192.168.0.1", 22, -1))
	require.Equal(t, "stranger", w.remote("fd00::a", 22, 60))
}

func TestConfigErrorsNameKeyAndRule(t *testing.T) {
	t.Setenv("TCPWHY_TEST_NODE", "n1")
	minus := -time.Second
	for want, cfg := range map[string]Config{
		"": {},
		`auth_type: "token" must be none, serviceAccount or kubeConfig`:                                     {AuthType: "token"},
		`auth_type: "tls" has no settings, in contrib neither: must be kubeConfig for a client certificate`: {AuthType: "tls"},
		`kube_api_qps: -1 must not be below 0`:                                                              {KubeAPIQPS: -1},
		`kube_api_burst: -1 must not be below 0`:                                                            {KubeAPIBurst: -1},
		`pod_delete_grace_period: -1s must not be below 0s`:                                                 {PodDeleteGracePeriod: &minus},
		`wait_for_metadata_timeout: -1s must not be below 0s`:                                               {WaitForMetadataTimeout: minus},
		`scope: "pod" must be cluster or node`:                                                              {Scope: "pod"},
		`scope: node needs filter::node or filter::node_from_env_var`:                                       {Scope: ScopeNode},
		`scope: must be node where filter::node or filter::node_from_env_var is set`:                        {Scope: ScopeCluster, Filter: FilterConfig{Node: "n"}},
		`filter::node_from_env_var: the environment variable "TCPWHY_TEST_NO" must be set`:                  {Filter: FilterConfig{NodeFromEnvVar: "TCPWHY_TEST_NO"}},
		`filter: only one of node and node_from_env_var must be set`:                                        {Filter: FilterConfig{Node: "n", NodeFromEnvVar: "TCPWHY_TEST_NODE"}},
		`filter::fields[0]: op: "exists" must be equals or not-equals`:                                      {Filter: FilterConfig{Fields: []FieldFilterConfig{{Key: "a", Op: "exists"}}}},
		`filter::fields[0]: key: must be set`:                                                               {Filter: FilterConfig{Fields: []FieldFilterConfig{{}}}},
		`filter::labels[0]: op: "not-exists" must be equals, not-equals, exists or does-not-exist`:          {Filter: FilterConfig{Labels: []FieldFilterConfig{{Key: "a", Op: "not-exists"}}}},
	} {
		err := cfg.Validate()
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
}

func TestSelectors(t *testing.T) {
	t.Setenv("TCPWHY_TEST_NODE", "n1")
	s, err := podSelector(&FilterConfig{
		NodeFromEnvVar: "TCPWHY_TEST_NODE", Namespace: "shop",
		Fields: []FieldFilterConfig{{Key: "spec.schedulerName", Value: "x", Op: "not-equals"}},
		Labels: []FieldFilterConfig{{Key: "a", Value: "b"}, {Key: "c", Op: "does-not-exist"}, {Key: "d", Value: "x", Op: "exists"}, {Key: "e", Value: "x", Op: "does-not-exist"}},
	})
	require.NoError(t, err)
	var options metav1.ListOptions
	s.apply(&options)
	require.Equal(t, "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName=n1,spec.schedulerName!=x", options.FieldSelector)
	require.Equal(t, "a=b,!c,d,!e", options.LabelSelector)
	require.Equal(t, "shop", s.namespace)
	nodeSelector(&FilterConfig{Node: "n1"}).apply(&options)
	require.Equal(t, "metadata.name=n1", options.FieldSelector)
}

func TestOpenNamesWhatIsMissing(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBECONFIG", "/does/not/exist")
	for _, auth := range []AuthType{"", AuthNone, AuthKubeConfig} {
		_, err := Open(context.Background(), &Config{AuthType: auth}, nil)
		require.ErrorContains(t, err, "find the API server (auth_type ")
	}
}
