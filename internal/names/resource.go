// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Resource attributes: the local end of a flow.
const (
	HostName              = "host.name"
	ServiceInstanceID     = "service.instance.id"
	ProcessPID            = "process.pid"
	ProcessExecutableName = "process.executable.name"
	ContainerID           = "container.id"
	K8sPodUID             = "k8s.pod.uid"
)
