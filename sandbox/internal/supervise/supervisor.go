// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/world"
)

// Options are what a shop may be told.
type Options struct {
	Folder string        // of the run
	Load   float64       // customers' requests each second
	Day    time.Duration // length of one, for the swing of the load
	Seed   uint64
}

// A Supervisor keeps one shop running. It is safe for concurrent use.
type Supervisor struct {
	Shop   *shop.Shop
	folder *folder
	reaper *reaper
	log    *os.File
	world  *world.World

	machines machines

	mu       sync.Mutex
	faults   []*Injection // all there were, in order
	verdicts string       // file of what a collector says
	closing  bool
	down     chan struct{} // closed when it begins to go down
}

// Up starts a shop, which serves when Up returns.
func Up(o Options) (_ *Supervisor, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("start shop: network namespaces need root: run it by sudo")
	}
	f, err := openFolder(o.Folder)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{Shop: shop.Standard(), folder: f, down: make(chan struct{})}
	s.Shop.Load = o.Load
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Down())
		}
	}()
	if err = f.forget(); err != nil {
		return nil, err
	}
	if s.reaper, err = startReaper(o.Folder); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(f.file(logFile)); err != nil {
		return nil, fmt.Errorf("start shop: %w", err)
	}
	if err = os.WriteFile(f.file(identityFile), []byte(s.Shop.Identities()), 0o644); err != nil {
		return nil, fmt.Errorf("write identities: %w", err)
	}
	if s.world, err = world.New(s.Shop, s.log, cgroup()); err != nil {
		return nil, err
	}
	s.machines = workers{s.world}
	if err = s.configure(o); err != nil {
		return nil, err
	}
	return s, nil
}

// Identities is the path of the file from which the collector knows who is who.
func (s *Supervisor) Identities() string { return s.folder.file(identityFile) }

// Records are the paths of the files that tell what was done: the history of faults, and
// the truth about single packets. The latter is whole when its fault was lifted.
func (s *Supervisor) Records() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	files, err := s.folder.truths()
	if len(s.faults) > 0 {
		files = append(files, s.folder.file(historyFile))
	}
	return files, err
}

// configure tells nodes and pods who they are. Those that are called come first.
func (s *Supervisor) configure(o Options) error {
	var services []node.Service
	for _, one := range s.Shop.Services {
		service := node.Service{Address: one.VIP.String(), Port: one.Port}
		for _, p := range s.Shop.PodsOf(one.Name) {
			service.Pods = append(service.Pods, p.Address.String())
		}
		services = append(services, service)
	}
	for _, at := range s.Shop.Nodes {
		name := at.Name
		if _, err := s.machines.tellNode(name, node.Command{Services: services}); err != nil {
			return err
		}
		if err := s.setApart(name); err != nil {
			return err
		}
	}
	for height := range 10 {
		for _, p := range s.Shop.Pods {
			if s.Shop.Height(p.Service) != height {
				continue
			}
			config, err := pod.Plan(s.Shop, p, o.Load, o.Day, o.Seed)
			if err != nil {
				return err
			}
			if _, err := s.machines.tellPod(p.Name, pod.Command{Config: &config}); err != nil {
				return err
			}
		}
	}
	return nil
}

// setApart has packets of far calls take their time. Faults come first, so that nobody
// has to know of it.
func (s *Supervisor) setApart(name string) error {
	for i, edge := range s.Shop.Edges {
		if edge.Distance == 0 {
			continue
		}
		var ends [2][]string
		for end, service := range []string{edge.From, edge.To} {
			for _, p := range s.Shop.PodsOf(service) {
				ends[end] = append(ends[end], p.Address.String())
			}
		}
		if _, err := s.machines.tellNode(name, node.Command{Add: &node.Fault{
			ID: firstApart + uint16(i), Last: true, Impair: &impair.Config{Delay: edge.Distance},
			Ways: []node.Way{{From: ends[0], To: ends[1]}, {From: ends[1], To: ends[0]}},
		}}); err != nil {
			return fmt.Errorf("set %s and %s apart: %w", edge.From, edge.To, err)
		}
	}
	return nil
}

// firstApart is the first number of those that are no faults.
const firstApart = 60_000

// Down takes everything down. Calling it again does nothing.
func (s *Supervisor) Down() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil
	}
	s.closing = true
	close(s.down)
	var errs []error
	if s.world != nil {
		errs = append(errs, s.world.Close())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	return errors.Join(append(errs, s.folder.close(), s.reaper.stop())...)
}

// Closing is closed when the shop begins to go down, whoever asked for it.
func (s *Supervisor) Closing() <-chan struct{} { return s.down }

// Adopt has a collector end with the shop, also if that crashes. Its verdicts are in a
// file, of which consoles are told.
func (s *Supervisor) Adopt(pid int, verdicts string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return errDown
	}
	s.verdicts = verdicts
	return s.machines.adopt(pid)
}

// Unwatched notes that the collector has ended.
func (s *Supervisor) Unwatched() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts = ""
}
