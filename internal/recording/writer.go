// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A Writer writes a recording as one stream of zstd: each piece says much that the one
// before it said, so that takes a fifth of what pieces take that are compressed by themselves.
type Writer struct{ stream *zstd.Encoder }

// NewWriter returns a writer to a file that it does not close.
func NewWriter(to io.Writer) (*Writer, error) {
	stream, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(zstd.MaxWindowSize>>6))
	if err != nil {
		return nil, fmt.Errorf("write recording: %w", err)
	}
	return &Writer{stream}, nil
}

// Write writes a piece.
func (w *Writer) Write(md pmetric.Metrics) error {
	piece, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	if _, err := w.stream.Write(binary.BigEndian.AppendUint32(nil, uint32(len(piece)))); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	if _, err := w.stream.Write(piece); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// Close ends the stream.
func (w *Writer) Close() error { return w.stream.Close() }
