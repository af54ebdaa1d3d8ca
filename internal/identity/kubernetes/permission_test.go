// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

const manifest = "../../../config/kubernetes/rbac.yaml"

// apply makes what the manifest has and returns its role.
func (l *live) apply() (role rbacv1.ClusterRole) {
	require.NoError(l.t, l.admin.Apply(l.t.Context(), manifest))
	l.do(http.MethodGet, apiserver.RolePath+"tcpwhy", nil, &role)
	return role
}

// token is one of the manifest's service account.
func (l *live) token() string {
	token, err := l.admin.Token(l.t.Context(), "tcpwhy", "tcpwhy")
	require.NoError(l.t, err)
	return token
}

// TestPermissionsAreEnoughAndNoMore takes the role that we ship as it is, then without
// each of its permissions.
func TestPermissionsAreEnoughAndNoMore(t *testing.T) {
	l := newLive(t)
	role := l.apply()
	user, err := server.As(l.token())
	require.NoError(t, err)
	t.Cleanup(user.Close)
	code := func(method, path string) int { return apiserver.Code(user.Do(t.Context(), method, path, nil, nil)) }
	l.eventually(func() bool { return code(http.MethodGet, "/api/v1/pods") == http.StatusOK }, "the role is known")

	s := l.open(l.token(), kubernetes.Config{})
	l.current(s)
	require.NoError(t, s.Close())
	for _, path := range []string{
		"/api/v1/secrets", "/api/v1/configmaps", "/api/v1/namespaces", "/api/v1/endpoints", "/api/v1/events",
		"/apis/apps/v1/replicasets", "/apis/batch/v1/jobs", "/apis/discovery.k8s.io/v1/endpointslices",
		"/api/v1/namespaces/kube-system", "/api/v1/namespaces/default/services/kubernetes",
	} {
		require.Equal(t, http.StatusForbidden, code(http.MethodGet, path), path)
	}
	for _, resource := range []string{"pods", "services"} {
		require.Equal(t, http.StatusForbidden, code(http.MethodDelete, "/api/v1/namespaces/default/"+resource+"/x"), resource)
	}
	require.Equal(t, http.StatusForbidden, code(http.MethodDelete, "/api/v1/nodes/x"))

	for _, resource := range []string{"pods", "services", "nodes"} {
		l.without(role, user, resource)
	}
}

// without takes list, then watch, of a resource from the role. Servers of today stream
// the list by watch, so list is asked for by itself: older ones need it.
func (l *live) without(role rbacv1.ClusterRole, user *apiserver.Client, resource string) {
	path := apiserver.RolePath + role.Name
	set := func(rules []rbacv1.PolicyRule) { l.do(http.MethodPatch, path, map[string]any{"rules": rules}, nil) }
	ask := func(query string) int {
		return apiserver.Code(user.Do(l.t.Context(), http.MethodGet, "/api/v1/"+resource+query, nil, nil))
	}
	for verb, query := range map[string]string{"list": "?limit=1", "watch": "?watch=true&timeoutSeconds=1"} {
		set(less(role.Rules, resource, verb))
		l.eventually(func() bool { return ask(query) == http.StatusForbidden }, "without "+verb+" of "+resource)
	}
	set(less(role.Rules, resource, "list", "watch"))
	l.eventually(func() bool { return ask("") == http.StatusForbidden }, "without "+resource)
	s := l.open(l.token(), kubernetes.Config{})
	l.eventually(func() bool {
		status := s.Status()
		return apierrors.IsForbidden(link(&status, resource).Err)
	}, "told that "+resource+" are forbidden")
	status := s.Status()
	require.False(l.t, status.Synced())
	require.Contains(l.t, link(&status, resource).Err.Error(), `cannot`)
	require.NoError(l.t, s.Close())
	set(role.Rules)
	l.eventually(func() bool { return ask("") == http.StatusOK }, "with all again")
}

func link(s *kubernetes.Status, resource string) kubernetes.Link {
	return map[string]kubernetes.Link{"pods": s.Pods, "services": s.Services, "nodes": s.Nodes}[resource]
}

// less returns rules without some verbs of a resource.
func less(rules []rbacv1.PolicyRule, resource string, verbs ...string) (next []rbacv1.PolicyRule) {
	for _, r := range rules {
		for _, one := range r.Resources {
			left := slices.Clone(r.Verbs)
			if one == resource {
				left = slices.DeleteFunc(left, func(v string) bool { return slices.Contains(verbs, v) })
			}
			if len(left) > 0 {
				next = append(next, rbacv1.PolicyRule{APIGroups: r.APIGroups, Resources: []string{one}, Verbs: left})
			}
		}
	}
	return next
}

func TestManifestIsWhatTheDocumentationSays(t *testing.T) {
	text, err := os.ReadFile("../../../docs/identity.md")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(text), "`list` and `watch` of pods, services and nodes"))
}
