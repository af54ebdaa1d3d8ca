// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package root

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequire(t *testing.T) {
	for name, test := range map[string]struct {
		uid    int
		demand string
		want   outcome
	}{
		"root goes on":            {uid: 0, want: outcome{ended: true}},
		"root goes on on demand":  {uid: 0, demand: "1", want: outcome{ended: true}},
		"a user skips":            {uid: 1000, want: outcome{skipped: true}},
		"a user fails on demand":  {uid: 1000, demand: "1", want: outcome{failed: true}},
		"the demand can be taken": {uid: 1000, demand: "0", want: outcome{skipped: true}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, run(test.uid, test.demand))
		})
	}
}

type outcome struct{ ended, skipped, failed bool }

func run(uid int, demand string) outcome {
	fake := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		require(fake, uid, demand)
		fake.ended = true
	}()
	<-done
	return fake.outcome
}

// A recorder is a test that remembers its outcome.
type recorder struct {
	testing.TB
	outcome
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(string, ...any) {
	r.skipped = true
	runtime.Goexit()
}

func (r *recorder) Fatalf(string, ...any) {
	r.failed = true
	runtime.Goexit()
}
