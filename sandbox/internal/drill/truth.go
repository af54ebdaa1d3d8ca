// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// truths are what was done, until the drill's end, and what the plan expects to be said of
// it. What did not begin is none.
func (r *Report) truths(of *shop.Shop) (all []score.Fault) {
	for _, one := range r.Injections {
		if one.State() == supervise.Failed {
			continue
		}
		if one.Active() {
			one.End = r.End
		}
		alias, _ := one.Root().Alias(of)
		step := r.Plan.step(one.Spec)
		saw := ""
		if one.Witness != nil {
			saw = one.Witness.String()
		}
		all = append(all, score.Fault{
			Name: one.Fault, Place: one.Root(), Start: one.Start, End: one.End,
			Expect: step.Expect, Allow: step.Allow, Impact: one.Impact(of), Ends: one.Ends(of), Alias: alias,
			Segments: 5 * one.Segments(of), Witness: saw, Effect: string(one.Effect()),
		})
	}
	return all
}
