/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* The parts of the kernel's types that we read, and no more. Offsets are
 * relocated when the programs are loaded (CO-RE), so a stub needs the names of
 * the fields, not their places.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "task.bpf.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded"
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
	TCP_BOUND_INACTIVE,
	TCP_STATES,
};

/* include/uapi/asm-generic/errno.h */
enum {
	EPIPE = 32,
	E2BIG = 7,
	EEXIST = 17,
	EADDRNOTAVAIL = 99,
	ENETUNREACH = 101,
	ECONNABORTED = 103,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
	ECONNREFUSED = 111,
	EHOSTUNREACH = 113,
};

/* include/net/sock.h: set once when the peer's FIN arrives (tcp_fin), and when
 * no process holds the socket any more (sock_orphan).
 */
enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,
};

/* include/net/dropreason-core.h */
enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_TCP_FLAGS,
	SKB_DROP_REASON_TCP_RFC7323_PAWS,
	SKB_DROP_REASON_TCP_RFC7323_TSECR,
	SKB_DROP_REASON_TCP_OVERWINDOW,
	SKB_DROP_REASON_TCP_LISTEN_OVERFLOW,
};

/* enum tcp_fastopen_client_fail in include/uapi/linux/tcp.h */
#define TFO_DATA_NOT_ACKED 2

/* Of a TCP header, and where they are in it. */
enum {
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	TCP_FLAGS_BYTE = 13,
};

struct rb_node {
	struct rb_node *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct sk_buff {
	struct rb_node rbnode; /* in flight */
	char cb[48];
	unsigned char *head;
	__u16 transport_header;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

/* pprev is NULL while the socket is in no hash table of connections. */
struct hlist_node {
	struct hlist_node **pprev;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	struct hlist_node skc_node;
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned int skc_hash;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned long skc_flags;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

/* The socket's lock: slock is held in softirq, owned is set in process context.
 * A real-time kernel's spinlock has no raw_lock.
 */
typedef struct {
	int counter;
} atomic_t;

struct qspinlock {
	atomic_t val;
};

struct raw_spinlock {
	struct qspinlock raw_lock;
};

struct spinlock {
	struct raw_spinlock rlock;
};

typedef struct {
	struct spinlock slock;
	int owned;
} socket_lock_t;

struct sk_buff_head {
	__u32 qlen;
};

/* include/net/tcp.h: what TCP keeps in sk_buff.cb. */
struct tcp_skb_cb {
	__u32 seq;
	__u8 sacked; /* bits of TCPCB_ */
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct sk_buff_head sk_receive_queue;
	struct rb_root tcp_rtx_queue; /* what is in flight, by sequence number */
	__u8 sk_shutdown;
	__u8 sk_userlocks : 4;
	int sk_err;
	int sk_err_soft;
	int sk_rcvbuf;
	int sk_sndbuf;
	__u16 sk_gso_type;
	__u16 sk_protocol;
	struct sock_cgroup_data sk_cgrp_data;
	atomic_t sk_drops; /* of a listener: requests */
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
};

/* include/linux/timer.h: pprev is NULL while the timer is not pending. */
struct timer_list {
	struct hlist_node entry;
};

/* include/net/request_sock.h: the timer sends the SYN-ACK again, and then counts that. */
struct request_sock {
	struct sock_common __req_common;
	__u8 num_timeout : 7;
	struct timer_list rsk_timer;
};

/* include/net/inet_connection_sock.h */
enum {
	ICSK_TIME_LOSS_PROBE = 5,
};

/* include/net/tcp.h */
enum tcp_ca_state {
	TCP_CA_Open,
	TCP_CA_Disorder,
	TCP_CA_CWR,
	TCP_CA_Recovery,
	TCP_CA_Loss,
};

/* include/net/inet_sock.h: the port stays after the socket has given it back. */
struct inet_sock {
	__be16 inet_sport;
};

struct request_sock_queue {
	u8 rskq_defer_accept;
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	__u8 icsk_ca_state : 5;
	__u8 icsk_retransmits;
	__u8 icsk_pending;
	__u8 icsk_backoff;
	void *icsk_ulp_data;
	struct {
		__u32 lrcvtime;
	} icsk_ack;
};

/* net/mptcp/protocol.h: an application that speaks Multipath TCP holds conn; subflows
 * are TCP sockets that nobody holds.
 */
struct mptcp_subflow_context {
	struct sock *conn;
};

struct minmax_sample {
	__u32 v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_options_received {
	__u16 tstamp_ok : 1;
	__u16 wscale_ok : 1;
	__u16 snd_wscale : 4;
	__u16 rcv_wscale : 4;
};

struct tcp_rack {
	__u32 rtt_us;
};

/* include/linux/tcp.h: the totals that we fold, and what is sampled with a
 * round trip. Its first member is, by way of inet_connection_sock, a sock.
 */
struct tcp_sock {
	__u32 undo_marker;
	__u32 high_seq; /* snd_nxt when congestion was met last; F-RTO moves it */
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 segs_out;
	__u32 segs_in;
	__u32 data_segs_out;
	__u32 data_segs_in;
	__u32 total_retrans;
	__u32 srtt_us; /* eighths of a microsecond */
	__u32 mdev_us; /* quarters of a microsecond */
	__u32 rtt_seq; /* what is acknowledged beyond it ends a round trip */
	__u32 rcv_wnd;
	__u32 snd_wnd;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 write_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 snd_sml; /* end of the last segment that was smaller than the MSS */
	__u32 mss_cache;
	__u32 max_window; /* of the peer; stays when the connection ends */
	__u32 packets_out;
	__u32 snd_cwnd;
	__u32 lsndtime; /* jiffies */
	__u32 dsack_dups;
	__u32 rcv_ooopack;
	__u32 rate_delivered;
	__u32 rate_interval_us;
	__u32 chrono_start; /* jiffies */
	__u32 chrono_stat[3];
	__u8 chrono_type : 2;
	__u8 nonagle : 4;
	__u8 fastopen_client_fail : 2;
	struct minmax rtt_min;
	struct tcp_options_received rx_opt;
	__u64 tcp_mstamp; /* CLOCK_MONOTONIC, microseconds */
	struct tcp_rack rack;
	__u8 bpf_sock_ops_cb_flags;
	bool is_mptcp;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct socket {
	struct sock *sk;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop
#pragma clang diagnostic pop
