// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOutputArrivesAsItWasWritten(t *testing.T) {
	for _, output := range []string{"", "ok\n", "no end of line", "\n", "\n\n", "\x16=== RUN a\n\x1enot a mark\n", "\nx\n\n", strings.Repeat("long ", 1e5)} {
		var stream bytes.Buffer
		for i := range 2 {
			require.NoError(t, MarkBegin(&stream, i))
			_, _ = stream.WriteString(output)
			require.NoError(t, MarkEnd(&stream, i, time.Duration(i)*time.Second))
		}
		require.NoError(t, MarkDone(&stream, 512))

		got := new(ear)
		taint, err := read(iotest.OneByteReader(&stream), got)
		require.NoError(t, err)
		require.EqualValues(t, 512, taint)
		require.Equal(t, []said{{0, output, 0, 0}, {1, output, 1, time.Second}}, got.all(), "%.40q", output)
	}
}

func TestGuestThatDies(t *testing.T) {
	var stream bytes.Buffer
	require.NoError(t, MarkBegin(&stream, 0))
	_, _ = stream.WriteString("so far\nso ")
	got := new(ear)
	_, err := read(&stream, got)
	require.ErrorIs(t, err, errSilent)
	require.Equal(t, "so far\nso ", got.out[0].String())
	require.Empty(t, got.ended)
}

func TestWhatComesBetweenTestsIsNotTheirs(t *testing.T) {
	got := new(ear)
	taint, err := read(strings.NewReader("firmware\n\x1ebegin 3\na\n\n\x1eend 0 7\nnoise\n\x1edone 0\nafter"), got)
	require.NoError(t, err)
	require.Zero(t, taint)
	require.Equal(t, []said{{3, "a\n", 0, 7}}, got.all())
}

// An ear remembers what it heard.
type ear struct {
	out   []*bytes.Buffer
	ended []said
}

type said struct {
	command int
	output  string
	code    int
	after   time.Duration
}

func (e *ear) Begin(int) io.Writer {
	e.out = append(e.out, new(bytes.Buffer))
	return e.out[len(e.out)-1]
}

func (e *ear) End(command, code int, after time.Duration) {
	e.ended = append(e.ended, said{command, "", code, after})
}

func (e *ear) all() []said {
	for i := range e.ended {
		e.ended[i].output = e.out[i].String()
	}
	return e.ended
}
