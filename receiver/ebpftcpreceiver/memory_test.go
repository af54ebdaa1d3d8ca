// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"os"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func TestChooseFlows(t *testing.T) {
	for memory, want := range map[uint64]int{
		0:                leastFlows,
		64 << 20:         leastFlows,
		128 << 20:        1024,
		256 << 20:        2048,
		1 << 30:          8192,
		2<<30 + 1<<17:    16385,
		8 << 30:          65536,
		1 << 40:          65536,
		1<<64 - 1:        65536,
		(4 << 30) - 4096: 32767,
	} {
		assert.Equal(t, want, chooseFlows(memory), "%d bytes", memory)
	}
}

func TestMemoryIsTheSmallestLimit(t *testing.T) {
	const machine = "MemTotal:        1000000 kB\nMemFree: 5 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"the machine's": {map[string]string{"proc/self/cgroup": "0::/\n"}, 1024000000},
		"version 2": {map[string]string{
			"proc/self/cgroup":                                     "0::/system.slice/tcpwhy.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                "max\n",
			"sys/fs/cgroup/system.slice/tcpwhy.service/memory.max": "268435456\n",
		}, 256 << 20},
		"of a parent": {map[string]string{
			"proc/self/cgroup":                                     "0::/system.slice/tcpwhy.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                "1048576\n",
			"sys/fs/cgroup/system.slice/tcpwhy.service/memory.max": "268435456\n",
		}, 1 << 20},
		"of a container's own root": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "4096\n",
		}, 4096},
		"version 1, hybrid": {map[string]string{
			"proc/self/cgroup":                               "4:cpu,memory:/a/b\n3:memoryless:/x\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "8192\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes":   "1\n",
		}, 8192},
		"none smaller": {map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/unified/memory.max": "1024000001\n",
		}, 1024000000},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{"proc/meminfo": {Data: []byte(machine)}}
			for name, text := range test.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			memory, err := readMemory(files)
			require.NoError(t, err)
			assert.Equal(t, test.want, memory)
		})
	}
}

func TestMemoryThatCannotBeRead(t *testing.T) {
	_, err := readMemory(fstest.MapFS{})
	assert.EqualError(t, err, "read memory of machine: open proc/meminfo: file does not exist")
	_, err = readMemory(fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: much")}})
	assert.ErrorContains(t, err, "read memory of machine: parse MemTotal")
	_, err = readMemory(fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 1 kB")}})
	assert.EqualError(t, err, "read cgroups: open proc/self/cgroup: file does not exist")
}

func TestMemoryOfThisMachine(t *testing.T) {
	memory, err := readMemory(os.DirFS("/"))
	require.NoError(t, err)
	assert.Greater(t, memory, uint64(32<<20))
}

// The kernel side and the table have the same bound, chosen or configured.
func TestMaxFlowsIsChosenOrConfigured(t *testing.T) {
	for configured, want := range map[int]int{0: 3, 2: 2} {
		synctest.Test(t, func(t *testing.T) {
			p := newPipeline(t, crowd(10), accept)
			p.cfg.MaxFlows = configured
			pool := newPool(func(cfg *Config) (kernel, error) {
				assert.Equal(t, want, cfg.MaxFlows)
				return p, nil
			}, bubble)
			pool.flows = func() (int, error) { return 3, nil }
			share, err := pool.acquire(p.cfg)
			require.NoError(t, err)
			r := &metricsReceiver{pool: pool, cfg: p.cfg, next: p.next(t), status: new(status)}
			o := r.observer(share, host{})
			_, err = p.Collect(t.Context(), o.table.Add)
			require.NoError(t, err)
			o.table.Seal(flow.Instant{Wall: uint64(time.Second)}, flow.Report{}, true)
			assert.Equal(t, want, o.table.Stats().Flows)
			require.NoError(t, pool.release(p.cfg))
		})
	}
}
