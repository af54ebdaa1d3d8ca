// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

const (
	// settle is how long a file must be left alone before it is read: who does not
	// replace it at once, writes it in pieces.
	settle = 100 * time.Millisecond
	// look is how often the file is compared without being told: file systems of other
	// machines, and folders that are replaced, tell nothing.
	look = 10 * time.Second
)

// A File is a [Table] that follows a file. It is safe for concurrent use.
type File struct {
	path   string
	logger *zap.Logger
	table  atomic.Pointer[Table]

	watcher *fsnotify.Watcher
	stop    chan struct{}
	done    sync.WaitGroup

	mu     sync.Mutex
	status Status
	text   []byte // last looked at, good or bad
}

// A Status tells what is in use.
type Status struct {
	// Read is when what is in use was read.
	Read time.Time
	// Entries are those in use.
	Entries Entries
	// Err is why the file as it is now is not in use, or nil.
	Err error
}

// Open reads a file and follows it. A file that cannot be read, or has an error, is an
// error here; later it is a log message, and in the status.
func Open(path string, logger *zap.Logger) (*File, error) {
	f := &File{path: path, logger: logger, stop: make(chan struct{})}
	if err := f.read(); err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	f.watch()
	f.done.Go(f.follow)
	return f, nil
}

// Local returns who the observed end is, or nil.
func (f *File) Local(end identity.Local, _ uint64) *identity.Identity {
	return f.table.Load().Local(end)
}

// Remote returns who has an address, or nil.
func (f *File) Remote(address netip.Addr, port uint16, _ uint64) *identity.Identity {
	return f.table.Load().Remote(address, port)
}

// Status tells what is in use, and whether that is the file as it is now.
func (f *File) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Close stops following. What was handed out may be kept.
func (f *File) Close() error {
	close(f.stop)
	f.done.Wait()
	if f.watcher == nil {
		return nil
	}
	return f.watcher.Close()
}

// read takes the file if it has changed since it was last looked at.
func (f *File) read() error {
	text, err := os.ReadFile(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && f.text != nil && bytes.Equal(text, f.text) {
		return nil
	}
	if err != nil {
		// Its return is a change, even as it was.
		f.text = nil
		return f.refuse(err)
	}
	f.text = text
	table, err := Parse(f.path, text)
	if err != nil {
		return f.refuse(err)
	}
	f.table.Store(table)
	f.status = Status{Read: time.Now(), Entries: table.entries}
	f.logger.Info("Read identities", zap.String("file", f.path),
		zap.Int("workloads", table.entries.Workloads), zap.Int("services", table.entries.Services))
	return nil
}

// refuse says once why a file is not in use.
func (f *File) refuse(err error) error {
	before := f.status.Err
	f.status.Err = err
	if f.table.Load() != nil && (before == nil || before.Error() != err.Error()) {
		f.logger.Error("Identities stay as they were: the file cannot be used",
			zap.String("file", f.path), zap.Error(err), zap.Time("in use since", f.status.Read))
	}
	return err
}

// watch asks to be told of changes in the file's folder and, where it is a link, in
// that of what it leads to: an editor replaces the file, a ConfigMap a link beside it.
func (f *File) watch() {
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		folders := []string{filepath.Dir(f.path)}
		if real, e := filepath.EvalSymlinks(f.path); e == nil && filepath.Dir(real) != folders[0] {
			folders = append(folders, filepath.Dir(real))
		}
		for _, folder := range folders {
			err = errors.Join(err, watcher.Add(folder))
		}
		f.watcher = watcher
	}
	if err != nil {
		f.logger.Warn("Changes are seen later: the file cannot be watched",
			zap.String("file", f.path), zap.Duration("at most", look), zap.Error(err))
	}
}

// follow reads the file when it was changed and then left alone, and looks by itself.
func (f *File) follow() {
	var events chan fsnotify.Event
	var errs chan error
	if f.watcher != nil {
		events, errs = f.watcher.Events, f.watcher.Errors
	}
	settled := time.NewTimer(settle)
	defer settled.Stop()
	regular := time.NewTicker(look)
	defer regular.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-events:
			settled.Reset(settle)
		case err := <-errs: // events were lost, at worst
			f.logger.Debug("Looks at the file without being told", zap.Error(err))
			settled.Reset(settle)
		case <-settled.C:
			_ = f.read() // an error is logged, and in the status
		case <-regular.C:
			_ = f.read()
		}
	}
}
