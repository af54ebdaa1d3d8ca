// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A host names this machine and the processes on it.
type host struct {
	name     string
	instance uuid.UUID // of this boot of this machine
}

// readHost reads who this machine is from the file system at root.
func readHost(root fs.FS) (host, error) {
	name, err := os.Hostname()
	if err != nil {
		return host{}, fmt.Errorf("read host name: %w", err)
	}
	boot, err := fs.ReadFile(root, "proc/sys/kernel/random/boot_id")
	if err != nil {
		return host{}, fmt.Errorf("read boot id: %w", err)
	}
	machine, err := fs.ReadFile(root, "etc/machine-id")
	if err != nil {
		// Containers often have none. The boot's random number alone is unique.
		machine = nil
	}
	return newHost(name, strings.TrimSpace(string(machine)), strings.TrimSpace(string(boot))), nil
}

func newHost(name, machine, boot string) host {
	// The name space is a random UUID of our own.
	space := uuid.MustParse("803a10e4-ee5f-49e2-9e07-cebcb646afd6")
	return host{name: name, instance: uuid.NewSHA1(space, []byte(machine+"\n"+boot))}
}

// describe writes the attributes of the host alone.
func (h host) describe(attributes pcommon.Map) {
	attributes.PutStr(names.HostName, h.name)
	attributes.PutStr(names.ServiceInstanceID, h.instance.String())
}

// describeOwner writes the attributes of a process of the host, as far as they
// are known.
func (h host) describeOwner(attributes pcommon.Map, owner flow.Owner) {
	attributes.EnsureCapacity(6)
	attributes.PutStr(names.HostName, h.name)
	attributes.PutStr(names.ServiceInstanceID, h.ownerInstance(owner.ID))
	if owner.ID.PID() != 0 {
		attributes.PutInt(names.ProcessPID, int64(owner.ID.PID()))
	}
	putKnown(attributes, names.ProcessExecutableName, owner.Executable)
	putKnown(attributes, names.ContainerID, owner.ContainerID)
	putKnown(attributes, names.K8sPodUID, owner.PodUID)
}

// ownerInstance tells owners apart for backends that look at little else, also
// where a process ID is used again.
func (h host) ownerInstance(id flow.OwnerID) string {
	return uuid.NewSHA1(h.instance, fmt.Appendf(nil, "%d\n%d\n%d", id.PID(), id.Start, id.Exec())).String()
}

func putKnown(attributes pcommon.Map, key, value string) {
	if value != "" {
		attributes.PutStr(key, value)
	}
}
