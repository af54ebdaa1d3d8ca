// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
)

// processor has the configuration where the processor has it.
type processor struct {
	Identity Config `mapstructure:"identity"`
}

func load(t *testing.T, settings map[string]any) (*Config, error) {
	t.Helper()
	var p processor
	if err := confmap.NewFromStringMap(map[string]any{"identity": settings}).Unmarshal(&p); err != nil {
		return nil, err
	}
	return &p.Identity, confmap.Validate(&p)
}

func TestConfig(t *testing.T) {
	cfg, err := load(t, map[string]any{
		"static":        map[string]any{"file": "identities.yaml"},
		"cluster_cidrs": []any{"198.18.0.0/15", "2001:db8::/32"},
		"kubernetes": map[string]any{
			"auth_type": "kubeConfig", "scope": "node", "pod_delete_grace_period": "0s",
			"filter": map[string]any{"node": "n1", "labels": []any{map[string]any{"key": "a", "op": "exists"}}},
		},
	})
	require.NoError(t, err)
	none := time.Duration(0)
	require.Equal(t, &Config{
		Kubernetes: &kubernetes.Config{
			AuthType: kubernetes.AuthKubeConfig, Scope: kubernetes.ScopeNode, PodDeleteGracePeriod: &none,
			Filter: kubernetes.FilterConfig{Node: "n1", Labels: []kubernetes.FieldFilterConfig{{Key: "a", Op: "exists"}}},
		},
		Static:       &static.Config{File: "identities.yaml"},
		ClusterCIDRs: []string{"198.18.0.0/15", "2001:db8::/32"},
	}, cfg)

	cfg, err = load(t, map[string]any{"kubernetes": map[string]any{}})
	require.NoError(t, err)
	require.Equal(t, &Config{Kubernetes: &kubernetes.Config{}}, cfg, "all defaults")

	cfg, err = load(t, map[string]any{})
	require.NoError(t, err)
	require.Equal(t, &Config{}, cfg)
}

func TestConfigErrorsNameKeyAndRule(t *testing.T) {
	for _, c := range []struct {
		settings map[string]any
		want     string
	}{
		{map[string]any{"static": map[string]any{}}, "identity::static: file: must be the path of a YAML file"},
		{map[string]any{"kubernetes": map[string]any{"scope": "node"}}, "identity::kubernetes: scope: node needs filter::node or filter::node_from_env_var"},
		{map[string]any{"statics": 1}, "has invalid keys: statics"},
		{map[string]any{"cluster_cidrs": []any{"fd00::/8", "10.0.0.1"}}, `identity: cluster_cidrs[1]: "10.0.0.1" must be a CIDR such as 10.0.0.0/8 or fd00::/8`},
		{map[string]any{"cluster_cidrs": []any{"10.1.0.0/8"}}, `identity: cluster_cidrs[0]: "10.1.0.0/8" has bits behind its mask: must be "10.0.0.0/8"`},
	} {
		_, err := load(t, c.settings)
		require.ErrorContains(t, err, c.want)
	}
}
