// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package recording_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/recording"
)

var began = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// piece has what somebody says of its flows with peers, and of its listener.
func piece(at time.Time, peers ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(names.HostName, "node-1")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(names.FlowExchanges.Name)
	points := m.SetEmptySum().DataPoints()
	for _, peer := range append(peers, "") {
		p := points.AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		if peer != "" {
			p.Attributes().PutStr(names.DestinationAddress, "10.96.0.1")
			p.Attributes().PutStr(names.DestinationNATAddress, peer)
			p.Attributes().PutInt(names.DestinationNATPort, 8080)
		}
	}
	return md
}

func read(t *testing.T, file []byte) (times []time.Time, err error) {
	err = recording.Read(bytes.NewReader(file), func(md pmetric.Metrics) error {
		times = append(times, recording.Time(md))
		return nil
	})
	return times, err
}

// Three forms of one file: as a Writer writes it, as the file exporter does, and plain.
func TestReadKnowsEachForm(t *testing.T) {
	encoder, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	var stream, exported, plain bytes.Buffer
	w, err := recording.NewWriter(&stream)
	require.NoError(t, err)
	var want []time.Time
	for i := range 3 {
		md := piece(began.Add(time.Duration(i)*time.Second), "10.0.0.2")
		want = append(want, recording.Time(md))
		require.NoError(t, w.Write(md))
		raw, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
		require.NoError(t, err)
		plain.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
		raw = encoder.EncodeAll(raw, nil)
		exported.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))
	}
	require.NoError(t, w.Close())
	for name, file := range map[string][]byte{"stream": stream.Bytes(), "exported": exported.Bytes(), "plain": plain.Bytes()} {
		got, err := read(t, file)
		require.NoError(t, err, name)
		assert.Equal(t, want, got, name)

		got, err = read(t, file[:len(file)-4])
		require.Error(t, err, "%s, whose end is missing", name)
		assert.Less(t, len(got), 3, name)
	}
	_, err = read(t, []byte("resourceMetrics"))
	assert.ErrorContains(t, err, "piece 1 of a recording: it has 1919251311 bytes, more than 268435456")
}

func TestCut(t *testing.T) {
	cut := &recording.Cut{
		From: began, To: began.Add(time.Second),
		Source:      func(resource pcommon.Map, _ netip.Addr) bool { return resource.Len() == 1 },
		Destination: func(end netip.AddrPort) bool { return end == netip.MustParseAddrPort("10.0.0.2:8080") },
		Point:       func(metric string, _ pcommon.Map) bool { return metric == names.FlowExchanges.Name },
	}
	md := piece(began.Add(time.Second), "10.0.0.2", "10.0.0.3")
	require.True(t, cut.Apply(md))
	assert.Equal(t, 2, md.DataPointCount(), "the flow among them, by who is behind its address, and the listener")
	assert.False(t, cut.Apply(piece(began.Add(-1), "10.0.0.2")), "too early")
	assert.False(t, cut.Apply(piece(began.Add(time.Second+1), "10.0.0.2")), "too late")

	md = piece(began, "10.0.0.2")
	md.ResourceMetrics().At(0).Resource().Attributes().Clear()
	assert.False(t, cut.Apply(md), "somebody else says so")

	md = piece(began, "10.0.0.2")
	md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).SetName(names.FlowSegments.Name)
	assert.False(t, cut.Apply(md), "detection does not read it")
}
