// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// words say what a type of problem is.
var words = map[string]string{
	"tcp_retransmit_rise":       "TCP retransmissions rose",
	"tcp_tail_loss":             "Ends of bursts are lost",
	"tcp_spurious_retransmit":   "Segments are sent again for nothing",
	"tcp_reordering":            "Segments arrive in another order",
	"tcp_rtt_rise":              "Round trips take longer",
	"tcp_jitter_rise":           "Jitter rose",
	"tcp_nagle_delayed_ack":     "Small writes wait for delayed acknowledgements",
	"tcp_receive_buffer_locked": "The receive buffer is set too small",
	"tcp_window_scale_zero":     "The receive window can never grow",
	"tcp_zero_window":           "The receiver reads too slowly",
	"tcp_send_buffer_limited":   "The send buffer is too small",
	"tcp_accept_overflow":       "The accept queue is full",
	"tcp_syn_retransmit":        "Handshakes are repeated",
	"tcp_connect_refused":       "Connections are refused",
	"tcp_connect_timeout":       "No connection comes about",
	"tcp_reset_storm":           "Connections are reset",
	"tcp_idle_drop":             "Idle connections are forgotten on the way",
	"tcp_pmtu_blackhole":        "Large segments vanish",
	"tcp_port_exhaustion":       "The client has no local port left",
	"tcp_short_connections":     "Each request opens a connection",
	"tcp_window_restart":        "Transfers begin with a small window again and again",
	"tcp_host_drop":             "A host drops segments",
	"tcp_incast":                "Many answers arrive at once",
}

// title is what a person reads first: what, where, and the numbers.
func title(f *problem.Finding, evidence string) string {
	what := words[f.Type]
	if what == "" {
		what = f.Type
	}
	where := f.Root.Place.String()
	if f.Node.Name != "" {
		where = f.Node.Name
	}
	if f.Remote.Name != "" {
		where += " → " + f.Remote.Name
	}
	return what + ", " + where + ": " + evidence
}
