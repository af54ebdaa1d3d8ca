// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"regexp"
	"strings"
)

// containerID is the last 64 hexadecimal digits of a cgroup's name: bare (Docker
// and containerd with cgroupfs), or between a runtime's prefix and ".scope"
// (systemd): cri-containerd-…, crio-…, docker-…, libpod-….
var containerID = regexp.MustCompile(`^(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?$`)

// podUID is a pod's UID in the names that kubelet gives: pod<uid>, or
// kubepods-burstable-pod<uid with _>.slice.
var podUID = regexp.MustCompile(`^(?:kubepods-(?:[a-z]+-)?)?pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?$`)

// conmon is the runtime's own monitor beside the container that it watches.
const conmon = "conmon-"

// Identify returns the container's ID and the pod's UID, empty where there is
// none. names are those of a process's cgroup and its parents, the process's own
// first. Of nested containers the innermost counts, of pods too.
func Identify(names []string) (container, pod string) {
	for _, name := range names {
		if container == "" && !strings.Contains(name, conmon) {
			if m := containerID.FindStringSubmatch(name); m != nil {
				container = m[1]
			}
		}
		if m := podUID.FindStringSubmatch(name); pod == "" && m != nil {
			pod = strings.ReplaceAll(m[1], "_", "-")
		}
	}
	return container, pod
}
