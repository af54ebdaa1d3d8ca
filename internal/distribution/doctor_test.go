// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const nobody = 65534

// doctor runs the sub-command as a user with some capabilities.
func doctor(t *testing.T, user uint32, capabilities ...uintptr) (stdout, stderr string, err error) {
	t.Helper()
	return examine(installed(t), user, capabilities...)
}

func examine(path string, user uint32, capabilities ...uintptr) (stdout, stderr string, err error) {
	command := exec.Command(path, "doctor")
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	command.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: user, Gid: user},
		AmbientCaps: capabilities,
	}
	err = command.Run()
	return out.String(), errors.String(), err
}

// installed is the binary where every user can execute it.
func installed(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../bin/otelcol-tcpwhy")
	require.NoError(t, err)
	folder, err := os.MkdirTemp("", "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o755))
	path := filepath.Join(folder, "otelcol-tcpwhy")
	require.NoError(t, os.WriteFile(path, content, 0o755))
	return path
}

// TestDoctorTellsWhatIsMissing fails with the sentence with which the collector would.
func TestDoctorTellsWhatIsMissing(t *testing.T) {
	out, sentence, err := doctor(t, nobody)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Equal(t, "missing the capability CAP_BPF: run as root (sudo make run), or grant it: "+
		"setcap cap_bpf,cap_perfmon,cap_net_admin=ep <binary>\n", sentence)
	require.Contains(t, out, "CAP_BPF                 no    the main job: loading programs\n")
	require.Contains(t, out, "\nebpf_tcp cannot observe this machine.\n")
}

// TestDoctorTellsWhatWouldBeLost succeeds with the capabilities of the main job.
func TestDoctorTellsWhatWouldBeLost(t *testing.T) {
	out, sentence, err := doctor(t, nobody, unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_NET_ADMIN)
	require.NoError(t, err, sentence)
	require.Empty(t, sentence)
	require.Contains(t, out, "close                   sock_ops/STATE_CB\n"+
		"                          no hook shows: why a connect failed whose owner asks for the error (SO_ERROR)")
	require.Contains(t, out, "find_older_unheld       iter/tcp\n"+
		"                          why not better: iter/tcp: entering other network namespaces needs CAP_SYS_ADMIN: operation not permitted\n")
	require.Contains(t, out, "CAP_SYS_ADMIN           no ")
	require.Contains(t, out, "\nebpf_tcp can observe this machine.\n")
}

// TestFileCapabilitiesAreEnough grants them as the README says, to whoever executes it.
func TestFileCapabilitiesAreEnough(t *testing.T) {
	path := installed(t)
	output, err := exec.Command("setcap", "cap_bpf,cap_perfmon,cap_net_admin=ep", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
	out, sentence, err := examine(path, nobody)
	require.NoError(t, err, sentence)
	require.Contains(t, out, "CAP_NET_ADMIN           yes ")
	require.Contains(t, out, "CAP_SYS_ADMIN           no ")
	require.Contains(t, out, "\nebpf_tcp can observe this machine.\n")
}
