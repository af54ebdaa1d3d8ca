// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Pod is one of a test's, on a node. Its UID is known once it is made.
type Pod struct {
	Namespace, Name, Node, UID string
	IPs                        []string
	HostNetwork                bool
	Once                       bool // may finish by itself
	// Acknowledged is when its kubelet began with it, before it had an address; if zero, its
	// start.
	Acknowledged time.Time
	// Started is when its container did; if zero, its start.
	Started time.Time
	Labels  map[string]string
	Owner   *metav1.OwnerReference
}

// Container is the id of its only container.
func (p *Pod) Container() string {
	return fmt.Sprintf("%064s", strings.ReplaceAll(p.UID, "-", ""))
}

// Held tells its addresses to a [Register].
func (p *Pod) Held() (name string, addresses []string) { return p.Name, p.IPs }

func (p *Pod) path() string { return "/api/v1/namespaces/" + p.Namespace + "/pods/" + p.Name }

// Namespace makes a namespace.
func (c *Client) Namespace(ctx context.Context, name string) error {
	return c.Do(ctx, http.MethodPost, "/api/v1/namespaces", &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil)
}

// Create makes a pod as a scheduler leaves it: bound to a node.
func (c *Client) Create(ctx context.Context, p *Pod) error {
	o := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: p.Labels}}
	if p.Owner != nil {
		o.OwnerReferences = []metav1.OwnerReference{*p.Owner}
	}
	o.Spec.NodeName, o.Spec.HostNetwork = p.Node, p.HostNetwork
	o.Spec.Containers = []corev1.Container{{Name: "main", Image: "none"}}
	if p.Once {
		o.Spec.RestartPolicy = corev1.RestartPolicyNever
	}
	var made corev1.Pod
	err := c.Do(ctx, http.MethodPost, "/api/v1/namespaces/"+p.Namespace+"/pods", o, &made)
	p.UID = string(made.UID)
	return err
}

// Start tells the pod's addresses and its container, as a kubelet does.
func (c *Client) Start(ctx context.Context, p *Pod) error {
	now := metav1.Now()
	acknowledged, started := now, now
	if !p.Acknowledged.IsZero() {
		acknowledged = metav1.NewTime(p.Acknowledged)
	}
	if !p.Started.IsZero() {
		started = metav1.NewTime(p.Started)
	}
	var status corev1.PodStatus
	status.Phase, status.StartTime, status.HostIP = corev1.PodRunning, &acknowledged, "192.168.0.1"
	for _, ip := range p.IPs {
		status.PodIPs = append(status.PodIPs, corev1.PodIP{IP: ip})
	}
	status.PodIP = p.IPs[0]
	status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "main", ContainerID: "containerd://" + p.Container(),
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}},
	}}
	return c.setStatus(ctx, p.path(), status)
}

// Ask asks for a pod's deletion; [Client.Remove] tells that it is gone, as its kubelet
// does.
func (c *Client) Ask(ctx context.Context, p *Pod) error {
	return c.Do(ctx, http.MethodDelete, p.path(), nil, nil)
}

// Remove ends a pod.
func (c *Client) Remove(ctx context.Context, p *Pod) error {
	zero := int64(0)
	return c.Do(ctx, http.MethodDelete, p.path(), &metav1.DeleteOptions{
		TypeMeta:           metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		GracePeriodSeconds: &zero,
	}, nil)
}

// Finish tells that a pod is over. It stays, with an address that is its no more.
func (c *Client) Finish(ctx context.Context, p *Pod) error {
	return c.setStatus(ctx, p.path(), map[string]any{"phase": corev1.PodSucceeded})
}

// Node makes a node.
func (c *Client) Node(ctx context.Context, name, zone string, addresses ...string) error {
	err := c.Do(ctx, http.MethodPost, "/api/v1/nodes", &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: map[string]string{corev1.LabelTopologyZone: zone},
	}}, nil)
	if err != nil {
		return err
	}
	var status corev1.NodeStatus
	for _, a := range addresses {
		status.Addresses = append(status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: a})
	}
	return c.setStatus(ctx, "/api/v1/nodes/"+name, status)
}

// Service makes a service, with addresses of a load balancer, and returns its own.
func (c *Client) Service(ctx context.Context, namespace, name string, spec corev1.ServiceSpec, balancer ...string) ([]string, error) {
	path := "/api/v1/namespaces/" + namespace + "/services"
	var made corev1.Service
	err := c.Do(ctx, http.MethodPost, path, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}, &made)
	if err != nil || len(balancer) == 0 {
		return made.Spec.ClusterIPs, err
	}
	var status corev1.ServiceStatus
	for _, ip := range balancer {
		status.LoadBalancer.Ingress = append(status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: ip})
	}
	return made.Spec.ClusterIPs, c.setStatus(ctx, path+"/"+name, status)
}

// RemoveService deletes a service. Its addresses are free when it is done.
func (c *Client) RemoveService(ctx context.Context, namespace, name string) error {
	return c.Do(ctx, http.MethodDelete, "/api/v1/namespaces/"+namespace+"/services/"+name, nil, nil)
}

func (c *Client) setStatus(ctx context.Context, path string, status any) error {
	return c.Do(ctx, http.MethodPatch, path+"/status", map[string]any{"status": status}, nil)
}
