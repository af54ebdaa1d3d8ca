// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// TestEachDocumentedConfigurationIsValid has the collector decode every YAML block of
// the documentation, of which most show a part of a configuration only.
func TestEachDocumentedConfigurationIsValid(t *testing.T) {
	blocks := documentedBlocks(t)
	for _, document := range []string{"README.md", "receiver/ebpftcpreceiver/README.md", "processor/tcpanomalyprocessor/README.md", "connector/tcpanomalyconnector/README.md"} {
		require.NotEmpty(t, blocks[document], document)
	}
	for document, blocks := range blocks {
		for i, block := range blocks {
			t.Run(fmt.Sprintf("%s, block %d", document, i+1), func(t *testing.T) {
				output, err := validate(t, block)
				require.NoError(t, err, "%s", output)
			})
		}
	}
}

// Those of config/ start in a test of their own; these need an API server for that.
func TestEachConfigurationForKubernetesIsValid(t *testing.T) {
	t.Setenv("K8S_NODE_NAME", "node-1")
	for _, name := range []string{"agent", "gateway"} {
		text, err := os.ReadFile(filepath.Join("../../config/kubernetes", name+".yaml"))
		require.NoError(t, err)
		output, err := validate(t, string(text))
		require.NoError(t, err, "%s: %s", name, output)
		output, err = validate(t, strings.ReplaceAll(string(text), "scope: ", "scope: no-"))
		require.Error(t, err, name)
		require.Contains(t, string(output), "identity::kubernetes: scope", name)
	}
}

// TestInvalidConfigurationIsRefused is the witness that validation looks at each
// setting of ours.
func TestInvalidConfigurationIsRefused(t *testing.T) {
	for block, want := range map[string]string{
		"receivers: {ebpf_tcp: {colection_interval: 10s}}":                        "colection_interval",
		"receivers: {ebpf_tcp: {max_flows: -1}}":                                  "max_flows",
		"receivers: {ebpf_tcp: {metrics: {tcp.flow.oi: {enabled: false}}}}":       "tcp.flow.oi",
		"receivers: {ebpf_tcp: {events: {tcp.connection.lost: {enabled: true}}}}": "tcp.connection.lost",
		"processors: {tcp_anomly: }":                                              "tcp_anomly",
		"processors: {tcp_anomaly: {aggregat: pod}}":                              "aggregat",
		"exporters: {otlp_grpc: {endpiont: 'backend:4317'}}":                      "endpiont",
		"{receivers: {ebpf_tcp: }, exporters: {debug: }, service: {pipelines: {metrics: {receivers: [ebpf_tpc], exporters: [debug]}}}}": "ebpf_tpc",
	} {
		t.Run(block, func(t *testing.T) {
			output, err := validate(t, block)
			require.Error(t, err)
			require.Contains(t, string(output), want)
		})
	}
}

var fence = regexp.MustCompile("(?ms)^ *```ya?ml\\b[^\n]*\n(.*?)^ *```")

// documentedBlocks returns the YAML blocks of each document in the repository.
func documentedBlocks(t *testing.T) map[string][]string {
	t.Helper()
	root := os.DirFS("../..")
	blocks := make(map[string][]string)
	require.NoError(t, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != "." && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		page, err := fs.ReadFile(root, path)
		for _, block := range fence.FindAllSubmatch(page, -1) {
			blocks[path] = append(blocks[path], string(block[1]))
		}
		return err
	}))
	return blocks
}

// validate has the collector check a configuration, or a part of one.
func validate(t *testing.T, block string) (output []byte, err error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(block))
	require.NoError(t, err)
	part, err := retrieved.AsConf()
	require.NoError(t, err)
	path, err := filepath.Abs("../../bin/otelcol-tcpwhy")
	require.NoError(t, err)
	return exec.Command(path, "validate", "--config", "yaml:"+block, "--config", "yaml:"+rest(part)).CombinedOutput()
}

// rest makes a part a whole: a pipeline of all that is in it.
func rest(part *confmap.Conf) string {
	if part.IsSet("service") {
		return "{}"
	}
	receivers, processors, exporters := components(part, "receivers"), components(part, "processors"), components(part, "exporters")
	missing := ""
	if len(receivers) == 0 {
		receivers, missing = []string{"ebpf_tcp"}, missing+"receivers: {ebpf_tcp: }\n"
	}
	if len(exporters) == 0 {
		exporters, missing = []string{"debug"}, missing+"exporters: {debug: }\n"
	}
	list := func(ids []string) string { return "[" + strings.Join(ids, ", ") + "]" }
	return missing + fmt.Sprintf("service: {pipelines: {metrics: {receivers: %s, processors: %s, exporters: %s}}}",
		list(receivers), list(processors), list(exporters))
}

// components returns the ids in a part's section.
func components(part *confmap.Conf, section string) []string {
	all, _ := part.Get(section).(map[string]any)
	return slices.Sorted(maps.Keys(all))
}
