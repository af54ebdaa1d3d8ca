// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

const podUID = "8d7dd7d8-5b2f-4c3e-9a7e-0123456789ab"

// TestContainersByCgroup puts clients into cgroups as runtimes name them.
func TestContainersByCgroup(t *testing.T) {
	id := newContainerID()
	for name, test := range map[string]struct {
		path           string
		container, pod string
	}{
		"kubelet's cgroupfs driver": {"burstable/pod" + podUID + "/" + id, id, podUID},
		"kubelet's systemd driver": {
			"kubepods-besteffort.slice/kubepods-besteffort-pod" + strings.ReplaceAll(podUID, "-", "_") + ".slice/cri-containerd-" + id + ".scope",
			id, podUID,
		},
		"systemd in a container": {"pod" + podUID + "/" + id + "/init.scope/nested/more.slice", id, podUID},
		"Docker":                 {"docker-" + id + ".scope", id, ""},
		"no container":           {"nginx.service", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityEndpoint})
			group := newGroup(t, test.path)
			client, server := traffic.Start(t, p.NS, "shopper"), traffic.Start(t, p.NS, "shop")
			group.add(client)
			traffic.Loopback(p.NS, p.IPv4.String()).RunBetween(t, client, server, 1, 1, traffic.Exchange(1, 1, 1))
			k.untilClosed(2, p.here())

			keys := k.keys(role(flow.RoleClient, p.here()))
			require.Len(t, keys, 1)
			require.EqualValues(t, client.PID, keys[0].Owner.PID())
			require.Equal(t, flow.Owner{
				ID: keys[0].Owner, Executable: "shopper", ContainerID: test.container, PodUID: test.pod,
			}, k.Owner(keys[0].Owner))
			keys = k.keys(role(flow.RoleServer, p.here()))
			require.Len(t, keys, 1)
			require.Empty(t, k.Owner(keys[0].Owner).ContainerID, "the listener's process is in no container")
		})
	}
}

// TestPeersAreContainers has several processes of two containers and of none
// connect to one server in granularity "peer".
func TestPeersAreContainers(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityPeer})
	first, second := newContainerID(), newContainerID()
	server := traffic.Start(t, p.NS, "shop")
	path, scenario := traffic.Loopback(p.NS, p.IPv4.String()), traffic.Exchange(1, 1, 1)
	address := server.Listen(path.Socket, netip.AddrPortFrom(p.IPv4, 0))

	for _, client := range []struct{ name, container string }{
		{"app", first}, {"app", first}, {"sidecar", first}, {"app", second}, {"app", ""}, {"app", ""}, {"other", ""},
	} {
		join := func(*traffic.Process) {}
		if client.container != "" {
			join = newGroup(t, "pod"+podUID+"/"+client.container).add
		}
		process := traffic.Start(t, p.NS, client.name)
		join(process)
		served := server.Serve(path.Socket, 1, scenario.Server)
		process.Connect(path, address, 1, 1, scenario.Client)()
		served()
	}
	k.untilClosed(2*7, p.here())

	have := make(map[flow.Owner]uint64)
	for _, key := range k.keys(role(flow.RoleClient, p.here())) {
		require.Zero(t, key.Owner.PID())
		owner := k.Owner(key.Owner)
		require.Equal(t, key.Owner, owner.ID)
		owner.ID = flow.OwnerID{}
		have[owner] += k.sums[key].Opened
	}
	require.Equal(t, map[flow.Owner]uint64{
		{ContainerID: first, PodUID: podUID}:  3,
		{ContainerID: second, PodUID: podUID}: 1,
		{Executable: "app"}:                   2,
		{Executable: "other"}:                 1,
	}, have)
}

// TestContainersOneAfterTheOther removes each container before the next one: the
// kernel uses the memory of its cgroup again.
func TestContainersOneAfterTheOther(t *testing.T) {
	const containers = 10
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityPeer})
	address := serveNothing(t, p)
	for range containers {
		id := newContainerID()
		t.Run("", func(t *testing.T) {
			group := newGroup(t, id)
			client := traffic.Start(t, p.NS, "job")
			group.add(client)
			path := traffic.Loopback(p.NS, p.IPv4.String())
			client.Connect(path, netip.MustParseAddrPort(address), 1, 1, traffic.Exchange(0, 0, 0).Client)()
		})
		k.until(func() bool {
			return slices.ContainsFunc(k.keys(role(flow.RoleClient, p.here())), func(key flow.Key) bool {
				return k.Owner(key.Owner).ContainerID == id
			})
		})
	}
	require.Len(t, k.keys(role(flow.RoleClient, p.here())), containers)

	for range 2 { // looks for what nobody uses
		for range expireEvery {
			require.NoError(t, k.Sweep(t.Context()))
		}
		k.collect()
	}
	for _, key := range k.keys(role(flow.RoleClient, p.here())) {
		require.Empty(t, k.Owner(key.Owner).ContainerID, "forgotten")
	}
}

// A group is a cgroup of the hierarchy that names containers.
type group struct {
	t    testing.TB
	path string
}

// newGroup makes a cgroup below one of the test's own. Processes must be started
// later, so that they have ended when it is removed.
func newGroup(t testing.TB, path string) group {
	t.Helper()
	top := filepath.Join(hierarchy(t), fmt.Sprintf("kubepods-test-%08x", rand.Uint32()))
	full := filepath.Join(top, path)
	require.NoError(t, os.MkdirAll(full, 0o755))
	t.Cleanup(func() {
		for dir := full; len(dir) >= len(top); dir = filepath.Dir(dir) {
			require.Eventually(t, func() bool { return !errors.Is(unix.Rmdir(dir), unix.EBUSY) }, patience, time.Millisecond)
			require.NoDirExists(t, dir)
		}
	})
	return group{t, full}
}

func (g group) add(process *traffic.Process) {
	g.t.Helper()
	require.NoError(g.t, os.WriteFile(filepath.Join(g.path, "cgroup.procs"), []byte(strconv.Itoa(process.PID)), 0))
}

// hierarchy is where the memory controller is, or that of pids, or cgroup v2: in
// this order the kernel side looks for a process's container.
func hierarchy(t testing.TB) string {
	t.Helper()
	mounts, err := os.Open("/proc/self/mountinfo")
	require.NoError(t, err)
	defer mounts.Close()
	found := make(map[string]string)
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		mount, source, _ := strings.Cut(lines.Text(), " - ")
		super := strings.Fields(source)
		switch super[0] {
		case "cgroup2":
			found["cgroup2"] = strings.Fields(mount)[4]
		case "cgroup":
			for option := range strings.SplitSeq(super[2], ",") {
				found[option] = strings.Fields(mount)[4]
			}
		}
	}
	for _, controller := range []string{"memory", "pids", "cgroup2"} {
		if path := found[controller]; path != "" {
			return path
		}
	}
	require.FailNow(t, "no cgroup hierarchy")
	return ""
}

func newContainerID() string {
	return fmt.Sprintf("%016x%016x%016x%016x", rand.Uint64(), rand.Uint64(), rand.Uint64(), rand.Uint64())
}
