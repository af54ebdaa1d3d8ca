// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A World is the shop's machines, and the processes on them.
type World struct {
	thread      *thread
	hierarchies []hierarchy
	log         *os.File
	fabric      *Namespace
	Nodes       map[string]*Process
	Pods        map[string]*Process
}

// New makes a shop's machines and starts their processes, which are idle, in cgroups below
// one of that name. What of it was made when an error comes is closed already.
func New(s *shop.Shop, log *os.File, cgroup string) (_ *World, err error) {
	w := &World{thread: newThread(), log: log, Nodes: make(map[string]*Process), Pods: make(map[string]*Process)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	if w.hierarchies, err = hierarchies(cgroup); err != nil {
		return nil, err
	}
	if w.fabric, err = w.thread.newNamespace(); err != nil {
		return nil, err
	}
	if err := w.fabric.addBridge("fabric"); err != nil {
		return nil, err
	}
	for _, n := range s.Nodes {
		if err := w.addNode(s, n); err != nil {
			return nil, fmt.Errorf("make %s: %w", n.Name, err)
		}
	}
	return w, nil
}

// self is the cgroup of a node's own process, beside those of its pods.
const self = "self"

// addNode makes a node and its pods.
func (w *World) addNode(s *shop.Shop, n shop.Node) error {
	ns, err := w.thread.newNamespace()
	if err != nil {
		return err
	}
	defer func() { _ = ns.file.Close() }() // its process keeps it
	err = errors.Join(
		ns.up("lo"),
		ns.Sysctl("net/ipv6/conf/all/disable_ipv6", "1"),
		ns.Sysctl("net/ipv4/ip_forward", "1"),
		// Pods of one node speak through it, so that it can translate answers, too.
		ns.Sysctl("net/ipv4/conf/all/send_redirects", "0"),
		ns.Sysctl("net/ipv4/conf/default/send_redirects", "0"),
		ns.addBridge(node.Bridge),
		ns.addAddress(node.Bridge, netip.PrefixFrom(n.Bridge, n.Pods.Bits())),
		ns.join("uplink", w.fabric, n.Name, "fabric"),
		ns.addAddress("uplink", netip.PrefixFrom(n.Uplink, 24)),
	)
	if err != nil {
		return err
	}
	for _, other := range s.Nodes {
		if other.Name != n.Name {
			if err := ns.addRoute("uplink", other.Pods, other.Uplink); err != nil {
				return err
			}
		}
	}
	if w.Nodes[n.Name], err = ns.start(withoutCPU(w.hierarchies), path.Join(n.Name, self), w.log, "node"); err != nil {
		return err
	}
	for _, pod := range s.Pods {
		if pod.Node == n.Name {
			if err := w.addPod(ns, n, pod); err != nil {
				return fmt.Errorf("make %s: %w", pod.Name, err)
			}
		}
	}
	return nil
}

func (w *World) addPod(host *Namespace, n shop.Node, pod shop.Pod) error {
	ns, err := w.thread.newNamespace()
	if err != nil {
		return err
	}
	defer func() { _ = ns.file.Close() }() // its process keeps it
	err = errors.Join(
		ns.up("lo"),
		ns.Sysctl("net/ipv6/conf/all/disable_ipv6", "1"),
		ns.join("eth0", host, fmt.Sprintf("pod%d", pod.Address.As4()[3]), node.Bridge),
		ns.addAddress("eth0", netip.PrefixFrom(pod.Address, 32)),
		ns.addRoute("eth0", netip.MustParsePrefix("0.0.0.0/0"), n.Bridge),
	)
	if err != nil {
		return err
	}
	w.Pods[pod.Name], err = ns.start(w.hierarchies, path.Join(n.Name, pod.ContainerID), w.log, "pod")
	return err
}

// CanLimitCPU tells whether this machine can give a pod a share of a CPU.
func (w *World) CanLimitCPU() error { return canLimitCPU(w.hierarchies) }

// LimitCPU leaves a pod a part of the CPU time that it took until it was limited; 0 takes the
// limit away.
func (w *World) LimitCPU(pod string, part float64) error {
	p, ok := w.Pods[pod]
	if !ok {
		return fmt.Errorf("limit CPU: there is no pod %q", pod)
	}
	need, err := p.need(part > 0)
	if err != nil {
		return fmt.Errorf("limit CPU of pod %s: %w", pod, err)
	}
	return limitCPU(w.hierarchies, p.group, part*need)
}

// Close ends all processes, guests too, and removes everything.
func (w *World) Close() error {
	w.endGuests(patience)
	for _, all := range []map[string]*Process{w.Pods, w.Nodes} {
		for _, p := range all {
			if p != nil {
				p.end()
			}
		}
	}
	if w.fabric != nil {
		_ = w.fabric.file.Close()
	}
	var paths []string
	for _, h := range w.hierarchies {
		paths = append(paths, h.root)
	}
	return RemoveCgroups(paths)
}
