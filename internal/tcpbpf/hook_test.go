// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHooksAreThoseOfThePrograms compares with what the programs are written for,
// each hook with one job.
func TestHooksAreThoseOfThePrograms(t *testing.T) {
	source, err := os.ReadFile("../../bpf/tcpwhy.bpf.c")
	require.NoError(t, err)
	var want []string
	for _, callback := range regexp.MustCompile(`case BPF_SOCK_OPS_(\w+):`).FindAllSubmatch(source, -1) {
		want = append(want, "sock_ops/"+string(callback[1]))
	}
	for _, section := range regexp.MustCompile(`SEC\("(\w+/\w+)"\)`).FindAllSubmatch(source, -1) {
		want = append(want, string(section[1]))
	}

	var have []string
	jobs := make(map[string]bool)
	for _, hook := range observe(t, Config{}).Hooks() {
		have = append(have, hook.Name)
		require.False(t, jobs[hook.Job], "job %s is done twice", hook.Job)
		jobs[hook.Job] = true
		require.Empty(t, hook.Reason)
	}
	require.ElementsMatch(t, want, have)
}
