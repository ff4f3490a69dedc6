/* SPDX-License-Identifier: MIT */
/* Names processes by rules: reads of each what the rules ask for, and no more. */
#ifndef AGENTD_COLLECT_PROCESS_NAMING_H
#define AGENTD_COLLECT_PROCESS_NAMING_H

#include "process_exits.h"
#include "process_rules.h"
#include "process_table.h"

struct process_naming {
	struct process_rules *rules;
	const char *rootfs; /* whose etc/passwd has the user names */
	bool arguments;     /* whether rules ask for these */
	bool username;
	bool cgroups;
};

/* `rules` are taken over; the path must outlive it. */
void process_naming_init(struct process_naming *naming, struct process_rules *rules, const char *rootfs);
void process_naming_fini(struct process_naming *naming);

/* The name of the group that a process belongs to by itself; false when no rule matches. One thread at a time. */
bool process_naming_name(struct process_naming *naming, const struct process_files *files,
			 const struct process *process, char *name, size_t size);
/* The same of one that has ended, which is known by its command, its user and perhaps its arguments. */
bool process_naming_name_exit(struct process_naming *naming, const struct process_exit *exit, char *name, size_t size);

#endif
