// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"slices"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A selection says which attributes of data points survive, and so what is added up.
type selection struct {
	level            Aggregate
	perHost          bool     // nothing is said of flows
	include, exclude []string // the first list decides before the second
	orInclude        []string // those of all metrics
	orExclude        []string
}

// keeps reports whether an attribute of a data point survives.
func (s *selection) keeps(name, role string) bool {
	switch {
	case name == names.HandshakeRole || name == names.MetricOverflow:
		return true
	case slices.Contains(s.exclude, name):
		return false
	case slices.Contains(s.include, name):
		return true
	case slices.Contains(s.orExclude, name):
		return false
	case slices.Contains(s.orInclude, name):
		return true
	}
	return s.byDefault(name, role)
}

func (s *selection) byDefault(name, role string) bool {
	switch name {
	case names.SourcePort:
		return role == names.Server
	case names.DestinationPort:
		return role == names.Client
	case names.SourceAddress, names.DestinationAddress, names.DestinationNATAddress, names.DestinationNATPort,
		names.NetworkType, names.FlowPair:
		return false
	case names.Source.K8sPodName, names.Destination.K8sPodName, names.Source.K8sNodeName, names.Destination.K8sNodeName,
		names.Source.Zone, names.Destination.Zone, names.SameHost:
		return s.level == AggregatePod
	}
	return true
}

// A resourceSelection says which attributes of resources survive.
type resourceSelection struct {
	level            Aggregate
	include, exclude []string
}

// Resource attributes by what they are of, as prefixes.
var (
	ofProcess = []string{"process.", "container.", "k8s.container.", names.ServiceInstanceID}
	ofHost    = []string{"host.", "os.", "k8s.node.", "k8s.pod.", "k8s.replicaset.", names.AvailabilityZone}
)

// keeps reports whether an attribute of a resource survives.
func (s *resourceSelection) keeps(name string, kind string, owner identity.Workload) bool {
	switch {
	case slices.Contains(s.exclude, name):
		return false
	case slices.Contains(s.include, name):
		return true
	case strings.HasPrefix(name, "k8s.job.") && owner.Kind == "CronJob": // of one run
		return false
	case name == names.K8sOwner(owner.Kind):
		return true
	case name == names.ProcessExecutableName:
		return s.level == AggregatePod && kind != names.KindPod
	case begins(name, ofProcess):
		return false
	}
	return s.level == AggregatePod || !begins(name, ofHost)
}

func begins(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
