// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// A cluster is a store that follows an API server.
type cluster struct {
	*Store
	links  []*link
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// A Status tells how much is known, and how fresh it is.
type Status struct {
	Pods, Services, Nodes Link
	Sizes                 Sizes
}

// Synced tells whether all was listed, at least once.
func (s *Status) Synced() bool { return s.Pods.Synced && s.Services.Synced && s.Nodes.Synced }

// Current tells whether all is watched: if not, the last known state is told.
func (s *Status) Current() bool {
	return s.Synced() && s.Pods.Watching && s.Services.Watching && s.Nodes.Watching
}

// Age is how long ago the API server said something of the resource that it is longest
// silent about: up to about a minute while all is well.
func (s *Status) Age(now time.Time) time.Duration {
	oldest := s.Pods.Heard
	for _, l := range []Link{s.Services, s.Nodes} {
		if l.Heard.Before(oldest) {
			oldest = l.Heard
		}
	}
	return now.Sub(oldest)
}

// start follows what the configuration selects.
func start(cfg *Config, client rest.Interface, logger *zap.Logger, now func() time.Time) (*cluster, error) {
	pods, err := podSelector(&cfg.Filter)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.Discard()))
	c := &cluster{Store: NewStore(cfg, Clock{Now: now}), cancel: cancel}
	c.set = func(by time.Duration, lost int) {
		logger.Warn("Clock was set: who had an address before that is not told",
			zap.Duration("by", by), zap.Int("addresses", lost))
	}
	// Nodes come first: they know the zones that pods are in.
	c.follow(ctx, newLink(client, nodeSelector(&cfg.Filter), &c.nodes.gaps, logger, now), &corev1.Node{}, c.Nodes())
	c.follow(ctx, newLink(client, serviceSelector(&cfg.Filter), &c.services.gaps, logger, now), &corev1.Service{}, c.Services())
	c.gaps.open(0) // nobody told us of what was before
	c.follow(ctx, newLink(client, pods, &c.gaps, logger, now), &corev1.Pod{}, c.Pods())
	c.done.Go(func() { c.forget(ctx) })
	return c, nil
}

// follow keeps a sink up to date. What goes wrong is told by the link, so client-go's
// own log is left out.
func (c *cluster) follow(ctx context.Context, l *link, object any, to cache.ReflectorStore) {
	c.links = append(c.links, l)
	quiet := logr.Discard()
	r := cache.NewReflectorWithOptions(l, object, listened{to, l}.reflectorStore(), cache.ReflectorOptions{
		Name: "tcpwhy/" + l.resource, Logger: &quiet,
	})
	c.done.Go(func() { r.RunWithContext(ctx) })
}

// forget drops what was deleted before the grace period, and sees in time that the clock was set.
func (c *cluster) forget(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.mu.Lock()
			c.tick()
			c.mu.Unlock()
		}
	}
}

func (c *cluster) stop() {
	c.cancel()
	c.done.Wait()
}

// wait returns when all was listed, or an error that says what was not, and why.
func (c *cluster) wait(ctx context.Context) error {
	for _, l := range c.links {
		select {
		case <-l.synced:
		case <-ctx.Done():
			return fmt.Errorf("list %s: %w", l.resource, errors.Join(l.get().Err, ctx.Err()))
		}
	}
	return nil
}

func (c *cluster) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Nodes: c.links[0].get(), Services: c.links[1].get(), Pods: c.links[2].get(), Sizes: c.sizes}
	s.Sizes.Services, s.Sizes.Nodes = c.services.live(), len(c.named)
	return s
}

// listened is a sink whose link is told when all was listed.
type listened struct {
	cache.ReflectorStore
	link *link
}

// Replace takes a list.
func (l listened) Replace(objects []any, version string) error {
	err := l.ReflectorStore.Replace(objects, version)
	if err == nil {
		l.link.listed()
	}
	return err
}

// reflectorStore has a transformer if the sink has one.
func (l listened) reflectorStore() cache.ReflectorStore {
	if t, ok := l.ReflectorStore.(cache.TransformingStore); ok {
		return transformed{l, t.Transformer()}
	}
	return l
}

// transformed is a sink of which the reflector holds views only while it lists.
type transformed struct {
	listened
	transform cache.TransformFunc
}

// Transformer makes views of objects.
func (t transformed) Transformer() cache.TransformFunc { return t.transform }
