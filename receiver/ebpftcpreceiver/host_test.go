// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func hostFiles(machine, boot string) fstest.MapFS {
	files := fstest.MapFS{"proc/sys/kernel/random/boot_id": {Data: []byte(boot)}}
	if machine != "" {
		files["etc/machine-id"] = &fstest.MapFile{Data: []byte(machine)}
	}
	return files
}

func TestInstancesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, files := range []fstest.MapFS{
		hostFiles("one\n", "first\n"), hostFiles("one\n", "second\n"), hostFiles("two\n", "first\n"), hostFiles("", "first\n"),
	} {
		h, err := readHost(files)
		require.NoError(t, err)
		instances := []string{h.instance.String()}
		for _, id := range []flow.OwnerID{{}, {Program: 1, Start: 2}, {Program: 1, Start: 3}, {Program: 2, Start: 2}, {Program: 12}, {Start: 12}} {
			instances = append(instances, h.ownerInstance(id))
		}
		for _, instance := range instances {
			assert.Empty(t, seen[instance])
			seen[instance] = instance
			assert.EqualValues(t, 5, uuid.MustParse(instance).Version())
		}
	}
}

func TestAnInstanceStaysWhatItIs(t *testing.T) {
	a, err := readHost(hostFiles("one\n", "first\n"))
	require.NoError(t, err)
	b, err := readHost(hostFiles("one", "first"))
	require.NoError(t, err)
	assert.Equal(t, a, b)
	id := flow.OwnerID{Program: 1, Start: 2}
	assert.Equal(t, a.ownerInstance(id), b.ownerInstance(id))
}

func TestHostNameIsTheKernels(t *testing.T) {
	h, err := readHost(hostFiles("one", "first"))
	require.NoError(t, err)
	want, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, want, h.name)
}

func TestHostWithoutABootID(t *testing.T) {
	_, err := readHost(fstest.MapFS{})
	assert.EqualError(t, err, "read boot id: open proc/sys/kernel/random/boot_id: file does not exist")
}
