// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A Source is one user's hold on a cluster, which all users of one configuration share.
// It is safe for concurrent use.
type Source struct {
	*shared
	once sync.Once
}

// shared is a cluster and how many use it.
type shared struct {
	key     string
	cluster *cluster
	users   int
}

// clusters are those of this process, by configuration.
var (
	clustersMu sync.Mutex
	clusters   = map[string]*shared{}
)

// Open returns a source of what the configuration selects. It does not fail for an API
// server that is away. With wait_for_metadata it waits until all is known, as long as
// ctx and the time-out allow, and goes on without.
func Open(ctx context.Context, cfg *Config, logger *zap.Logger) (*Source, error) {
	s, err := acquire(cfg, logger)
	if err != nil {
		return nil, err
	}
	if cfg.strayContext() {
		logger.Warn("Context is not read: it is a kubeconfig's", zap.String("context", cfg.Context), zap.String("auth_type", string(cfg.authType())))
	}
	if cfg.WaitForMetadata {
		ctx, cancel := context.WithTimeout(ctx, cfg.waitTimeout())
		defer cancel()
		if err := s.cluster.wait(ctx); err != nil {
			logger.Warn("Starts without knowing all of Kubernetes", zap.Error(err))
		}
	}
	return &Source{shared: s}, nil
}

// acquire finds or starts the cluster of a configuration.
func acquire(cfg *Config, logger *zap.Logger) (*shared, error) {
	key, err := keyOf(cfg)
	if err != nil {
		return nil, err
	}
	clustersMu.Lock()
	defer clustersMu.Unlock()
	s := clusters[key]
	if s == nil {
		client, err := newClient(cfg)
		if err != nil {
			return nil, err
		}
		c, err := start(cfg, client, logger, time.Now)
		if err != nil {
			return nil, err
		}
		s = &shared{key: key, cluster: c}
		clusters[key] = s
	}
	s.users++
	return s, nil
}

// keyOf is the same for configurations that know the same. How long one waits at its
// start is its own.
func keyOf(cfg *Config) (string, error) {
	c := *cfg
	c.WaitForMetadata, c.WaitForMetadataTimeout = false, 0
	grace, labels := c.grace(), c.labelsName()
	c.PodDeleteGracePeriod, c.ServiceNameFromLabels = &grace, &labels
	c.AuthType = c.authType()
	if c.strayContext() {
		c.Context = ""
	}
	key, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("tell configurations apart: %w", err)
	}
	return string(key) + c.Filter.node(), nil
}

// Local returns who the observed end was at a time (ns since 1970), or nil.
func (s *Source) Local(end identity.Local, at uint64) *identity.Identity {
	return s.cluster.Local(end, at)
}

// ContainerName is that of [identity.Directory].
func (s *Source) ContainerName(id string) string { return s.cluster.ContainerName(id) }

// Remote returns who had an address at a time (ns since 1970), or nil if the address is
// not the cluster's. It is of KindUnknown if it is, but not known whose.
func (s *Source) Remote(address netip.Addr, port uint16, at uint64) *identity.Identity {
	return s.cluster.Remote(address, port, at)
}

// Status tells how much is known, and how fresh it is.
func (s *Source) Status() Status { return s.cluster.status() }

// Close ends watching when the last user closes. What was handed out may be kept.
func (s *Source) Close() error {
	s.once.Do(func() {
		clustersMu.Lock()
		defer clustersMu.Unlock()
		if s.users--; s.users == 0 {
			delete(clusters, s.key)
			s.cluster.stop()
		}
	})
	return nil
}
