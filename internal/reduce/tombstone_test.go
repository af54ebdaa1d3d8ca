// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A sender sends points of one flow to a table at times of its choice.
type sender struct {
	*Table
	flow *Flow
}

func newSender(limits Limits) *sender {
	return &sender{NewTable(limits, at(100), false), &Flow{}}
}

// send sends a point of a sum that is received at its time, and returns its growth.
func (s *sender) send(p Point) *Growth {
	s.Advance(at(max(p.Time, s.now.Pace)))
	key := Key{1, p.Start}
	in := s.Input(key)
	if in == nil && (p.Ended || !s.Room()) {
		return nil
	}
	if in == nil {
		in = s.NewInput(key, s.flow, &p)
	}
	s.flow.Received = p.Time
	s.Overtaken(s.flow, p.Time)
	if !in.Current() {
		o := s.Output(Key{2})
		if o == nil {
			o = s.NewOutput(Key{2}, Design{})
		}
		s.Bind(in, o)
	}
	return s.Add(in, &p)
}

// tell ends an interval, and returns what is told.
func (s *sender) tell(now uint64) (v Value, told bool) {
	s.Begin(at(now), func(*Flow) { s.flow = &Flow{} })
	if o := s.Output(Key{2}); o != nil {
		told = s.Read(o, &v)
		s.Accepted(o)
	}
	return v, told
}

func sumAt(start, time uint64, n int64) Point {
	return Point{Start: start, Time: time, Number: Integer(n)}
}

// What happened while nothing could be sent is counted, and is no news.
func TestASeriesThatComesBackGoesOn(t *testing.T) {
	s := newSender(Limits{Inputs: 9, Outputs: 9, Stale: 10, Gap: 1000})
	require.NotNil(t, s.send(sumAt(150, 200, 7)))
	v, _ := s.tell(205)
	require.Equal(t, Integer(7), v.Number)
	s.tell(300)
	v, told := s.tell(311)
	require.True(t, told && v.Ended)
	inputs, outputs := s.Len()
	require.Zero(t, inputs+outputs)

	assert.Nil(t, s.send(sumAt(150, 900, 30)), "it took too long")
	assert.Equal(t, 2., s.send(sumAt(150, 901, 32)).Number)
	v, _ = s.tell(905)
	assert.Equal(t, Integer(25), v.Number, "seven were told in its former life")
	assert.Equal(t, uint64(311), v.Start, "which ended then")
	assert.Zero(t, s.Stats.Baselines)
}

func TestWhatIsForgottenIsABaseline(t *testing.T) {
	for name, limits := range map[string]Limits{
		"after the gap":                   {Inputs: 9, Outputs: 9, Stale: 10, Gap: 100},
		"because others need the room":    {Inputs: 1, Outputs: 9, Stale: 10, Gap: 1000},
		"at once where there is no grace": {Inputs: 9, Outputs: 9, Stale: 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(limits)
			s.send(sumAt(150, 200, 7))
			s.tell(301)
			s.send(sumAt(302, 303, 1)) // takes the only room
			s.tell(320)
			s.tell(404)
			s.send(sumAt(150, 200, 7))
			assert.Equal(t, uint64(1), s.Stats.Forgotten, "what came before it was forgotten is no baseline")
			assert.Nil(t, s.send(sumAt(150, 410, 30)))
			assert.Equal(t, uint64(1), s.Stats.Baselines)
			s.send(sumAt(303, 411, 5))
			assert.Equal(t, uint64(1), s.Stats.Baselines, "what is younger than all that is forgotten is new")
		})
	}
}

// An input that ended may have more to tell when its output is gone already.
func TestAnOutputThatIsGoneIsMadeAnew(t *testing.T) {
	s := newSender(Limits{Inputs: 9, Outputs: 9, Stale: 10, Gap: 1000})
	s.send(sumAt(150, 200, 7))
	s.tell(201)
	s.send(Point{Start: 150, Time: 202, Ended: true})
	s.flow.Received = 300 // another metric of the flow goes on
	v, _ := s.tell(300)
	require.True(t, v.Ended)
	s.send(sumAt(150, 301, 9))
	v, told := s.tell(302)
	require.True(t, told)
	assert.Equal(t, Integer(2), v.Number)
}

// A sender whose clock is ahead does not make all that is new doubtful.
func TestAClockThatIsAhead(t *testing.T) {
	s := newSender(Limits{Inputs: 9, Outputs: 9, Stale: 10})
	s.Advance(at(200))
	p := sumAt(100_000, 100_001, 7)
	in := s.NewInput(Key{9}, s.flow, &p)
	s.Bind(in, s.NewOutput(Key{2}, Design{}))
	s.flow.Received = 200
	s.Add(in, &p)
	s.tell(300)
	assert.NotNil(t, s.send(sumAt(301, 310, 1)))
	assert.Zero(t, s.Stats.Baselines)
}
