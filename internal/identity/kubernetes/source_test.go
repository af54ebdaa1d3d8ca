// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
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
