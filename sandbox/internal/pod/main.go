// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"context"
	"errors"
	"io"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/line"
)

// Main is the process of a pod.
func Main(in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var p *Pod
	obey := func(c Command) error {
		if c.Config != nil {
			made, err := New(*c.Config)
			if err != nil {
				return err
			}
			p = made
			go func() { cancel(p.Run(ctx)) }()
		}
		switch {
		case p == nil:
			return errors.New("obey: there is no configuration yet")
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case c.Behaviour != nil:
			return p.Behave(*c.Behaviour)
		}
		return nil
	}
	return line.Answer(in, out, func(c Command) Reply {
		if err := obey(c); err != nil {
			return Reply{Error: err.Error()}
		}
		reply := Reply{Counters: p.Counters()}
		if !c.Since.IsZero() {
			reply.Calls = p.Calls(c.Since)
		}
		return reply
	})
}
