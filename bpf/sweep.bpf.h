/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* One visit of each tracked socket, of every network namespace. */
#pragma once

#include "census.bpf.h"
#include "close.bpf.h"
#include "fold.bpf.h"
#include "gauge.bpf.h"
#include "heir.bpf.h"
#include "listen.bpf.h"
#include "open.bpf.h"

/* The iterator holds the RCU read lock until it has output: this many sockets
 * later it lets go of the CPU.
 */
#define SWEEP_STRETCH 512

/* Over open files none is held, but a stretch takes as long as a call takes. */
#define FILES_STRETCH 128

static __always_inline bool passed_over(const struct conn *c, struct control now)
{
	if ((s32)(c->visited - now.previous) >= 0)
		return false;
	return c->live < LIVE_DEFERRED || (now.sweep - c->live) % LIVE_DEFERRED > 1;
}

/* A sweep that resumes may come twice, or pass sockets over, as many as are gone
 * meanwhile: then user space sends it round again under the same number. What is
 * passed over all the same is told here; it changes no count, only gauges.
 */
static __always_inline bool first_visit(struct conn *c, struct progress *p, struct control now)
{
	if ((s32)(c->visited - now.started) >= 0)
		return false;
	p->skipped += passed_over(c, now);
	return true;
}

static __always_inline void check_callbacks(struct conn *c, struct tcp_sock *tp, struct progress *p)
{
	if ((tp->bpf_sock_ops_cb_flags & CALLBACKS) == CALLBACKS) {
		if (c->cleared == CALLBACKS_NEVER)
			c->cleared = CALLBACKS_ON;
		return;
	}
	p->muted++;
	if (c->cleared == CALLBACKS_NEVER) {
		p->predates++;
		return;
	}
	p->cleared += c->cleared == CALLBACKS_ON;
	c->cleared = CALLBACKS_CLEARED;
}

/* Without callbacks the last round trip is all there is, if there was another one: each
 * moves rtt_seq, where it would have been called back. No retransmission is called back
 * either: what remembers their episode is free.
 */
static __noinline int adopted_sample(struct conn *c, struct tcp_sock *tp)
{
	struct sample s = {};

	if (!c || !tp || c->episode == tp->rtt_seq)
		return 0;
	s.rtt = tp->rack.rtt_us;
	s.rtt_variation = tp->mdev_us >> 2;
	s.receive_window = tp->rcv_wnd;
	s.send_window = tp->snd_wnd;
	c->episode = tp->rtt_seq;
	c->sampled = 1;
	if (s.rtt && pending_take(c)) { /* nobody else's: nothing is called back */
		pending_add(&c->pending, &s, false);
		pending_give(c);
	}
	return 0;
}

/* Who is deferred has not been visited: whoever closes it asks for no live by then. */
static __always_inline void conn_defer(struct conn *c, u64 since, u32 sweep)
{
	bpf_spin_lock(&c->lock);
	if (c->kind == CONN_OPEN && c->since == since)
		c->live = LIVE_DEFERRED + sweep % LIVE_DEFERRED;
	bpf_spin_unlock(&c->lock);
}

static __noinline int conn_sweep(struct conn *c, struct tcp_sock *tp, struct progress *p)
{
	struct control now = current_control();
	u32 receive, send, receive_bucket, send_bucket, setup_in;
	struct totals t = {};
	struct delta d = {};
	struct look l = {};
	struct flow *f;
	u64 since;
	bool open, fresh, taken;

	if (!c || !tp || !p)
		return 0;
	since = c->since;
	totals_read(&t, tp, p->locked);
	if ((s32)(t.now - now.started) < 0)
		t.now = now.started;
	look_at(&l, c, tp);
	receive = tp->rcv_wnd;
	receive_bucket = window_bucket(receive);
	send = tp->snd_wnd;
	send_bucket = window_bucket(send);
	f = conn_flow(c, now.epoch, false);
	if (!f) {
		conn_defer(c, since, now.sweep);
		p->deferred++;
		return 0;
	}
	p->open++;
	bpf_spin_lock(&c->lock);
	/* Else it is closed, or the socket has begun another connection meanwhile. */
	open = c->kind == CONN_OPEN && c->since == since;
	if (open) {
		claim(&d, c, &t);
		c->live = l.state;
	}
	fresh = forget(open && !c->sampled && 1 << l.state & OPEN_STATES);
	open = forget(open);
	if (open)
		c->sampled = 0;
	bpf_spin_unlock(&c->lock);
	p->met += open;
	setup_in = setup_bucket(d.setup);
	taken = forget(open && pending_take(c));
	bpf_spin_lock(&f->lock);
	flow_add(f, &d, c);
	if (open)
		gauges_add(&f->now, now.sweep, &l);
	if (d.setup)
		span_add(&f->setup, setup_in, d.setup);
	if (taken)
		pending_flush(f, &c->pending);
	if (fresh) {
		window_add(&f->receive_window, receive_bucket, 1);
		window_add(&f->send_window, send_bucket, 1);
		f->receive_window.sum += receive;
		f->send_window.sum += send;
	}
	bpf_spin_unlock(&f->lock);
	if (taken)
		pending_give(c);
	return 0;
}

/* Its owner's name is needed as long as it has children. */
static __noinline int listener_sweep(struct sock *sk, struct progress *p)
{
	struct control now = current_control();
	struct conn *c;
	struct owner *o;

	if (!p || sk->__sk_common.skc_state != TCP_LISTEN)
		return 0; /* the clone in a child that is not established yet */
	c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	if (!c)
		return 0;
	if ((s32)(c->visited - now.started) >= 0)
		return 0;
	c->visited = now.started;
	p->listeners++;
	listener_inherit(c, sk);
	o = bpf_map_lookup_elem(&owners, &c->key.owner);
	if (o)
		o->seen = now.sweep;
	listener_fold(c, sk, now);
	return 0;
}

/* A process may hold a closed socket for long. */
static __always_inline bool closed_unseen(struct sock *sk, struct tcp_sock *tp)
{
	return sk->__sk_common.skc_state == TCP_CLOSE &&
	       !(tp->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_STATE_CB_FLAG);
}

static __always_inline void open_sweep(struct sock *sk, struct progress *p, struct control now)
{
	struct conn *c = bpf_sk_storage_get(&conns, sk, NULL, 0);
	struct tcp_sock *tp = tcp_sock_of(sk);

	if (!c || !tp || !first_visit(c, p, now))
		return;
	if (closed_unseen(sk, tp)) {
		conn_close(c, tp, TCP_CLOSE);
		return;
	}
	check_callbacks(c, tp, p);
	if (c->cleared == CALLBACKS_NEVER)
		adopted_sample(c, tp);
	conn_sweep(c, tp, p);
}

static __always_inline struct progress *current_progress(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&progress, &zero);
}

static __always_inline void sweep_kind(struct sock *sk, u8 kind, struct progress *p)
{
	if (kind == CONN_OPEN)
		open_sweep(sk, p, current_control());
	else if (kind == CONN_LISTENER)
		listener_sweep(sk, p);
}

static __always_inline void on_sweep(struct seq_file *seq, struct sock *sk, const struct conn *seen)
{
	struct progress *p = current_progress();

	if (!p)
		return;
	if (++p->visited % SWEEP_STRETCH == 0)
		bpf_seq_write(seq, &p->visited, sizeof(p->visited));
	sweep_kind(sk, seen->kind, p);
}

/* Where the kernel has no iterator over records: a socket found in another way, perhaps
 * several times, perhaps without a record.
 */
static __always_inline void on_met(struct sock *sk, struct progress *p, bool locked)
{
	struct conn *c = bpf_sk_storage_get(&conns, sk, NULL, 0);

	if (!c)
		return;
	p->visited++;
	p->locked = locked;
	sweep_kind(sk, c->kind, p);
}

static __always_inline void on_held(struct seq_file *seq, struct sock *sk)
{
	struct progress *p = current_progress();
	u64 before;

	if (!p)
		return;
	before = p->visited;
	on_met(sk, p, false);
	if (p->visited != before && p->visited % FILES_STRETCH == 0)
		bpf_seq_write(seq, &p->visited, sizeof(p->visited));
}

/* Each listener ends a stretch: who knows how many there are need not wait for the rest. */
static __always_inline void on_unheld(struct seq_file *seq, struct sock *sk)
{
	struct progress *p = current_progress();
	u64 before;

	if (!p)
		return;
	before = p->listeners;
	on_met(sk, p, true);
	if (p->listeners != before)
		bpf_seq_write(seq, &p->listeners, sizeof(p->listeners));
}
