// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// pageAt is a configuration that shows what is observed on a page.
const pageAt = `{receivers: {ebpf_tcp: {collection_interval: 1s, cgroup: %q}}, exporters: {prometheus: {endpoint: "127.0.0.1:9464"}},
service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [ebpf_tcp], exporters: [prometheus]}}}}`

// readmeBlock returns the code block of the README that begins with a text.
func readmeBlock(t *testing.T, begin string) string {
	t.Helper()
	page, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?ms)^```\\w*\n(" + regexp.QuoteMeta(begin) + ".*?)^```$").FindSubmatch(page)
	require.NotNil(t, block, begin)
	return string(block[1])
}

// TestUnitOfTheReadme has systemd read the unit, if it is here, and the collector observe
// a connection with what the unit gives it: there is no systemd to start it.
func TestUnitOfTheReadme(t *testing.T) {
	unit, path := readmeBlock(t, "[Service]"), installed(t)
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		file := filepath.Join(t.TempDir(), "otelcol-tcpwhy.service")
		require.Contains(t, unit, "ExecStart=/usr/local/bin/otelcol-tcpwhy ")
		text := strings.ReplaceAll(unit, "/usr/local/bin/otelcol-tcpwhy", path)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		output, err := exec.Command(analyze, "verify", file).CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Empty(t, string(output))
	}
	require.Contains(t, unit, "\nDynamicUser=yes\n")
	require.Contains(t, unit, "\nNoNewPrivileges=yes\n")
	bounding := granted(strings.Fields(setting(t, unit, "CapabilityBoundingSet")))
	ambient := granted(strings.Fields(setting(t, unit, "AmbientCapabilities")))
	ns := netns.New(t)
	requireObserved(t, ns, start(t, ns, "/", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
		"--bounding-set="+bounding, "--inh-caps="+ambient, "--ambient-caps="+ambient, "--",
		path, "--config", "yaml:"+fmt.Sprintf(pageAt, "")))
}

// podBegin begins the pod of the README.
const podBegin = "spec:\n  hostPID: true"

// TestPodOfTheReadme has the collector observe a connection as a runtime would start it:
// with the pod's capabilities, a root that is read only, and the hierarchy where it is
// mounted.
func TestPodOfTheReadme(t *testing.T) {
	block := readmeBlock(t, podBegin)
	var pod struct {
		Spec struct {
			HostPID     bool `yaml:"hostPID"`
			HostNetwork bool `yaml:"hostNetwork"`
			Containers  []struct {
				SecurityContext struct {
					RunAsUser                int   `yaml:"runAsUser"`
					AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
					ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
					Capabilities             struct{ Drop, Add []string }
				} `yaml:"securityContext"`
				VolumeMounts []struct {
					MountPath string `yaml:"mountPath"`
				} `yaml:"volumeMounts"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &pod))
	require.Len(t, pod.Spec.Containers, 1)
	container := pod.Spec.Containers[0]
	require.True(t, pod.Spec.HostPID && pod.Spec.HostNetwork, "as the test is")
	require.Zero(t, container.SecurityContext.RunAsUser)
	require.False(t, *container.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, container.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []string{"ALL"}, container.SecurityContext.Capabilities.Drop)
	require.Equal(t, "/host/cgroup", container.VolumeMounts[0].MountPath)

	// A folder stands for /host: this machine's root has none, and gets none.
	script := `set -e
mount -t tmpfs none "$2"
mkdir "$2/cgroup"
mount --bind "$1" "$2/cgroup"
mount -o remount,bind,ro "$2/cgroup"
mount -o remount,bind,ro /
shift 2
exec "$@"`
	host := t.TempDir()
	ns := netns.New(t)
	requireObserved(t, ns, start(t, ns, "/", "unshare", "--mount", "sh", "-c", script, "sh", cgroup.Root(t), host,
		"setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set="+granted(container.SecurityContext.Capabilities.Add), "--",
		installed(t), "--config", "yaml:"+fmt.Sprintf(pageAt, filepath.Join(host, "cgroup"))))
}

// granted is a list of setpriv's.
func granted(capabilities []string) string {
	list := "-all"
	for _, capability := range capabilities {
		list += ",+" + strings.ToLower(strings.TrimPrefix(capability, "CAP_"))
	}
	return list
}

// setting returns the value of one line of a unit.
func setting(t *testing.T, unit, key string) string {
	t.Helper()
	value := regexp.MustCompile(`(?m)^` + key + `=(.+)$`).FindStringSubmatch(unit)
	require.NotNil(t, value, key)
	return value[1]
}

// requireObserved wants the bytes of a connection on the collector's page, and who had it.
func requireObserved(t *testing.T, ns *netns.NS, c *collector) {
	t.Helper()
	c.awaitLine("Everything is ready")
	port := fmt.Sprintf(`destination_port="%d"`, converse(t, ns, 12_345, 67_890))
	var sent []string
	c.await("showing the connection", func() bool {
		_, page := c.get("127.0.0.1:9464", "/metrics")
		sent = values(page, "tcp_flow_io_bytes_total{", port, `direction="transmit"`)
		return len(sent) > 0
	})
	require.Equal(t, []string{"12345"}, sent)
	require.NotContains(t, c.output.String(), "missing")
}
