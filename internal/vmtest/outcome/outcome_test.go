// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is what a test binary writes with -test.v=test2json.
const output = "\x16=== RUN   TestGood\n\x16--- PASS: TestGood (1.50s)\n" +
	"\x16=== RUN   TestParent\n\x16=== RUN   TestParent/lacks_it\n" +
	"    a_test.go:7: kernel 6.1 lacks magic: no\n        such thing\n" +
	"\x16--- PASS: TestParent (0.00s)\n    \x16--- SKIP: TestParent/lacks_it (0.00s)\n" +
	"\x16=== RUN   TestBad\n    b_test.go:9: first\n    b_test.go:10: second\n\x16--- FAIL: TestBad (0.00s)\n" +
	"\x16=== RUN   TestEndless\npanic: test timed out\n"

func TestDecode(t *testing.T) {
	p := decode(t, output)
	require.Equal(t, map[Status]int{Pass: 2, Skip: 1, Fail: 1, Running: 1}, p.Count())
	require.Equal(t, 1500*time.Millisecond, p.test(t, "TestGood").Took)
	require.Equal(t, "kernel 6.1 lacks magic: no", p.test(t, "TestParent/lacks_it").Reason())
	require.Equal(t, "second", p.test(t, "TestBad").Reason())
	require.Empty(t, p.test(t, "TestGood").Reason())
	require.Contains(t, p.test(t, "TestEndless").Output, "panic: test timed out")
}

func TestFaults(t *testing.T) {
	const good = "\x16=== RUN   TestA\n\x16--- PASS: TestA (0.00s)\n\x16PASS\n"
	const skipped = "\x16=== RUN   TestA\n    a_test.go:1: because\n\x16--- SKIP: TestA (0.00s)\n\x16PASS\n"
	for name, test := range map[string]struct {
		output string
		code   int
		killed bool
		all    bool
		want   []string
	}{
		"all went well":          {output: good, all: true},
		"excused":                {output: good + strings.ReplaceAll(skipped, "because", "excuse")},
		"not excused":            {output: good + skipped, want: []string{`TestA must not skip: "because"`}},
		"failed":                 {output: "\x16=== RUN   TestA\n\x16--- FAIL: TestA (0.00s)\n\x16FAIL\n", code: 1, want: []string{"TestA failed"}},
		"nothing to test":        {output: "\x16PASS\n"},
		"tested nothing":         {output: "\x16PASS\n", all: true, want: []string{"tested nothing"}},
		"skipped everything":     {output: strings.ReplaceAll(skipped, "because", "excuse"), all: true, want: []string{"tested nothing"}},
		"failed outside tests":   {output: good, code: 1, want: []string{"ended with exit code 1"}},
		"killed in the middle":   {output: "\x16=== RUN   TestA\n", killed: true, want: []string{"TestA did not end", "did not end"}},
		"killed before any test": {killed: true, want: []string{"did not end"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := decode(t, test.output)
			p.Code, p.Done = test.code, !test.killed
			require.Equal(t, test.want, p.Faults(func(reason string) bool { return reason == "excuse" }, test.all))
		})
	}
}

func TestEventsThatAreNone(t *testing.T) {
	require.ErrorContains(t, (&Package{Path: "x/y"}).Decode(strings.NewReader("text")), "decode events of x/y: ")
	p := new(Package)
	require.NoError(t, p.Decode(strings.NewReader(`{"Action":"run","Test":"TestA"}`)))
	require.Equal(t, []string{"TestA did not end", "did not end"}, p.Faults(nil, true))
}

func decode(t *testing.T, output string) *Package {
	t.Helper()
	converter := exec.Command("go", "tool", "test2json", "-t")
	converter.Stdin = strings.NewReader(output)
	events, err := converter.Output()
	require.NoError(t, err)
	p := new(Package)
	require.NoError(t, p.Decode(bytes.NewReader(events)))
	return p
}

func (p *Package) test(t *testing.T, name string) *Test {
	t.Helper()
	for _, test := range p.Tests {
		if test.Name == name {
			return test
		}
	}
	require.FailNow(t, "no such test", name)
	return nil
}
