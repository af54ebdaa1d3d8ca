// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

func TestNamesAreThoseOfTheConventions(t *testing.T) {
	for want, got := range map[attribute.Key]string{
		semconv.HostNameKey:               HostName,
		semconv.ServiceInstanceIDKey:      ServiceInstanceID,
		semconv.ProcessPIDKey:             ProcessPID,
		semconv.ProcessExecutableNameKey:  ProcessExecutableName,
		semconv.ContainerIDKey:            ContainerID,
		semconv.K8SPodUIDKey:              K8sPodUID,
		semconv.SourceAddressKey:          SourceAddress,
		semconv.SourcePortKey:             SourcePort,
		semconv.DestinationAddressKey:     DestinationAddress,
		semconv.DestinationPortKey:        DestinationPort,
		semconv.NetworkTypeKey:            NetworkType,
		semconv.NetworkTransportKey:       NetworkTransport,
		semconv.NetworkIODirectionKey:     IODirection,
		semconv.NetworkConnectionStateKey: ConnectionState,
	} {
		assert.Equal(t, string(want), got)
	}
}

func TestValuesAreThoseOfTheConventions(t *testing.T) {
	for _, pair := range []struct {
		want attribute.KeyValue
		got  string
	}{
		{semconv.NetworkTypeIPv4, IPv4},
		{semconv.NetworkTypeIPv6, IPv6},
		{semconv.NetworkTransportTCP, TCP},
		{semconv.NetworkIODirectionTransmit, Transmit},
		{semconv.NetworkIODirectionReceive, Receive},
		{semconv.NetworkConnectionStateEstablished, Established},
		{semconv.NetworkConnectionStateSynSent, SynSent},
		{semconv.NetworkConnectionStateSynReceived, SynReceived},
		{semconv.NetworkConnectionStateFinWait1, FinWait1},
		{semconv.NetworkConnectionStateFinWait2, FinWait2},
		{semconv.NetworkConnectionStateTimeWait, TimeWait},
		{semconv.NetworkConnectionStateClosed, Closed},
		{semconv.NetworkConnectionStateCloseWait, CloseWait},
		{semconv.NetworkConnectionStateLastAck, LastAck},
		{semconv.NetworkConnectionStateListen, Listen},
		{semconv.NetworkConnectionStateClosing, Closing},
	} {
		assert.Equal(t, pair.want.Value.AsString(), pair.got)
	}
}
