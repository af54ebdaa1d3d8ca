// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// sets are what a clock is set from and to, in seconds ahead of the true time.
var sets = map[string][2]float64{
	"back by an hour":             {0, -3600},
	"ahead by an hour":            {0, 3600},
	"right after it was late":     {-3600, 0},
	"right after it was ahead":    {3600, 0},
	"right after years":           {-3e8, 0},
	"back by less than the grace": {0, -60},
	"ahead by less than that":     {0, 60},
}

// setBy is a world whose clock is ahead by so many seconds since it began.
func setBy(t testing.TB, ahead float64) *world {
	w := newWorld(t)
	w.set = time.Duration(ahead * 1e9)
	w.at(0)
	w.store = NewStore(&Config{ClusterName: "c"}, w.time())
	return w
}

// sets the clock by so many seconds ahead of the true time, and has the store see it.
func (w *world) sets(ahead, now float64) {
	w.set = time.Duration(ahead * 1e9)
	w.at(now).store.tick()
}

// TestClockIsSet while a has given its address to b a moment ago. Points come from senders whose
// clocks are right, and from those whose clocks were set with ours.
func TestClockIsSet(t *testing.T) {
	for name, ahead := range sets {
		t.Run(name, func(t *testing.T) {
			w := setBy(t, ahead[0])
			alone := spec{name: "alone", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
			a := spec{name: "a", node: "n1", ips: []string{"10.0.0.2"}, created: 10, started: 12}
			b := spec{name: "b", node: "n1", ips: a.ips, created: 990, started: 996}
			w.at(20).see(alone.pod())
			w.see(a.pod())
			w.see(nodeObject("n1", "z1", "192.168.0.1"))
			w.see(serviceSince("web", 15, "10.96.0.1"))
			a.deleting = 990
			w.at(990).see(a.pod())
			w.at(992).lose(a.pod())
			w.at(998).see(b.pod())

			w.sets(ahead[1], 1000)
			c := spec{name: "c", node: "n1", ips: []string{"10.0.0.3"}, created: 1001}
			w.at(1003).see(c.pod()) // before its container started
			senders := []float64{0, ahead[1]}
			for _, clock := range senders {
				now := 1010 + clock
				require.Equal(t, "alone", w.remote("10.0.0.1", 80, now))
				require.Equal(t, "c", w.remote("10.0.0.3", 80, now))
				require.Equal(t, "n1", w.remote("192.168.0.1", 80, now))
				require.Equal(t, "web", w.remote("10.96.0.1", 80, now))
				require.Contains(t, []string{"b", "unknown"}, w.remote("10.0.0.2", 80, now))
				require.NotEqual(t, "b", w.remote("10.0.0.2", 80, 985+clock), "it was a's")
			}
			require.NotEqual(t, "b", w.remote("10.0.0.2", 80, 985+ahead[0]), "a's by the clock as it was")
			w.at(992 + 119).store.expire()
			require.NotNil(t, w.store.Local(identity.Local{PodUID: "uid-of-a"}, 1), "the grace period is not over")
			w.at(992 + 121).store.expire()
			require.Nil(t, w.store.Local(identity.Local{PodUID: "uid-of-a"}, 1), "the grace period is over")
			for now := 1114.; now < 1400; now += 10 {
				w.at(now).store.tick()
				for _, clock := range senders {
					require.Equal(t, "b", w.remote("10.0.0.2", 80, now+clock), "%v: nobody else is known", now)
				}
			}

			d := spec{name: "d", node: "n1", ips: b.ips, created: 1410}
			w.at(1405).lose(b.pod())
			w.at(1411).see(spec{name: "d", node: "n1", created: 1410}.pod())
			w.at(1413).see(d.pod())
			require.NotEqual(t, "d", w.remote("10.0.0.2", 80, 1400))
			d.started = 1414
			w.at(1416).see(d.pod())
			require.Equal(t, "d", w.remote("10.0.0.2", 80, 1420), "its kubelet's time is right")
			require.NotEqual(t, "d", w.remote("10.0.0.2", 80, 1400))
		})
	}
}

// TestAddressOfADeadNodeWhileTheClockIsSet has the end of who had an address be told never.
func TestAddressOfADeadNodeWhileTheClockIsSet(t *testing.T) {
	dead := spec{name: "dead", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	next := spec{name: "next", node: "n2", ips: dead.ips, created: 1001}
	w := newWorld(t)
	w.at(20).see(dead.pod())
	w.sets(-3600, 1000)
	w.at(1003).see(next.pod())
	require.NotEqual(t, "dead", w.remote("10.0.0.1", 80, 1010-3600), "next has it")
	require.NotEqual(t, "next", w.remote("10.0.0.1", 80, 995))
	require.Equal(t, "next", w.remote("10.0.0.1", 80, 1010))
	for now := 1010.; now < 1400; now++ {
		w.at(now).store.tick()
	}
	require.Equal(t, "next", w.remote("10.0.0.1", 80, 1400-3600))
}

// TestNextOfAnAddressAfterTheClockWasSet ahead, for good: who has it then, has it by the clock an hour later.
func TestNextOfAnAddressAfterTheClockWasSet(t *testing.T) {
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	b := spec{name: "b", node: "n1", ips: a.ips, created: 990, started: 996}
	next := spec{name: "next", node: "n2", ips: a.ips, created: 1390, started: 1395}
	w := newWorld(t)
	w.at(20).see(a.pod())
	w.at(992).lose(a.pod())
	w.at(998).see(b.pod())
	w.sets(3600, 1000)
	for now := 1001.; now < 1400; now++ {
		w.at(now).store.tick()
	}
	w.at(1400).see(next.pod())
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 1393))
	require.Equal(t, "next", w.remote("10.0.0.1", 80, 1400))
}

// TestPodThatWaitsWhileTheClockIsSet may have the address of one that is gone.
func TestPodThatWaitsWhileTheClockIsSet(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	w.at(20).see(a.pod())
	w.at(999).lose(a.pod())
	w.see(spec{name: "b", node: "n1", created: 998}.pod())
	w.sets(-3600, 1000)
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 1005-3600))
}

// TestClockIsSetTellsWhatIsLost and tells it once.
func TestClockIsSetTellsWhatIsLost(t *testing.T) {
	w := newWorld(t)
	var by []time.Duration
	var lost []int
	w.store.set = func(d time.Duration, n int) { by, lost = append(by, d), append(lost, n) }
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	w.at(20).see(a.pod())
	w.see(spec{name: "b", node: "n1", ips: []string{"10.0.0.2"}, created: 10, started: 12}.pod())
	w.at(30).lose(a.pod())
	w.set = 400 * time.Millisecond
	w.at(40).store.tick()
	require.Empty(t, by, "less than what is told")
	w.sets(-3600, 50)
	w.at(60).store.tick()
	require.Equal(t, []time.Duration{-time.Hour}, by)
	require.Equal(t, []int{1}, lost)
}

// TestGapWhileTheClockIsSet has a pod that may finish by itself, of which nothing was told since.
func TestGapWhileTheClockIsSet(t *testing.T) {
	for name, ahead := range sets {
		t.Run(name, func(t *testing.T) {
			w := setBy(t, ahead[0])
			once := spec{name: "once", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12, once: true}
			w.at(14).see(once.pod())
			w.store.gaps.open(w.clock.UnixNano())
			w.sets(ahead[1], 30)
			for _, clock := range []float64{0, ahead[1]} {
				require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 35+clock))
			}
			require.NoError(t, w.at(40).store.Pods().Replace([]any{once.pod()}, "9"))
			for _, clock := range []float64{0, ahead[1]} {
				require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 35+clock))
			}
			w.at(161).store.expire()
			require.Equal(t, "once", w.remote("10.0.0.1", 80, 161+ahead[1]))
		})
	}
}

// TestNeverWrongWhileClocksAreSet is TestNeverWrong with a clock that is set now and then, and for some
// time wrong. Clocks of some senders are set with it, those of others and of Kubernetes are right.
func TestNeverWrongWhileClocksAreSet(t *testing.T) {
	const grace = 120
	right, unknown, sets := 0, 0, 0
	for seed := range uint64(12) {
		p := &plan{random: rand.New(rand.NewPCG(seed, 2)), free: map[string]float64{}}
		p.live(400)
		steps := []float64{3600, -3600, 60, -60, 7, -7, 86400, -1}
		began := []float64{0, 3600, -3600, 0}[seed%4]
		w := setBy(t, began)
		past := [][2]float64{{0, began}} // since when it is how much ahead
		ours := func(at float64) (ahead float64) {
			for _, s := range past {
				if at >= s[0] {
					ahead = s[1]
				}
			}
			return ahead
		}
		next := 50 + p.random.ExpFloat64()*200
		for _, e := range p.events() {
			if ahead := []float64{0, steps[p.random.IntN(len(steps))]}[p.random.IntN(2)]; e.at > next && ahead != ours(e.at) {
				past = append(past, [2]float64{e.at, ahead})
				w.sets(ahead, e.at)
				next = e.at + p.random.ExpFloat64()*500
			}
			w.at(e.at)
			tick := e.apply == nil
			if tick {
				w.store.tick()
			} else {
				e.apply(w)
			}
			for _, ip := range slices.Sorted(maps.Keys(p.free)) {
				at := max(e.at-grace, e.at-max(0, p.random.NormFloat64()*20))
				clock := []float64{0, ours(at)}[p.random.IntN(2)]
				if last := past[len(past)-1][0]; last == 0 || e.at-last > grace {
					clock = 0 // a sender's clock that stays wrong tells of who had the address by it
				}
				got := w.remote(ip, 80, at+clock)
				truth := p.truth(ip, at)
				switch told := got != "unknown" && got != "stranger"; {
				case told && !slices.Contains(truth, got):
					t.Fatalf("seed %d: asked at %.2f who had %s at %.2f, told by a clock %.0f s ahead, ours %v: %s, but it was %q",
						seed, e.at, ip, at, clock, past, got, truth)
				case !tick || len(truth) > 1:
				case told:
					right++
				default:
					unknown++
				}
			}
		}
		sets += len(past) - 1
	}
	t.Logf("set %d times: %d right, %d unknown", sets, right, unknown)
	require.Greater(t, sets, 20)
	require.Greater(t, right, 2*unknown, "unknown too often")
}
