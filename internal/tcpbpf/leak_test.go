// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestNothingStays opens and closes many times in one process.
func TestNothingStays(t *testing.T) {
	root.Require(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	descriptors, goroutines := countDescriptors(t), goleak.IgnoreCurrent()
	for range 20 {
		k, err := Open(Config{MaxFlows: 1000})
		require.NoError(t, err)
		held := heldBy(t, k)
		_, err = k.Collect(context.Background(), func(*flow.Delta) {})
		require.NoError(t, err)
		require.NoError(t, k.Close())
		require.NoError(t, k.Close(), "closing again")
		require.Equal(t, descriptors, countDescriptors(t))
		held.requireFreed(t)
	}
	goleak.VerifyNone(t, goroutines)
}

// TestNothingStaysOfAFailure fails at each stage of opening.
func TestNothingStaysOfAFailure(t *testing.T) {
	root.Require(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	descriptors, goroutines := countDescriptors(t), goleak.IgnoreCurrent()
	for _, cfg := range []Config{
		{MaxFlows: 1000, Include: make([]Rule, MaxRules+1)},
		{MaxFlows: 0},
		{MaxFlows: 1000, Cgroup: "/nonexistent"},
		{MaxFlows: 1000, Cgroup: t.TempDir()},
	} {
		k, err := Open(cfg)
		require.Error(t, err)
		require.Nil(t, k)
	}
	require.Equal(t, descriptors, countDescriptors(t))
	goleak.VerifyNone(t, goroutines)
}

// TestNothingStaysAfterSIGKILL kills a process that observes.
func TestNothingStaysAfterSIGKILL(t *testing.T) {
	group := cgroup.New(t)
	command := again(t, executable(t, "doomed"), actHold, group.Path)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	defer func() { _ = command.Process.Kill() }()

	var held kernelObjects
	require.NoError(t, json.NewDecoder(stdout).Decode(&held), "%s", command.Stderr)
	require.NotEmpty(t, held.Programs)
	require.NotEmpty(t, held.Maps)
	require.NotEmpty(t, held.Links)
	require.NotZero(t, group.Attached())
	require.False(t, held.freed())

	require.NoError(t, command.Process.Signal(unix.SIGKILL))
	require.ErrorContains(t, command.Wait(), "killed")
	held.requireFreed(t)
	require.Zero(t, group.Attached())
}

// holdOpen observes a cgroup until it is killed, and says what it holds.
func holdOpen(argument []byte) error {
	var path string
	if err := json.Unmarshal(argument, &path); err != nil {
		return err
	}
	k, err := Open(Config{MaxFlows: 1000, Cgroup: path})
	if err != nil {
		return err
	}
	held, err := listHeld(k)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(held); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, errors.New("parent is gone"))
}

// kernelObjects are what a kernel side consists of, by the kernel's numbers.
type kernelObjects struct {
	Programs []ebpf.ProgramID
	Maps     []ebpf.MapID
	Links    []link.ID
}

func heldBy(t *testing.T, k *Kernel) kernelObjects {
	t.Helper()
	held, err := listHeld(k)
	require.NoError(t, err)
	return held
}

func listHeld(k *Kernel) (held kernelObjects, err error) {
	for _, p := range k.objects.programs {
		info, err := p.Info()
		if err != nil {
			return held, err
		}
		id, _ := info.ID()
		held.Programs = append(held.Programs, id)
	}
	maps := append(fields[*ebpf.Map](k.objects.tcpwhyMaps), k.epoch.outer, k.epoch.inner)
	for _, m := range maps {
		info, err := m.Info()
		if err != nil {
			return held, err
		}
		id, _ := info.ID()
		held.Maps = append(held.Maps, id)
	}
	for _, l := range append(sweeping(k.sweeper), k.links...) {
		info, err := l.Info()
		if err != nil {
			return held, err
		}
		held.Links = append(held.Links, info.ID)
	}
	return held, nil
}

func sweeping(s sweeper) []link.Link {
	switch s := s.(type) {
	case recordSweeper:
		return []link.Link{s.Iter}
	case *fileSweeper:
		return []link.Link{s.files, s.hashed}
	}
	return nil
}

// fields returns the fields of a struct, all of one type.
func fields[T any](of any) (all []T) {
	v := reflect.ValueOf(of)
	for i := range v.NumField() {
		all = append(all, v.Field(i).Interface().(T))
	}
	return all
}

// requireFreed waits: the kernel frees some time after the last descriptor is gone.
func (o kernelObjects) requireFreed(t *testing.T) {
	t.Helper()
	require.Eventually(t, o.freed, patience, time.Millisecond, "%+v", o)
}

// freed reports whether the kernel knows none of the numbers.
func (o kernelObjects) freed() bool {
	return !slices.ContainsFunc(o.Programs, func(id ebpf.ProgramID) bool { return exists(ebpf.NewProgramFromID(id)) }) &&
		!slices.ContainsFunc(o.Maps, func(id ebpf.MapID) bool { return exists(ebpf.NewMapFromID(id)) }) &&
		!slices.ContainsFunc(o.Links, func(id link.ID) bool { return exists(link.NewFromID(id)) })
}

// exists reports whether something could be opened, and closes it.
func exists[C io.Closer](c C, err error) bool {
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_ = c.Close()
	return true
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
