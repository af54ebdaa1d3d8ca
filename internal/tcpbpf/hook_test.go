// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHooksAreThoseOfThePrograms compares with what the programs are written for: each
// job is done once, at the best hook, and nothing runs without a job.
func TestHooksAreThoseOfThePrograms(t *testing.T) {
	source, err := os.ReadFile("../../bpf/tcpwhy.bpf.c")
	require.NoError(t, err)
	want := make(map[string]bool)
	for _, callback := range regexp.MustCompile(`case BPF_SOCK_OPS_(\w+):`).FindAllSubmatch(source, -1) {
		want["sock_ops/"+string(callback[1])] = true
	}
	for _, section := range regexp.MustCompile(`SEC\("(\w+/\w+)"\)`).FindAllSubmatch(source, -1) {
		want[string(section[1])] = true
	}

	if !sweepsRecords(t) {
		delete(want, "iter/bpf_sk_storage_map")
	}
	if !tellsSocketOfDrop(t) {
		delete(want, "tp_btf/kfree_skb")
	}
	want["ringbuf"] = true

	have, done := make(map[string]bool), make(map[string]bool)
	for _, hook := range observe(t, Config{}).Hooks() {
		require.False(t, done[hook.Job], "job %s is done twice", hook.Job)
		done[hook.Job] = true
		if hook.Job == "older_callbacks" && !callbacksOfOlder(t) || hook.Job == "listener_reset" && !tellsSocketOfDrop(t) {
			continue
		}
		for name := range strings.SplitSeq(hook.Name, ", ") {
			have[name] = true
		}
		if hook.Job == "sweep" && !sweepsRecords(t) || hook.Job == "reset" && !tellsReasons() {
			continue
		}
		require.Empty(t, hook.Reason)
		require.Empty(t, hook.Lost)
	}
	require.Equal(t, want, have)
}
