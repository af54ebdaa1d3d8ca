// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A lack is what [openWithout] does without.
type lack struct {
	BTF          bool // the kernel's type information
	Mount        bool // of the cgroup v2 hierarchy
	Capabilities []int
	Cgroup       string // what is observed, if not all
}

const howToGrant = "run as root (sudo make run), or grant it: setcap cap_bpf,cap_perfmon,cap_net_admin=ep <binary>"

// TestMissing wants a sentence that names what is missing and how to get it.
func TestMissing(t *testing.T) {
	root.Require(t)
	for name, test := range map[string]struct {
		lack lack
		want string
	}{
		"CAP_BPF":       {lack{Capabilities: []int{unix.CAP_SYS_ADMIN, unix.CAP_BPF}}, "missing the capability CAP_BPF: " + howToGrant},
		"CAP_PERFMON":   {lack{Capabilities: []int{unix.CAP_SYS_ADMIN, unix.CAP_PERFMON}}, "missing the capability CAP_PERFMON: " + howToGrant},
		"CAP_NET_ADMIN": {lack{Capabilities: []int{unix.CAP_NET_ADMIN}}, "missing the capability CAP_NET_ADMIN: " + howToGrant},
		"BTF": {lack{BTF: true}, "missing the kernel's type information (BTF): " +
			"run a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as any distribution's since 2021"},
		"cgroup v2": {lack{Mount: true, Capabilities: []int{unix.CAP_SYS_ADMIN}}, "missing the cgroup v2 hierarchy: " +
			"it is mounted nowhere, and mounting it needs CAP_SYS_ADMIN: " +
			"mount it (mount -t cgroup2 none /sys/fs/cgroup/unified), or grant CAP_SYS_ADMIN"},
		"the older capabilities only": {lack{Capabilities: []int{unix.CAP_BPF, unix.CAP_PERFMON}}, ""},
		"a mount that root can make":  {lack{Mount: true}, ""},
		"nothing":                     {lack{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			command := again(t, executable(t, "lacking"), actOpen, test.lack)
			output, err := command.Output()
			require.NoError(t, err, "%s", command.Stderr)
			require.Equal(t, test.want, string(output))
		})
	}
}

// TestThreeCapabilitiesAreEnough observes as a user who has no others. The path of
// the test's binary may be closed to that user: /proc/self/exe is not.
func TestThreeCapabilitiesAreEnough(t *testing.T) {
	root.Require(t)
	const nobody = 65534
	command := again(t, "/proc/self/exe", actOpen, lack{})
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN},
	}
	output, err := command.Output()
	require.NoError(t, err, "%s", command.Stderr)
	require.Empty(t, string(output))
}

// TestClosedCgroup wants its path and the reason, where a user may not open it.
func TestClosedCgroup(t *testing.T) {
	const nobody = 65534
	group := cgroup.New(t)
	require.NoError(t, os.Chmod(group.Path, 0o700))
	command := again(t, "/proc/self/exe", actOpen, lack{Cgroup: group.Path})
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN},
	}
	require.Error(t, command.Run())
	said := strings.TrimSpace(fmt.Sprint(command.Stderr))
	require.Contains(t, said, fmt.Sprintf("attach to cgroup %q: ", group.Path))
	require.Contains(t, said, "permission denied")
	require.NotContains(t, said, "\n")
}

// TestCgroupThatIsRemoved takes away what is observed: nothing comes from there any more,
// which is no error. Who opens it afterwards is told.
func TestCgroupThatIsRemoved(t *testing.T) {
	root.Require(t)
	path, err := os.MkdirTemp(cgroup.Root(t), "tcpwhy-test-")
	require.NoError(t, err)
	cfg := Config{MaxFlows: 1000, Cgroup: path}
	k := observe(t, cfg)
	require.NoError(t, os.Remove(path))
	for range 2 {
		k.collect()
	}
	require.Empty(t, k.sums)
	require.NoError(t, k.Close())

	_, tried := Try(cfg)
	_, opened := Open(cfg)
	require.EqualError(t, tried, opened.Error())
	require.ErrorContains(t, opened, "no such file or directory")
	require.ErrorContains(t, opened, fmt.Sprintf("attach to cgroup %q: ", path))
}

// openWithout opens a kernel side and observes a connection of its own. It prints
// what is missing, if that is why it cannot.
func openWithout(argument []byte) error {
	var l lack
	if err := errors.Join(json.Unmarshal(argument, &l), l.take()); err != nil {
		return err
	}
	k, err := Open(Config{MaxFlows: 65_536, Cgroup: l.Cgroup})
	var missing *MissingError
	if errors.As(err, &missing) {
		fmt.Print(missing)
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(observeOne(k), k.Close())
}

// observeOne connects, and finds the connection with its owner.
func observeOne(k *Kernel) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := net.Dial("tcp", listener.Addr().String()); err != nil {
		return err
	}
	if _, err := listener.Accept(); err != nil { // a busy machine is late
		return err
	}
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	names := make(map[string]int)
	if _, err := k.Collect(context.Background(), func(d *flow.Delta) {
		if int(d.Key.Owner.PID()) == os.Getpid() && d.Opened > 0 {
			names[k.Owner(d.Key.Owner).Executable]++
		}
	}); err != nil {
		return err
	}
	if name := filepath.Base(self); names[name] != 2 {
		return fmt.Errorf("observe both ends as %q: have %v", name, names)
	}
	return nil
}

// take makes the machine lack something, for the calling thread.
func (l lack) take() error {
	if l.BTF || l.Mount {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("create mount namespace: %w", err)
		}
		if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("part from other mount namespaces: %w", err)
		}
	}
	if l.BTF {
		if err := unix.Mount("none", "/sys/kernel/btf", "tmpfs", 0, ""); err != nil {
			return fmt.Errorf("hide BTF: %w", err)
		}
	}
	if l.Mount {
		if err := unmountCgroups(); err != nil {
			return err
		}
	}
	return dropCapabilities(l.Capabilities)
}

// unmountCgroups removes what is mounted of cgroup v2.
func unmountCgroups() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		if !strings.Contains(line, " - cgroup2 ") {
			continue
		}
		if path := strings.Fields(line)[4]; unix.Unmount(path, unix.MNT_DETACH) != nil {
			return fmt.Errorf("unmount %s", path)
		}
	}
	return nil
}

func dropCapabilities(capabilities []int) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	for _, c := range capabilities {
		data[c/32].Effective &^= 1 << (c % 32)
		data[c/32].Permitted &^= 1 << (c % 32)
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// TestRefusedCgroup wants the cgroup's path and the reason.
func TestRefusedCgroup(t *testing.T) {
	root.Require(t)
	_, err := Open(Config{MaxFlows: 100, Cgroup: "/nonexistent"})
	require.ErrorContains(t, err, `attach to cgroup "/nonexistent": `)
	require.ErrorContains(t, err, "no such file or directory")

	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	for _, path := range []string{t.TempDir(), file.Name(), hierarchy(t), filepath.Join(cgroup.Root(t), "cgroup.procs")} {
		if path == cgroup.Root(t) {
			continue // this machine has no other hierarchy
		}
		_, err := Open(Config{MaxFlows: 100, Cgroup: path})
		require.EqualError(t, err, fmt.Sprintf("attach to cgroup %q: it is not a directory of the cgroup v2 hierarchy", path))
	}
}

// TestProgramThatAllowsNoOther attaches a program in the old way, without
// BPF_F_ALLOW_MULTI.
func TestProgramThatAllowsNoOther(t *testing.T) {
	group := cgroup.New(t)
	other := newStranger(t, 0, true)
	dir, err := os.Open(group.Path)
	require.NoError(t, err)
	defer func() { require.NoError(t, dir.Close()) }()
	target := link.RawAttachProgramOptions{Target: int(dir.Fd()), Program: other.program, Attach: ebpf.AttachCGroupSockOps}
	require.NoError(t, link.RawAttachProgram(target))

	info, err := other.program.Info()
	require.NoError(t, err)
	id, _ := info.ID()
	_, err = Open(Config{MaxFlows: 100, Cgroup: group.Path})
	require.ErrorIs(t, err, unix.EPERM)
	require.ErrorContains(t, err, fmt.Sprintf(`attach to cgroup %q: `, group.Path))
	require.ErrorContains(t, err, fmt.Sprintf(`sock_ops program %d "stranger" is attached there and allows no other beside it`, id))

	require.NoError(t, link.RawDetachProgram(link.RawDetachProgramOptions(target)))
	k, err := Open(Config{MaxFlows: 100, Cgroup: group.Path})
	require.NoError(t, err)
	require.NoError(t, k.Close())
}
