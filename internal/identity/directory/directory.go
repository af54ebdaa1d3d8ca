// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
)

// Settings are what the caller gives.
type Settings struct {
	Logger *zap.Logger
}

// A source knows identities, or returns nil.
type source interface {
	Local(end identity.Local, at uint64) *identity.Identity
	Remote(address netip.Addr, port uint16, at uint64) *identity.Identity
	Close() error
}

// A Directory is an [identity.Directory] of all that is configured.
type Directory struct {
	sources    []source // the first that knows, tells
	ranges     *ranges
	static     *static.File
	kubernetes *kubernetes.Source
}

var _ identity.Directory = (*Directory)(nil)

// A Status tells what is in use. A section that is not configured is nil.
type Status struct {
	Static     *static.Status
	Kubernetes *kubernetes.Status
}

// Open opens what is configured. An empty configuration is fine: it tells external
// from unknown. ctx ends waiting for Kubernetes, not the directory.
func Open(ctx context.Context, cfg *Config, set Settings) (*Directory, error) {
	d := &Directory{}
	if err := d.open(ctx, cfg, set); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Directory) open(ctx context.Context, cfg *Config, set Settings) (err error) {
	if d.ranges, err = newRanges(cfg.ClusterCIDRs); err != nil {
		return fmt.Errorf("read cluster_cidrs: %w", err)
	}
	if cfg.Static != nil {
		if d.static, err = static.Open(cfg.Static.File, set.Logger); err != nil {
			return fmt.Errorf("open static: %w", err)
		}
		d.sources = append(d.sources, d.static)
	}
	if cfg.Kubernetes != nil {
		if d.kubernetes, err = kubernetes.Open(ctx, cfg.Kubernetes, set.Logger); err != nil {
			return fmt.Errorf("open kubernetes: %w", err)
		}
		d.sources = append(d.sources, d.kubernetes)
	}
	return nil
}

// Local returns who the observed end was at a time (ns since 1970), or nil.
func (d *Directory) Local(end identity.Local, at uint64) *identity.Identity {
	end.Address = end.Address.Unmap().WithZone("")
	for _, s := range d.sources {
		if id := s.Local(end, at); id != nil {
			return id
		}
	}
	return nil
}

// ContainerName is that of [identity.Directory].
func (d *Directory) ContainerName(id string) string {
	if d.kubernetes == nil {
		return ""
	}
	return d.kubernetes.ContainerName(id)
}

// Remote returns who had an address at a time (ns since 1970), never nil.
func (d *Directory) Remote(address netip.Addr, port uint16, at uint64) *identity.Identity {
	address = address.Unmap().WithZone("")
	for _, s := range d.sources {
		if id := s.Remote(address, port, at); id != nil {
			return id
		}
	}
	return d.ranges.stranger(address)
}

// Status tells what is in use.
func (d *Directory) Status() Status {
	var s Status
	if d.static != nil {
		status := d.static.Status()
		s.Static = &status
	}
	if d.kubernetes != nil {
		status := d.kubernetes.Status()
		s.Kubernetes = &status
	}
	return s
}

// Close closes the sources. What was handed out may be kept.
func (d *Directory) Close() error {
	var errs []error
	for _, s := range d.sources {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
