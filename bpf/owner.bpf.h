/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Copyright The tcpwhy Authors */

/* Who a process is, read while it is surely alive. */
#pragma once

#include "compat.bpf.h"
#include "glob.bpf.h"
#include "hash.bpf.h"
#include "knobs.bpf.h"
#include "maps.bpf.h"

/* The node of a controller's cgroup; NULL for the root, which names nothing. */
static __always_inline struct kernfs_node *controller_node(struct task_struct *task, int controller)
{
	struct kernfs_node *kn = task->cgroups->subsys[controller]->cgroup->kn;

	return kernfs_parent(kn) ? kn : NULL;
}

/* The memory controller's cgroup, else that of pids, else the v2 one: on hybrid
 * hosts containers stand in the v1 hierarchies and the v2 path says nothing.
 */
static __always_inline struct kernfs_node *cgroup_node(struct task_struct *task)
{
	struct kernfs_node *kn = NULL;

	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		kn = controller_node(task,
				     bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
	if (!kn && bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
		kn = controller_node(task,
				     bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
	return kn ? kn : task->cgroups->dfl_cgrp->kn;
}

static __always_inline void read_executable(struct task_struct *task, struct owner *o)
{
	struct file *exe = task->mm->exe_file;

	if (exe)
		bpf_probe_read_kernel_str(o->exe, sizeof(o->exe), exe->f_path.dentry->d_name.name);
	else /* a kernel thread */
		bpf_probe_read_kernel_str(o->exe, sizeof(o->exe), task->comm);
}

static __always_inline void read_cgroups(struct task_struct *task, struct owner *o)
{
	struct kernfs_node *kn = cgroup_node(task);

#pragma unroll
	for (int i = 0; i < CGROUP_LEVELS; i++) {
		if (!kn)
			return;
		bpf_probe_read_kernel_str(o->cgroup[i], CGROUP_NAME_LEN, kn->name);
		kn = kernfs_parent(kn);
	}
}

/* In granularity "peer" processes of one executable in one cgroup are one. */
static __noinline u64 owner_group(struct task_struct *task)
{
	u64 words[2 + EXE_LEN / 8] = {};
	struct file *exe = task->mm->exe_file;

	words[0] = cgroup_node(task)->id;
	if (exe)
		bpf_probe_read_kernel_str(&words[2], EXE_LEN, exe->f_path.dentry->d_name.name);
	return hash_words(words, 2 + EXE_LEN / 8) | 1;
}

static __always_inline struct owner_key owner_key_of(struct task_struct *task)
{
	struct owner_key key = {};

	if (granularity == GRANULARITY_PEER) {
		u64 group = owner_group(task);

		key.start = group >> 32;
		key.program = (u32)group << PID_BITS;
		return key;
	}
	key.start = task->group_leader->start_boottime >> START_SHIFT;
	key.program = task->tgid | (u32)task->group_leader->self_exec_id << PID_BITS;
	return key;
}

/* The process, whose name is recorded the first time it is seen. A thread that
 * finds another one at it does the same once more: the record is complete when the
 * first of its connections is judged by it.
 */
static __always_inline struct owner_key owner_of(struct task_struct *task)
{
	struct owner_key key = owner_key_of(task);
	struct owner *o = bpf_map_lookup_elem(&owners, &key);
	u32 sweep = current_control().sweep;

	if (o && o->ready) {
		o->seen = sweep;
		return key;
	}
	if (!o) {
		bpf_map_update_elem(&owners, &key, &no_owner, BPF_NOEXIST);
		o = bpf_map_lookup_elem(&owners, &key);
		if (!o) {
			count(STAT_OWNER_FULL);
			return key;
		}
	}
	read_executable(task, o);
	read_cgroups(task, o);
	match_globs(o);
	o->seen = sweep;
	o->ready = 1;
	return key;
}
