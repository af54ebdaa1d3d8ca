// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// magic is how all that zstd has compressed begins.
var magic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// most is how many bytes a piece has at most, compressed or not.
const most = 1 << 28

// Read calls each with one piece after the other, as the receiver told them; an error of
// each ends it. The file is one stream of zstd, as [Writer] and the file exporter's feature
// gate for it make, or its pieces are compressed, as the exporter does without, or nothing is.
func Read(from io.Reader, each func(pmetric.Metrics) error) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(most))
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	defer decoder.Close()
	pieces := bufio.NewReader(from)
	if head, _ := pieces.Peek(len(magic)); bytes.Equal(head, magic) {
		stream, err := zstd.NewReader(pieces, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return fmt.Errorf("read recording: %w", err)
		}
		defer stream.Close()
		pieces = bufio.NewReader(stream)
	}
	for n := 1; ; n++ {
		md, err := readPiece(pieces, decoder)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read piece %d of a recording: %w", n, err)
		}
		if err := each(md); err != nil {
			return err
		}
	}
}

// readPiece returns io.EOF where no further piece begins.
func readPiece(from io.Reader, decoder *zstd.Decoder) (pmetric.Metrics, error) {
	none := pmetric.NewMetrics()
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return none, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > most {
		return none, fmt.Errorf("it has %d bytes, more than %d: this is no recording", size, most)
	}
	piece := make([]byte, size)
	if _, err := io.ReadFull(from, piece); err != nil {
		return none, io.ErrUnexpectedEOF
	}
	if bytes.HasPrefix(piece, magic) {
		var err error
		if piece, err = decoder.DecodeAll(piece, nil); err != nil {
			return none, err
		}
	}
	return (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(piece)
}
