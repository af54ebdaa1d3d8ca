// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

// problemsKey is under which problems are kept.
const problemsKey = "problems"

// A memory keeps problems over a restart, in a storage extension. A nil memory keeps none.
type memory struct {
	client storage.Client
	logger *zap.Logger
	saved  []byte
	fails  bool // the last save did

	failures atomic.Int64 // to read, and to save
}

// openMemory opens the storage that is configured, nil if none is.
func openMemory(ctx context.Context, host component.Host, which *component.ID, set *Settings) (*memory, error) {
	if which == nil {
		return nil, nil
	}
	extension, ok := host.GetExtensions()[*which]
	if !ok {
		return nil, fmt.Errorf("storage: there is no extension %s: add it to service::extensions", which)
	}
	opener, ok := extension.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %s stores nothing", which)
	}
	client, err := opener.GetClient(ctx, set.Kind, set.ID, "")
	if err != nil {
		return nil, fmt.Errorf("storage: open %s: %w: check that its directory can be written, and remove a file that is broken", which, err)
	}
	return &memory{client: client, logger: set.Logger}, nil
}

// load gives the desk what was kept. What cannot be read is no reason not to start.
func (m *memory) load(ctx context.Context, d *desk) {
	if m == nil {
		return
	}
	kept, err := m.client.Get(ctx, problemsKey)
	if err == nil && kept != nil {
		err = d.load(kept)
	}
	if err != nil {
		m.failures.Add(1)
		m.logger.Warn("problems from before the start are forgotten", zap.Error(err))
	}
}

// save keeps what the desk has, if it is news.
func (m *memory) save(ctx context.Context, d *desk) {
	if m == nil {
		return
	}
	now, err := d.save()
	if err == nil && !bytes.Equal(now, m.saved) {
		if err = m.client.Set(ctx, problemsKey, now); err == nil {
			m.saved = now
		}
	}
	if err != nil {
		m.failures.Add(1)
	}
	if err != nil && !m.fails {
		m.logger.Warn("problems were not saved; a restart would forget them", zap.Error(err))
	}
	m.fails = err != nil
}

func (m *memory) close(ctx context.Context) error {
	if m == nil {
		return nil
	}
	return m.client.Close(ctx)
}
