// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The sandbox' processes are this program's own, which is the test's here. It is a
// collector, too, that starts, tells of a problem, and ends when it is told to.
func TestMain(m *testing.M) {
	switch first := append(os.Args, "", "")[1]; {
	case first == "--config":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, syscall.SIGTERM)
		if err := os.WriteFile(filepath.Join(os.Getenv("SANDBOX_OUT"), "verdicts.json"), []byte(verdict), 0o644); err != nil {
			os.Exit(1)
		}
		fmt.Println("Everything is ready.")
		<-ended
	case first == "" || strings.HasPrefix(first, "-"):
		os.Exit(m.Run())
	default:
		if err := New().Execute(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// said is the title of what that collector tells.
const said = "Something is said"

const verdict = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1000000000","eventName":"tcp.flow.problem","attributes":[` +
	`{"key":"tcp.problem.id","value":{"stringValue":"1"}},{"key":"tcp.problem.state","value":{"stringValue":"open"}},` +
	`{"key":"tcp.problem.title","value":{"stringValue":"` + said + `"}}]}]}]}]}` + "\n"

// sandbox is this program with other arguments, and a run folder of its own.
func sandbox(t *testing.T, folder string, args ...string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TCPWHY_REQUIRE_ROOT") != "" {
			t.Fatal("network namespaces need root, and TCPWHY_REQUIRE_ROOT is set")
		}
		t.Skip("network namespaces need root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(self, append(args, "--run", folder)...)
}
