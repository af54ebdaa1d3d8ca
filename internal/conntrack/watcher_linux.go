// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/namespace"
)

// maxNamespaces bounds the namespaces that are read: each takes two sockets.
const maxNamespaces = 1024

// Settings of a [Watcher].
type Settings struct {
	// MaxEntries bounds the translated connections that are known at once.
	MaxEntries int
	// Now reads CLOCK_MONOTONIC, nanoseconds.
	Now func() uint64
	// Learn is called with each connection that becomes known, and must not call the
	// watcher. It may be nil.
	Learn func(Entry)
	// ReadBuffer is the memory in which the kernel queues events, bytes; 0 for 4 MiB.
	ReadBuffer int
}

// A Watcher knows the translated connections of all namespaces.
//
// It reads a namespace once connections are tracked there, and so does not make any
// namespace track them: a socket that listens registers no hook, and loads no module
// where the kernel has no connection tracking yet.
type Watcher struct {
	settings Settings
	places   Place                  // the number of the last one
	isClosed func(path string) bool // to us

	mu      sync.Mutex
	sources map[uint64]*source // by inode
	table   *Table
	dumps   uint32
	dead    Stats // of sources that are gone
	closed  int
	denied  int
}

// Open reads all tables. Namespaces that cannot be entered for want of CAP_SYS_ADMIN
// are passed over, and counted.
func Open(settings Settings) (*Watcher, error) {
	w := &Watcher{settings: settings, isClosed: namespace.Closed, sources: make(map[uint64]*source), table: NewTable(settings.MaxEntries)}
	if err := w.discover(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Active reports whether connections are tracked anywhere.
func (w *Watcher) Active() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sources) > 0
}

// Discover looks for namespaces in which connections are tracked now, and leaves those
// that are gone. What was missed is read from the tables: it is sure for connections that
// are there later.
func (w *Watcher) Discover() error {
	return errors.Join(w.discover(), w.Sync())
}

// Sync takes in all that has happened until now: of a connection that was established
// before, Follow and Trace know all that can be known.
func (w *Watcher) Sync() error {
	var errs []error
	for _, s := range w.all() {
		if err := s.drain(); err != nil {
			errs = append(errs, fmt.Errorf("read events: %w", err))
		}
		if s.takeLost() {
			if err := w.dump(s); err != nil {
				s.lose() // or what ended unseen would be told of the next one with its addresses
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Forget drops connections that ended before the given time.
func (w *Watcher) Forget(before uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table.Forget(before)
}

// Follow is [Table.Follow].
func (w *Watcher) Follow(q Question) (Tuple, Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q.home = w.home(q.Namespace)
	return w.table.Follow(q)
}

// Trace is [Table.Trace].
func (w *Watcher) Trace(q Question) (Tuple, Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q.home = w.home(q.Namespace)
	return w.table.Trace(q)
}

// home is the place of a namespace, 0 if it is not read. The caller holds mu.
func (w *Watcher) home(inode uint64) Place {
	if s := w.sources[inode]; s != nil {
		return s.place
	}
	return 0
}

// Stats returns what the watcher says of itself.
func (w *Watcher) Stats() Stats {
	all := w.all()
	w.mu.Lock()
	stats := w.dead
	stats.Entries, stats.Refused = w.table.Len(), w.table.Refused()
	stats.Namespaces, stats.Closed, stats.Denied = len(w.sources), w.closed, w.denied
	w.mu.Unlock()
	for _, s := range all {
		overruns, malformed := s.troubles()
		stats.Overruns += overruns
		stats.Malformed += malformed
	}
	return stats
}

// Close stops reading.
func (w *Watcher) Close() error {
	var errs []error
	for _, s := range w.all() {
		errs = append(errs, w.leave(s))
	}
	return errors.Join(errs...)
}

func (w *Watcher) all() []*source {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*source, 0, len(w.sources))
	for _, s := range w.sources {
		all = append(all, s)
	}
	return all
}

// discover reads the tables of namespaces in which connections are tracked now, and
// leaves those that are gone: they live as long as a socket of ours is in them. One that is not found
// any more because its process is closed to us, as after capabilities were dropped, is followed for
// as long as it has connections.
func (w *Watcher) discover() error {
	var fresh []*source
	closed := 0
	wanted := make(map[uint64]bool)
	unread := func(inode uint64) bool {
		wanted[inode] = wanted[inode] || w.unread(inode)
		return wanted[inode]
	}
	found, err := namespace.Each(namespace.OfProcesses, unread, func(inode uint64) error {
		if !tracked() {
			return nil
		}
		if len(w.all())+len(fresh) >= maxNamespaces {
			closed++
			return nil
		}
		w.places++
		s, err := openSource(w.places, inode, w.happened, w.settings)
		if err == nil {
			fresh = append(fresh, s)
		}
		return err
	})
	errs := []error{err}
	w.mu.Lock()
	for _, s := range fresh {
		w.sources[s.inode] = s
	}
	w.mu.Unlock()
	for _, s := range fresh {
		errs = append(errs, w.dump(s))
	}
	if namespace.Exhausted(err) { // what was not found may be there
		return errors.Join(errs...)
	}
	w.mu.Lock()
	w.closed, w.denied = closed, 0
	for inode := range wanted {
		if found[inode] == "" {
			w.denied++
		}
	}
	w.mu.Unlock()
	for _, s := range w.all() {
		if path := found[s.inode]; path != "" {
			s.path = path
		} else if !w.isClosed(s.path) || !w.holds(s.place) {
			errs = append(errs, w.leave(s))
		}
	}
	return errors.Join(errs...)
}

func (w *Watcher) holds(p Place) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.table.Holds(p)
}

func (w *Watcher) unread(inode uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sources[inode] == nil
}

// leave closes a source. What is known of its connections stays until it is forgotten.
func (w *Watcher) leave(s *source) error {
	err := s.close()
	overruns, malformed := s.troubles()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead.Overruns += overruns
	w.dead.Malformed += malformed
	w.table.EndPlace(s.place, w.settings.Now())
	delete(w.sources, s.inode)
	return err
}

// happened takes in an event.
func (w *Watcher) happened(s *source, m message, born uint64) {
	now := w.settings.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.kind == messageDelete {
		w.table.End(s.place, m.entry, now)
		return
	}
	w.table.Add(s.place, m.entry, born, now)
	w.learn(m.entry)
}

func (w *Watcher) learn(e Entry) {
	if w.settings.Learn != nil {
		w.settings.Learn(e)
	}
}

// dump takes in what a table has now. What events would have told before is lost.
func (w *Watcher) dump(s *source) error {
	begun := w.settings.Now()
	w.mu.Lock()
	w.dumps++
	dump := w.dumps
	w.mu.Unlock()
	err := s.dump(func(e Entry) {
		now := w.settings.Now()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.table.Dumped(s.place, e, dump, begun, 0, now)
		w.learn(e)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.settings.Now()
	w.table.Blind(now)
	if err == nil {
		w.table.EndOthers(s.place, dump, begun, now)
	}
	return err
}

// tracked reports whether the calling thread's namespace has tracked connections, or
// is the one of the machine's processes and could.
func tracked() bool {
	count, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return false // the kernel has no connection tracking, or has not loaded it yet
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(count)))
	return err == nil && (n > 0 || home())
}

// home reports whether the calling thread is in the process's own namespace.
func home() bool {
	var own, process unix.Stat_t
	return unix.Stat("/proc/thread-self/ns/net", &own) == nil &&
		unix.Stat("/proc/self/ns/net", &process) == nil && own.Ino == process.Ino
}
