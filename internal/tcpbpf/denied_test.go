// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// TestEachMapThatIsDenied has the kernel refuse one map after the other: the error names it
// and the cause, and nothing stays.
func TestEachMapThatIsDenied(t *testing.T) {
	root.Require(t)
	spec, err := loadTcpwhy()
	require.NoError(t, err)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	for name := range spec.Maps {
		t.Run(name, func(t *testing.T) {
			descriptors, goroutines := countDescriptors(t), goleak.IgnoreCurrent()
			k, err := Open(Config{MaxFlows: 1000, tamper: func(spec *ebpf.CollectionSpec) {
				spec.Maps[name].Flags |= 1 << 30 // no such flag
			}})
			require.Nil(t, k)
			require.ErrorIs(t, err, unix.EINVAL)
			require.NotContains(t, err.Error(), "\n")
			require.Contains(t, err.Error(), name)
			require.Contains(t, err.Error(), "invalid argument")
			require.Equal(t, descriptors, countDescriptors(t))
			goleak.VerifyNone(t, goroutines)
		})
	}
}

// TestEachDescriptorThatIsDenied lets the process have none, one, two more descriptors, and
// so on: one sentence says how many are missing, and nothing stays. With as many as are asked
// for all is done as without a limit.
func TestEachDescriptorThatIsDenied(t *testing.T) {
	root.Require(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would close what nobody holds
	whole, err := Open(Config{MaxFlows: 1000})
	require.NoError(t, err)
	best := whole.Hooks()
	require.NoError(t, whole.Close())

	goroutines, before := goleak.IgnoreCurrent(), countDescriptors(t)
	for more := range descriptors {
		k, limit, err := openWith(t, more)
		require.Nil(t, k)
		require.ErrorIs(t, err, unix.EMFILE)
		requireOneSentence(t, err, fmt.Sprintf("missing %d free file descriptors, of which there are %d: "+
			"raise the limit of open files (ulimit -n, LimitNOFILE=), which is %d", descriptors, more, limit))
		require.Equal(t, before, countDescriptors(t))
	}
	k, _, err := openWith(t, descriptors)
	require.NoError(t, err)
	require.Equal(t, best, k.Hooks())
	require.NoError(t, k.Close())
	require.Equal(t, before, countDescriptors(t))
	goleak.VerifyNone(t, goroutines)
}

// openWith opens while the process may have only so many more descriptors. They are taken
// from the lowest on: what lies between those that are held is filled first.
func openWith(t *testing.T, more int) (*Kernel, int, error) {
	t.Helper()
	var fill []int
	defer func() {
		for _, fd := range fill {
			require.NoError(t, unix.Close(fd))
		}
	}()
	highest := highestDescriptor(t)
	for {
		next, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		fill = append(fill, next)
		if next >= highest {
			break
		}
	}
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	denied := limit
	denied.Cur = uint64(fill[len(fill)-1] + 1 + more)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &denied))
	k, err := Open(Config{MaxFlows: 1000})
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	return k, int(denied.Cur), err
}

func highestDescriptor(t *testing.T) (highest int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		require.NoError(t, err)
		highest = max(highest, fd)
	}
	return highest
}
