// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	id := strings.Repeat("0123456789abcdef", 4)
	const uid = "8d7dd7d8-5b2f-4c3e-9a7e-0123456789ab"
	under := strings.ReplaceAll(uid, "-", "_")
	static := strings.Repeat("ab", 16)
	tests := []struct {
		name           string
		names          []string
		container, pod string
	}{
		{"host service", []string{"nginx.service", "system.slice", ""}, "", ""},
		{"root", []string{""}, "", ""},
		{"docker with cgroupfs", []string{id, "docker", ""}, id, ""},
		{"docker with systemd", []string{"docker-" + id + ".scope", "system.slice", ""}, id, ""},
		{"podman", []string{"container", "libpod-" + id + ".scope", "machine.slice"}, id, ""},
		{"containerd with systemd", []string{
			"cri-containerd-" + id + ".scope",
			"kubepods-burstable-pod" + under + ".slice", "kubepods-burstable.slice", "kubepods.slice", "",
		}, id, uid},
		{"guaranteed pod", []string{"cri-containerd-" + id + ".scope", "kubepods-pod" + under + ".slice"}, id, uid},
		{"cgroupfs", []string{id, "pod" + uid, "besteffort", "kubepods", ""}, id, uid},
		{"static pod", []string{id, "pod" + static, "burstable", "kubepods"}, id, static},
		{"cri-o", []string{"crio-" + id + ".scope", "kubepods-besteffort-pod" + under + ".slice"}, id, uid},
		{"cri-o's monitor", []string{"crio-conmon-" + id + ".scope", "kubepods-besteffort-pod" + under + ".slice"}, "", uid},
		{"systemd in a container", []string{"init.scope", "cri-containerd-" + id + ".scope", "pod" + uid}, id, uid},
		{"63 digits are none", []string{id[1:]}, "", ""},
		{"upper case is none", []string{strings.ToUpper(id)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			container, pod := Identify(tt.names)
			if container != tt.container || pod != tt.pod {
				t.Errorf("Identify(%q) = %q, %q, want %q, %q", tt.names, container, pod, tt.container, tt.pod)
			}
		})
	}
}
