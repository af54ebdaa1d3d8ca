// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDiagnosis(t *testing.T) {
	held := privileges{{"CAP_BPF", "the main job", true}, {"CAP_SYS_ADMIN", "other namespaces", false}}
	for name, test := range map[string]struct {
		hooks   []hook
		failure error
		want    string
	}{
		"a machine that can": {hookedKernel{}.Hooks(), nil, `JOB                     HOOK
close                   sock_ops/STATE_CB
                          no hook shows: some reasons
older_callbacks         iter/tcp
                          why not better: iter/tcp: no CAP_SYS_ADMIN
                          lost: round trips
listener_heir           none
                          why not better: iter/task_file: too old
                          lost: heirs

CAPABILITY              HELD  BUYS
CAP_BPF                 yes   the main job
CAP_SYS_ADMIN           no    other namespaces

ebpf_tcp can observe this machine.
`},
		"a machine that cannot": {nil, errors.New("missing"), `CAPABILITY              HELD  BUYS
CAP_BPF                 yes   the main job
CAP_SYS_ADMIN           no    other namespaces

ebpf_tcp cannot observe this machine.
`},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, diagnose(&out, test.hooks, held, test.failure))
			assert.Equal(t, test.want, out.String())
		})
	}
}
