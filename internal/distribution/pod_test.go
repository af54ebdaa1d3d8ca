// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && k8s

package distribution

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestPodOfTheReadmeIsValid has a real API server look at the pod as at one that it is to
// keep.
func TestPodOfTheReadmeIsValid(t *testing.T) {
	k := newCluster(t)
	require.NoError(t, k.admin.Namespace(t.Context(), "monitoring"))
	try := func(block string) error {
		var pod map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(block), &pod))
		pod["apiVersion"], pod["kind"], pod["metadata"] = "v1", "Pod", map[string]any{"name": "otelcol-tcpwhy"}
		container := pod["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["image"] = "registry.example/otelcol-tcpwhy"
		const path = "/api/v1/namespaces/monitoring/pods?dryRun=All&fieldValidation=Strict"
		return k.admin.Do(t.Context(), http.MethodPost, path, pod, nil)
	}
	block := readmeBlock(t, podBegin)
	require.NoError(t, try(block))
	require.ErrorContains(t, try(strings.Replace(block, "readOnlyRootFilesystem", "readOnlyRoot", 1)), "unknown field")
}
