// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// stopped reports whether nobody follows the API server any more.
func (c *cluster) stopped() bool {
	done := make(chan struct{})
	go func() { c.done.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-time.After(50 * time.Millisecond):
		return false
	}
}

// TestStoreIsSharedAndCounted has several users of one configuration, as instances of the
// processor are: they share one store, which ends with the last of them.
func TestStoreIsSharedAndCounted(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "1") // nobody is there, which is no error
	open := func(change func(*Config)) *Source {
		cfg := &Config{AuthType: AuthNone}
		if change != nil {
			change(cfg)
		}
		require.NoError(t, cfg.Validate())
		s, err := Open(t.Context(), cfg, zap.NewNop())
		require.NoError(t, err)
		return s
	}
	grace := 120 * time.Second
	first := open(nil)
	second := open(func(c *Config) { c.PodDeleteGracePeriod = &grace }) // the default, written out
	patient := open(func(c *Config) { c.WaitForMetadata, c.WaitForMetadataTimeout = true, time.Millisecond })
	other := open(func(c *Config) { c.ClusterName = "other" })
	require.Same(t, first.cluster, second.cluster)
	require.Same(t, first.cluster, patient.cluster, "how long one waits is its own")
	require.NotSame(t, first.cluster, other.cluster)
	require.Equal(t, 2, len(clusters))

	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "counts once")
	require.NoError(t, patient.Close())
	require.False(t, second.cluster.stopped(), "one user is left")
	require.NoError(t, second.Close())
	require.True(t, second.cluster.stopped())
	require.Equal(t, 1, len(clusters))
	require.NotSame(t, second.cluster, open(nil).cluster, "begins anew")
	for _, s := range clusters {
		require.NoError(t, (&Source{shared: s}).Close())
	}
	require.Empty(t, clusters)
}

// TestContextWithoutKubeconfig is not read, as in contrib's components, and said so.
func TestContextWithoutKubeconfig(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "1")
	core, logs := observer.New(zap.WarnLevel)
	var opened []*Source
	for _, context := range []string{"", "x"} {
		cfg := &Config{AuthType: AuthNone, Context: context}
		require.NoError(t, cfg.Validate())
		s, err := Open(t.Context(), cfg, zap.New(core))
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		opened = append(opened, s)
	}
	require.Same(t, opened[0].cluster, opened[1].cluster)
	told := logs.FilterMessageSnippet("Context is not read").All()
	require.Len(t, told, 1)
	require.Equal(t, map[string]any{"context": "x", "auth_type": "none"}, told[0].ContextMap())
}
