// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
)

func targets(s Score) map[string]Target {
	all := make(map[string]Target)
	for _, target := range s.Targets() {
		all[target.Name] = target
	}
	return all
}

func TestTargets(t *testing.T) {
	one, two, three := loss(100, 160), loss(400, 460), loss(700, 760)
	one.Name, two.Name, three.Name = "loss-0.5", "loss-1", "loss-10"
	stall := Fault{Name: "stall", Place: place, Start: at(1000), End: at(1060), Ends: ends}
	s := Of([]Fault{one, two, three, stall}, []Problem{
		said("1", "rise", 110, pair), said("2", "other", 430, pair), said("3", "tail", 440, pair), said("4", "rise", 1010, place),
	}, time.Hour)
	all := targets(s)
	require.Equal(t, Target{"recall", "≥ 0.95", "2/3 = 0.67 (0.21–0.94)", "no"}, all["recall"])
	require.Equal(t, "1/3 = 0.33 (0.06–0.79)", all["recall, and of the right type"].Figure)
	require.Equal(t, "1/2 = 0.50 (0.09–0.91)", all["recall, loss of 1 % and more"].Figure, "0.5 % is not among them")
	require.Equal(t, "2/3 = 0.67 (0.21–0.94)", all["precision"].Figure)
	require.Equal(t, Target{"causes invented for what TCP cannot see", "0", "1, of 1 faults, 1 without a witness", "no"}, all["causes invented for what TCP cannot see"])
	require.Equal(t, Target{"median time to detect: loss", "≤ 25 s", "30 s, 2 of 3 detected", "no"}, all["median time to detect: loss"])
	require.Equal(t, "1.50", all["problems a detected fault"].Figure)
	require.Equal(t, "–", all["false problems in a quiet hour"].Met)
	require.Equal(t, "–", all["median time to detect: delay, jitter"].Met)
}

// What was missed more often than not has no time to detect, however fast the rest was.
func TestMedianOfMissed(t *testing.T) {
	s := Of([]Fault{loss(100, 160), loss(400, 460), loss(700, 760)}, []Problem{said("1", "rise", 110, pair)}, time.Hour)
	for i := range s.Outcomes {
		s.Outcomes[i].Fault.Name = "delay"
	}
	require.Equal(t, Target{"median time to detect: delay, jitter", "≤ 60 s", "never, 1 of 3 detected", "no"}, targets(s)["median time to detect: delay, jitter"])
}

func TestQuietHour(t *testing.T) {
	require.Equal(t, "yes", targets(Of(nil, nil, time.Hour))["false problems in a quiet hour"].Met)
	require.Equal(t, "–", targets(Of(nil, nil, time.Hour-time.Second))["false problems in a quiet hour"].Met, "it was no hour")
	require.Equal(t, "no", targets(Of(nil, []Problem{said("1", "rise", 110, fault.Place{})}, time.Minute))["false problems in a quiet hour"].Met)
	noisy := targets(Of(nil, []Problem{said("1", "rise", 110, fault.Place{})}, time.Hour))
	require.Equal(t, Target{"false problems in a quiet hour", "0", "1 in 1h0m0s", "no"}, noisy["false problems in a quiet hour"])
}

// Of a fault that did nothing there was nothing to invent: it is no case, and that is said. What is said of it all the
// same counts.
func TestUnseenThatDidNothing(t *testing.T) {
	const name = "causes invented for what TCP cannot see"
	stall := func(effect string, second int) Fault {
		return Fault{Name: "stall", Place: place, Start: at(second), End: at(second + 60), Ends: ends, Effect: effect}
	}
	did, idle, unknown := stall("some", 1000), stall("none", 2000), stall("", 3000)
	figure := func(problems []Problem, faults ...Fault) Target {
		return targets(Of(faults, problems, time.Hour))[name]
	}
	require.Equal(t, Target{name, "0", "0, of 1 faults", "yes"}, figure(nil, did))
	require.Equal(t, Target{name, "0", "0, of 1 faults; 1 more did nothing: left out", "yes"}, figure(nil, did, idle))
	require.Equal(t, Target{name, "0", "0, of 2 faults, 1 without a witness; 1 more did nothing: left out", "yes"}, figure(nil, did, idle, unknown))
	require.Equal(t, Target{name, "0", "0, of 0 faults; 1 more did nothing: left out", "–"}, figure(nil, idle))
	said := []Problem{said("1", "rise", 2010, place)}
	require.Equal(t, Target{name, "0", "1, of 0 faults; 1 more did nothing: left out", "no"}, figure(said, idle))

	seen := loss(4000, 4060)
	seen.Effect = "none"
	require.Equal(t, 1, Of([]Fault{seen}, nil, time.Hour).Summarise("", every).Recall.Of, "what was missed is missed")
}
