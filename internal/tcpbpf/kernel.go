// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A Kernel is the attached kernel side.
type Kernel struct {
	objects *objects
	links   []link.Link
	sweeper sweeper
	epoch   *epoch
	drain   *drain
	resets  *resets
	peer    bool
	owners  *ownerTable
	heirs   heirs
	drops   *drops
	losses  losses
	apart   apart
	timing  Timing
	plan    plan
	whole   bool
	closers []io.Closer
}

// Open loads and attaches the kernel side. If the machine lacks what that needs,
// the error is a [*MissingError].
func Open(cfg Config) (_ *Kernel, err error) {
	if err := probe(); err != nil {
		return nil, err
	}
	k := &Kernel{plan: make(plan)}
	defer func() {
		if err != nil {
			k.Close()
		}
	}()
	root, err := observed(cfg.Cgroup)
	if err != nil {
		return nil, err
	}
	k.whole = cgroup.IsHostRoot(root)
	if k.objects, err = load(cfg, rootID(root, k.whole), k.plan); err != nil {
		return nil, err
	}
	k.closers = append(k.closers, k.objects)
	if err := k.prepare(cfg); err != nil {
		return nil, err
	}
	if err := k.SetApart(cfg.Apart && len(cfg.Virtual) > 0); err != nil {
		return nil, err
	}
	if err := k.heirs.finder.listeners(); err != nil {
		return nil, err
	}
	if k.links, err = attach(k.objects, root, k.plan); err != nil {
		return nil, err
	}
	if err := k.heirs.finder.connections(); err != nil {
		return nil, err
	}
	if err := k.drops.look(); err != nil {
		return nil, err
	}
	return k, nil
}

// prepare makes what works on the maps.
func (k *Kernel) prepare(cfg Config) (err error) {
	if k.epoch, err = newEpoch(k.objects.Control); err != nil {
		return err
	}
	k.closers = append(k.closers, k.epoch)
	if k.sweeper, err = newSweeper(k.objects, k.epoch); err != nil {
		return err
	}
	k.closers = append(k.closers, k.sweeper)
	k.resets = newResets(k.objects, k.plan)
	k.drain = newDrain(k.objects, k.resets)
	k.peer = cfg.Granularity == GranularityPeer
	k.owners = newOwnerTable(k.objects.Owners, cfg.Granularity)
	k.losses = losses{objects: k.objects}
	k.apart = apart{serials: k.objects.Serials, limit: min(uint32(cfg.MaxFlows)/apartShare, maxSerials/2)}
	if cfg.Apart {
		if k.apart.homes, err = k.objects.Homes.Memory(); err != nil {
			return fmt.Errorf("map homes: %w", err)
		}
	}
	if err := k.apart.allow(); err != nil {
		return err
	}
	if err := k.setEnds(cfg.Virtual); err != nil {
		return err
	}
	k.heirs = heirs{finder: newFinder(k.objects, k.plan)}
	k.drops = &drops{objects: k.objects, plan: k.plan, epoch: k.epoch}
	k.closers = append(k.closers, k.heirs.finder, k.drops)
	return nil
}

// rootID is how the kernel side knows the observed cgroup.
func rootID(path string, whole bool) uint64 {
	var stat unix.Stat_t
	if whole || unix.Stat(path, &stat) != nil {
		return 0 // without it, attaching fails and says so
	}
	return stat.Ino
}

// observed returns the path of the cgroup to attach to.
func observed(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	root, err := cgroup.Root()
	if err != nil {
		return "", &MissingError{What: "the cgroup v2 hierarchy: " + err.Error(),
			Grant: "mount it (mount -t cgroup2 none /sys/fs/cgroup/unified), or grant CAP_SYS_ADMIN",
			Cause: err}
	}
	return root, nil
}

// Sweep folds what live sockets have done since the last time into their flows.
// [Kernel.Collect] does it by itself. Eight hours without are the most that times are
// exact over: the kernel side's clock has 32 bits.
func (k *Kernel) Sweep(ctx context.Context) error {
	if err := k.losses.begin(); err != nil {
		return err
	}
	if err := k.heirs.look(); err != nil {
		return err
	}
	if err := k.epoch.sweep(); err != nil {
		return err
	}
	begin := time.Now()
	stretch, err := k.sweeper.visit(ctx, &k.losses)
	if err != nil {
		return fmt.Errorf("sweep sockets: %w", err)
	}
	k.timing.Stretch = stretch
	k.timing.Sweep = time.Since(begin)
	k.losses.swept()
	return k.drops.look()
}

// Collect sweeps live sockets, begins a new epoch and hands the delta of each
// flow of the old one to visit, which may keep nothing of it. On an error deltas
// that were visited are final; the others come with the next but one call.
func (k *Kernel) Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	return k.CollectThen(ctx, visit, func() {})
}

// CollectThen is [Kernel.Collect] for who has more to do when all were visited, or an
// error has ended that, and before owners are forgotten.
func (k *Kernel) CollectThen(ctx context.Context, visit func(*flow.Delta), then func()) (flow.Report, error) {
	if err := ctx.Err(); err != nil {
		return flow.Report{}, err
	}
	if err := k.Sweep(ctx); err != nil {
		return flow.Report{}, err
	}
	odd, begin := k.epoch.odd(), time.Now()
	if err := k.epoch.next(); err != nil {
		return flow.Report{}, err
	}
	k.timing.Swap, begin = time.Since(begin), time.Now()
	k.losses.open()
	err := k.drain.run(odd, k.epoch.now.Sweep, func(d *flow.Delta) {
		d.Key.Owner = k.owners.canonical(d.Key.Owner)
		k.losses.describe(d)
		k.apart.see(d)
		visit(d)
	})
	then()
	if err != nil {
		return flow.Report{}, err
	}
	k.timing.Drain = time.Since(begin)
	if err := k.apart.allow(); err != nil {
		return flow.Report{}, err
	}
	report, err := k.report()
	if err != nil {
		return flow.Report{}, err
	}
	return report, k.owners.expire(k.epoch.now.Sweep, report.Lost[flow.LostOwnerTable] > 0)
}

// report tells of the interval. Resets of no connection are the whole host's.
func (k *Kernel) report() (flow.Report, error) {
	report, err := k.losses.report()
	if err == nil && k.whole {
		report.StrayResets, err = k.resets.strays()
	}
	return report, err
}

// Owner tells what is known of the process behind id.
func (k *Kernel) Owner(id flow.OwnerID) flow.Owner { return k.owners.lookup(id) }

// Whole reports whether all sockets of the host are observed, rather than those of
// a part of its cgroups: others are not known here and lower no coverage.
func (k *Kernel) Whole() bool { return k.whole }

// Close detaches and frees everything. It may be called again.
func (k *Kernel) Close() error {
	err := closeAll(k.links)
	k.links = nil
	for i := len(k.closers) - 1; i >= 0; i-- {
		if e := k.closers[i].Close(); err == nil {
			err = e
		}
	}
	k.closers = nil
	return err
}
