// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

func owned(kind, name string, labels map[string]string) *corev1.Pod {
	yes := true
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name + "-x2x9z", Namespace: "shop", UID: types.UID("u-" + name), Labels: labels,
		CreationTimestamp: metav1.Unix(1_800_000_000, 0),
	}}
	if kind != "" {
		p.OwnerReferences = []metav1.OwnerReference{
			{Kind: "ConfigMap", Name: "no-controller"},
			{Kind: kind, Name: name, Controller: &yes},
		}
	}
	return p
}

func TestWorkload(t *testing.T) {
	scheduled := func(minutes int) string { return fmt.Sprintf("backup-%d", 1_800_000_000/60-minutes) }
	for _, c := range []struct {
		what, kind, name string
		labels           map[string]string
		want             identity.Workload
	}{
		{"a Deployment's", "ReplicaSet", "cart-7d9f8b6c5d", map[string]string{hashLabel: "7d9f8b6c5d"}, identity.Workload{Kind: "Deployment", Name: "cart"}},
		{"a ReplicaSet's of its own", "ReplicaSet", "cart-7d9f8b6c5d", nil, identity.Workload{Kind: "ReplicaSet", Name: "cart-7d9f8b6c5d"}},
		{"a ReplicaSet's with another's hash", "ReplicaSet", "cart-7d9f8b6c5d", map[string]string{hashLabel: "abc"}, identity.Workload{Kind: "ReplicaSet", Name: "cart-7d9f8b6c5d"}},
		{"a CronJob's of its minute", "Job", scheduled(0), nil, identity.Workload{Kind: "CronJob", Name: "backup"}},
		{"a CronJob's, tried again", "Job", scheduled(60), nil, identity.Workload{Kind: "CronJob", Name: "backup"}},
		{"a Job's with a date", "Job", "backup-20240101", nil, identity.Workload{Kind: "Job", Name: "backup-20240101"}},
		{"a Job's with a minute to come", "Job", scheduled(-5), nil, identity.Workload{Kind: "Job", Name: scheduled(-5)}},
		{"a Job's without a number", "Job", "migrate", nil, identity.Workload{Kind: "Job", Name: "migrate"}},
		{"a StatefulSet's", "StatefulSet", "db", nil, identity.Workload{Kind: "StatefulSet", Name: "db"}},
		{"another's", "Rollout", "cart", nil, identity.Workload{Kind: "Rollout", Name: "cart"}},
		{"nobody's", "", "shell", nil, identity.Workload{Kind: "Pod", Name: "shell-x2x9z"}},
		{"a node's", "Node", "x2x9z", nil, identity.Workload{Kind: "Pod", Name: "x2x9z"}},
	} {
		require.Equal(t, c.want, workloadOf(owned(c.kind, c.name, c.labels)), c.what)
	}
}

func TestServiceName(t *testing.T) {
	p := owned("ReplicaSet", "cart-7d9f8b6c5d", map[string]string{hashLabel: "7d9f8b6c5d"})
	check := func(what, name, namespace string, labels bool) {
		t.Helper()
		n, ns := serviceOf(p, workloadOf(p), labels)
		require.Equal(t, [2]string{name, namespace}, [2]string{n, ns}, what)
	}
	check("owner", "cart", "shop", true)
	p.Labels[nameLabel] = "by-name"
	check("label of the name", "by-name", "shop", true)
	p.Labels[instanceLabel] = "by-instance"
	check("label of the instance", "by-instance", "shop", true)
	check("no labels wanted", "cart", "shop", false)
	p.Annotations = map[string]string{nameAnnotation: "by-annotation", namespaceAnnotation: "other"}
	check("annotation", "by-annotation", "other", true)
	check("annotation, no labels wanted", "by-annotation", "other", false)

	p = owned("Rollout", "cart", nil)
	check("an owner that the conventions do not know", "cart-x2x9z", "shop", true)
	p = owned("Job", fmt.Sprintf("backup-%d", 1_800_000_000/60), nil)
	check("a CronJob", "backup", "shop", true)
}

func TestHoldAt(t *testing.T) {
	h := hold{from: 10, sure: 20, doubt: 30, until: 40}
	for at, want := range map[int64]verdict{9: no, 10: perhaps, 19: perhaps, 20: certainly, 29: certainly, 30: perhaps, 41: perhaps} {
		require.Equal(t, want, h.at(at), at)
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		verdicts []verdict
		want     int
	}{
		{nil, -1},
		{[]verdict{no, no}, -1},
		{[]verdict{no, perhaps}, 1},
		{[]verdict{perhaps, perhaps}, -1},
		{[]verdict{perhaps, certainly, perhaps}, 1},
		{[]verdict{perhaps, perhaps, certainly}, 2},
		{[]verdict{certainly, certainly}, -1},
		{[]verdict{certainly, perhaps, certainly}, -1},
	} {
		var choice choice[int]
		for i, v := range c.verdicts {
			choice.add(i, v)
		}
		got, ok := choice.get()
		if !ok {
			got = -1
		}
		require.Equal(t, c.want, got, c.verdicts)
	}
}

func TestIntern(t *testing.T) {
	n := newInterner[string]()
	for i := range 3 * n.limit {
		n.intern(fmt.Sprint(i))
	}
	require.LessOrEqual(t, len(n.known), n.limit)
	require.Equal(t, "x", *n.intern("x"))
	require.Same(t, n.intern("x"), n.intern("x"))
}
