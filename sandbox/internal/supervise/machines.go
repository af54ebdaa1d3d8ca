// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/world"
)

// machines are those that do faults. An answer is one also if an error comes with it: what
// is in it was done.
type machines interface {
	tellNode(name string, c node.Command) (node.Reply, error)
	tellPod(name string, c pod.Command) (pod.Reply, error)
	limitCPU(pod string, part float64) error
	canLimitCPU() error
	pid(pod string) int
	adopt(pid int) error
}

// workers are the processes of a world.
type workers struct{ world *world.World }

func (w workers) tellNode(name string, c node.Command) (node.Reply, error) {
	reply, err := world.Ask[node.Command, node.Reply](w.world.Nodes[name], c)
	return reply, told(name, reply.Error, err)
}

func (w workers) tellPod(name string, c pod.Command) (pod.Reply, error) {
	reply, err := world.Ask[pod.Command, pod.Reply](w.world.Pods[name], c)
	return reply, told(name, reply.Error, err)
}

func (w workers) limitCPU(pod string, part float64) error { return w.world.LimitCPU(pod, part) }

func (w workers) canLimitCPU() error { return w.world.CanLimitCPU() }

func (w workers) pid(pod string) int { return w.world.Pods[pod].PID() }

func (w workers) adopt(pid int) error { return w.world.Adopt(pid) }

func told(name, answered string, err error) error {
	if err == nil && answered != "" {
		err = errors.New(answered)
	}
	if err != nil {
		return fmt.Errorf("tell %s: %w", name, err)
	}
	return nil
}
