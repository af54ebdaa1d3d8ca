// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

func TestEndsArePrefixedNamesOfTheConventions(t *testing.T) {
	assert.Equal(t, SourceAddress, Source.Address)
	assert.Equal(t, DestinationPort, Destination.Port)
	assert.Equal(t, "source.k8s.namespace.name", Source.K8sNamespaceName)
	assert.Equal(t, "destination.service.name", Destination.ServiceName)
	assert.Equal(t, "source.k8s.statefulset.name", Source.Owner("StatefulSet"))
	assert.Equal(t, "destination.k8s.cronjob.name", Destination.Owner("CronJob"))
	assert.Empty(t, Source.Owner("Rollout"))
}

func TestResourceAttributesOfKubernetesAreThoseOfTheConventions(t *testing.T) {
	for want, got := range map[attribute.Key]string{
		semconv.ServiceNameKey:           ServiceName,
		semconv.ServiceNamespaceKey:      ServiceNamespace,
		semconv.K8SClusterNameKey:        K8sClusterName,
		semconv.K8SNamespaceNameKey:      K8sNamespaceName,
		semconv.K8SPodNameKey:            K8sPodName,
		semconv.K8SNodeNameKey:           K8sNodeName,
		semconv.K8SContainerNameKey:      K8sContainerName,
		semconv.CloudAvailabilityZoneKey: AvailabilityZone,
		semconv.K8SDeploymentNameKey:     K8sOwner("Deployment"),
		semconv.K8SReplicaSetNameKey:     K8sOwner("ReplicaSet"),
		semconv.K8SStatefulSetNameKey:    K8sOwner("StatefulSet"),
		semconv.K8SDaemonSetNameKey:      K8sOwner("DaemonSet"),
		semconv.K8SJobNameKey:            K8sOwner("Job"),
		semconv.K8SCronJobNameKey:        K8sOwner("CronJob"),
	} {
		assert.Equal(t, string(want), got)
	}
	assert.Len(t, k8sOwners, len(K8sOwnerKinds))
	for _, kind := range K8sOwnerKinds {
		assert.NotEmpty(t, K8sOwner(kind))
	}
}
