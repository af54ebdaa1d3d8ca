// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import "github.com/tcpwhy/tcpwhy/internal/diagnose"

func failing(f diagnose.Failure, n, opened uint64) func(*diagnose.Report) {
	return func(r *diagnose.Report) { r.Failed[f] = n; r.Opened = opened }
}

func connectScenarios() []scenario {
	overflows := func(n uint64) diagnose.History {
		return steady(3, func(r *diagnose.Report) { r.Overflows = n; r.QueueLength = 2; r.QueueLimit = 1 })
	}
	large := steady(3, func(r *diagnose.Report) { r.Overflows = 9; r.QueueLimit = 4096 })
	arrived := func(n uint64, p diagnose.Pair) diagnose.Pair {
		p.Arrived = n
		return p
	}
	empty := steady(3, func(r *diagnose.Report) { r.Overflows = 9; r.QueueLimit = 1 })
	retrying := steady(3, func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = 3 })
	syn := func(n uint64, rises *diagnose.Rise) diagnose.Pair {
		p := client(steady(3, func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = n; r.Opened = 10 }))
		p.SYN = rises
		return p
	}
	dropped := func(n, exchanges uint64, idle float64) diagnose.Pair {
		return client(steady(3, all(limited(diagnose.NetworkLimited, 1-idle), func(r *diagnose.Report) {
			r.ClosedByTimeout, r.Closed, r.Exchanges = n, n, exchanges
		})))
	}
	stuck := func(live, queue, opened uint64) func(*diagnose.Report) {
		return func(r *diagnose.Report) {
			r.Time = [4]float64{diagnose.NetworkLimited: r.Seconds * float64(live)}
			r.Live, r.SendQueue, r.Opened, r.Exchanges, r.Sent = live, queue, opened, 0, 0
			r.DataSegments, r.Retransmits[diagnose.RetransmitTimeout] = 4, 4
		}
	}
	flows := func(timeouts uint64) diagnose.History {
		return steady(2, func(r *diagnose.Report) {
			r.DataSegments, r.Retransmits[diagnose.RetransmitTimeout], r.Received = 100, timeouts, 0
		})
	}
	queued := func(timeouts, sent uint64) func(*diagnose.Report) {
		return all(func(r *diagnose.Report) { r.Seconds = 5 }, stuck(4, 600_000, 1),
			func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitTimeout], r.Sent = timeouts, sent })
	}
	takes := func(bytes uint64) diagnose.History {
		return steady(2, func(r *diagnose.Report) { r.Received = bytes })
	}
	twice := func(probes uint64) func(*diagnose.Report) {
		return func(r *diagnose.Report) { r.Spurious, r.Retransmits[diagnose.RetransmitProbe] = 1, probes }
	}
	given := func(aborted, syn uint64) diagnose.History {
		return append(steady(1, failing(diagnose.FailedAborted, 0, 9)), steady(3, all(failing(diagnose.FailedAborted, aborted, 0),
			func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = syn }))...)
	}
	short := func(opened, closed, exchanges uint64, seconds float64) diagnose.Pair {
		return client(steady(3, func(r *diagnose.Report) {
			r.Opened, r.Closed, r.Exchanges, r.Time = opened, closed, exchanges, [4]float64{diagnose.Idle: seconds}
		}))
	}
	server := client(steady(3, failing(diagnose.FailedRefused, 5, 0)))
	server.Client = false
	return []scenario{
		{"one connect finds no port", client(steady(1, failing(diagnose.FailedNoAddress, 1, 500))), "tcp_port_exhaustion"},
		{"connects fail otherwise", client(steady(3, failing(diagnose.FailedOtherwise, 1, 500))), ""},
		{"no connect succeeds", client(steady(1, failing(diagnose.FailedTimeout, 3, 0))), "tcp_connect_timeout"},
		{"unreachable", client(steady(1, failing(diagnose.FailedUnreachable, 3, 0))), "tcp_connect_timeout"},
		{"one connect succeeds", client(steady(1, failing(diagnose.FailedTimeout, 3, 1))), ""},
		{"two connects time out", client(steady(1, failing(diagnose.FailedTimeout, 2, 0))), ""},
		{"losers of happy eyeballs", client(steady(3, failing(diagnose.FailedAborted, 50, 0))), ""},
		{"a program gives up waiting", client(given(1, 4)), "tcp_connect_timeout"},
		{"a program gives up two attempts", client(given(1, 4)[:3]), ""},
		{"a full accept queue lets a program wait", between(given(3, 9), overflows(5)), "tcp_accept_overflow"},
		{"half are refused", client(steady(1, failing(diagnose.FailedRefused, 3, 3))), "tcp_connect_refused"},
		{"few are refused", client(steady(1, failing(diagnose.FailedRefused, 3, 4))), ""},
		{"a server connects to nobody", server, ""},
		{"a full accept queue", between(steady(3, same), overflows(5)), "tcp_accept_overflow"},
		{"a full accept queue between two looks", arrived(2, between(retrying, empty)), "tcp_accept_overflow"},
		{"SYNs that come again all at once at an empty accept queue", arrived(2, between(retrying, large)), ""},
		{"more connections than an accept queue holds", arrived(4097, between(retrying, large)), "tcp_accept_overflow"},
		{"SYNs that are lost before the listener", between(steady(3, func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = 10 }), empty), ""},
		{"a port scanner's resets at a listener", between(steady(3, same), empty), ""},
		{"four overflows in 30 s", between(steady(3, same), append(overflows(0)[:2], overflows(4)[0])), ""},
		{"overflows of long ago", between(steady(6, same), append(overflows(9)[:1], overflows(0)...)), ""},
		{"SYNs are lost", syn(3, rise(.001, .3)), "tcp_syn_retransmit"},
		{"SYNs are lost as always", syn(3, nil), ""},
		{"idle connections are forgotten", dropped(1, 50, .95), "tcp_idle_drop"},
		{"busy connections time out", dropped(1, 50, .5), ""},
		{"the peer is dead", dropped(1, 0, .95), ""},
		{"large segments vanish", client(steady(2, stuck(2, 5000, 2))), "tcp_pmtu_blackhole"},
		{"large segments vanish, small ones pass", between(steady(2, stuck(4, 600_000, 0)), flows(10)), "tcp_pmtu_blackhole"},
		{"queues are long because of loss", between(steady(2, all(stuck(4, 600_000, 0), func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitFast] = 4 })), flows(0)), ""},
		{"all that is sent vanishes", between(steady(2, stuck(4, 600_000, 0)), flows(11)), ""},
		{"long queues that move", client(steady(2, all(stuck(4, 600_000, 1), func(r *diagnose.Report) { r.Sent = 300_001 }))), ""},
		{"timeouts of before all waited in a deep queue", client(append(steady(1, queued(20, 900_000)),
			append(steady(1, queued(0, 900_000)), steady(2, queued(0, 0))...)...)), ""},
		{"full segments arrive through a deep queue", between(steady(2, stuck(4, 600_000, 1)), takes(4*700)), ""},
		{"large segments vanish, the peer takes small ones", between(steady(2, stuck(4, 600_000, 1)), takes(4*300)), "tcp_pmtu_blackhole"},
		{"what is sent again had come, so a queue is deep", client(steady(2, all(stuck(4, 600_000, 1), twice(0)))), ""},
		{"large segments vanish, a probe had come", client(steady(2, all(stuck(4, 600_000, 1), twice(1)))), "tcp_pmtu_blackhole"},
		{"one connection is stuck", client(steady(2, stuck(1, 5000, 1))), ""},
		{"small segments vanish too", client(steady(2, stuck(2, 400, 2))), ""},
		{"a connection for each request", short(150, 150, 150, 30), "tcp_short_connections"},
		{"connections are kept", short(150, 150, 1500, 30), ""},
		{"connections live longer", short(150, 150, 150, 300), ""},
		{"nine connections a second", short(90, 90, 90, 30), ""},
	}
}

func windowScenarios() []scenario {
	waits := func(share float64) diagnose.History {
		return steady(3, all(limited(diagnose.ReceiveWindowLimited, share), func(r *diagnose.Report) { r.ZeroWindowProbes = 5 }))
	}
	locked := func(bytes uint64, scale uint8) diagnose.History {
		return steady(3, func(r *diagnose.Report) { r.LockedReceiveBuffer, r.ReceiveScale = bytes, &scale })
	}
	queued := func(bytes uint64) diagnose.History {
		return steady(3, func(r *diagnose.Report) { r.ReceiveQueue = bytes })
	}
	unscaled := steady(3, all(limited(diagnose.ReceiveWindowLimited, .5), func(r *diagnose.Report) { r.SendScale = new(uint8) }))
	full := func(share float64, lockedTo uint64, rtt float64) diagnose.Pair {
		return client(steady(3, all(limited(diagnose.SendBufferLimited, share), func(r *diagnose.Report) {
			r.LockedSendBuffer, r.MinRTT = lockedTo, rtt
		})))
	}
	return []scenario{
		{"a small buffer on the connection", between(waits(.5), locked(16384, 10)), "tcp_receive_buffer_locked"},
		{"a small buffer on the listener", between(waits(.5), locked(16384, 0)), "tcp_window_scale_zero"},
		{"nobody waits for a small buffer", between(waits(.05), locked(16384, 0)), ""},
		{"a large buffer is locked", between(waits(.5), locked(1<<20, 10)), ""},
		{"an unseen receiver without a scale", client(unscaled), "tcp_window_scale_zero"},
		{"an unseen receiver with a scale", client(steady(3, limited(diagnose.ReceiveWindowLimited, .5))), ""},
		{"a slow reader", between(waits(.5), queued(100_000)), "tcp_zero_window"},
		{"an unseen slow reader", client(waits(.5)), "tcp_zero_window"},
		{"a reader that keeps up", between(waits(.5), queued(1000)), ""},
		{"a window that closes at the end of a burst", between(waits(.01), queued(100_000)), ""},
		{"a small send buffer", full(.5, 9216, .02), "tcp_send_buffer_limited"},
		{"a short path", full(.5, 9216, .0001), ""},
		{"room enough", full(.05, 9216, .02), ""},
	}
}

func writeScenarios() []scenario {
	stalls := func(n uint64, each, rtt float64) diagnose.Pair {
		return client(steady(3, all(limited(diagnose.NetworkLimited, .5), func(r *diagnose.Report) {
			r.Stalls, r.StallTime, r.MinRTT = n, float64(n)*each, rtt
		})))
	}
	once := stalls(0, 0, 0)
	once.Sender[1].Stalls, once.Sender[1].StallTime = 10, 10
	return []scenario{
		{"write, write, read", stalls(200, .044, .0001), "tcp_nagle_delayed_ack"},
		{"write, write, read on a path of 40 ms", stalls(200, .041, .04), "tcp_nagle_delayed_ack"},
		{"a stall now and then", stalls(1, .044, .0001), ""},
		{"stalls in one window only", once, ""},
		{"TCP_CORK", client(steady(3, func(r *diagnose.Report) { r.Corks = 200 })), ""},
	}
}

func pathScenarios() []scenario {
	resent := func(kind diagnose.Retransmit, n, spurious, segments, exchanges uint64) diagnose.Pair {
		p := client(steady(3, func(r *diagnose.Report) {
			r.Retransmits[kind], r.Spurious, r.DataSegments, r.Exchanges = n, spurious, segments, exchanges
		}))
		p.Loss = rise(.0003, .03)
		return p
	}
	needless := func(spurious uint64, r *diagnose.Rise) diagnose.Pair {
		p := resent(diagnose.RetransmitFast, 30, spurious, 1000, 1000)
		p.Loss, p.Needless = nil, r
		return p
	}
	disordered := needless(20, rise(.0003, .03))
	disordered.Receiver = steady(3, func(r *diagnose.Report) { r.OutOfOrder = 40 })
	quiet := resent(diagnose.RetransmitFast, 30, 0, 1000, 1000)
	quiet.Loss = nil
	slow := client(steady(3, same))
	slow.RTT = rise(.0003, .005)
	varied := client(steady(3, same))
	varied.Jitter = rise(.0001, .003)
	both := slow
	both.Jitter = varied.Jitter
	resets := func(n uint64, r *diagnose.Rise) diagnose.Pair {
		p := client(steady(3, func(r *diagnose.Report) { r.ResetsReceived, r.Closed = n, 10 }))
		p.Resets = r
		return p
	}
	restart := func(rtt float64, sentAgain, exchanges uint64) diagnose.Pair {
		return client(steady(3, all(limited(diagnose.NetworkLimited, .5), func(r *diagnose.Report) {
			r.CongestionWindow, r.MinRTT, r.Retransmits[diagnose.RetransmitFast] = 10, rtt, sentAgain
			r.DataSegments, r.Exchanges = 200, exchanges
		})))
	}
	return []scenario{
		{"loss", resent(diagnose.RetransmitFast, 30, 0, 1000, 100), "tcp_retransmit_rise"},
		{"loss of requests of one segment", resent(diagnose.RetransmitTimeout, 30, 0, 1000, 1000), "tcp_retransmit_rise"},
		{"loss at the end of bursts", resent(diagnose.RetransmitTimeout, 30, 0, 1000, 50), "tcp_tail_loss"},
		{"sent again for nothing", needless(20, rise(.0003, .03)), "tcp_spurious_retransmit"},
		{"sent again for nothing, more often for loss", needless(10, rise(.0003, .03)), ""},
		{"sent again for nothing as always", needless(20, nil), ""},
		{"another order", disordered, "tcp_reordering"},
		{"loss as always", quiet, ""},
		{"round trips", slow, "tcp_rtt_rise"},
		{"jitter", varied, "tcp_jitter_rise"},
		{"jitter of longer round trips", both, "tcp_rtt_rise"},
		{"resets", resets(5, rise(.001, .5)), "tcp_reset_storm"},
		{"few resets", resets(3, rise(.001, .5)), ""},
		{"resets as always", resets(5, nil), ""},
		{"a small window on a long path", restart(.02, 0, 10), "tcp_window_restart"},
		{"a small window because of loss", restart(.02, 3, 10), ""},
		{"a small window on a short path", restart(.0002, 0, 10), ""},
		{"messages that fit into the first window", restart(.02, 0, 20), ""},
	}
}
