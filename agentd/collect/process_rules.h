/* SPDX-License-Identifier: MIT */
/* Which process belongs to which group: the rules of process-exporter's process_names, of which the first that matches
 * gives the name.
 *
 *     process_names:
 *       - name: "{{.Comm}}"       # a template (process_template.h); default {{.ExeBase}}
 *         comm: [bash, sshd]      # one of these is the command, as the kernel cuts it to 15 bytes
 *         exe: [postgres, /usr/sbin/nginx]   # one of these is the first argument, or its last part
 *         cmdline: ['-jar (?P<Jar>\S+)']     # each of these is found in the arguments, joined by blanks
 *
 * All kinds that a rule has must match; it has one at least. Expressions are PCRE2's (see host_pattern.h).
 */
#ifndef AGENTD_COLLECT_PROCESS_RULES_H
#define AGENTD_COLLECT_PROCESS_RULES_H

#include "process_template.h"

#define PROCESS_NAME_BYTES 512

struct process_rules;

/* Reads the rules of a file; "" and NULL: all that have a command line, by {{.Comm}}. 0, -ENOMEM, or -EINVAL and -errno
 * with a malloc'ed message that names FILE:LINE and the remedy in *error (NULL when memory is short). */
int process_rules_load(const char *path, struct process_rules **rules, char **error);
void process_rules_free(struct process_rules *rules); /* NULL is fine */

/* What naming needs to know beyond the command: so that nothing else need be read. */
bool process_rules_use_arguments(const struct process_rules *rules);
bool process_rules_use(const struct process_rules *rules, enum process_word word);

/* The name of a process (its matches are filled in), cut to size - 1 bytes; false when no rule matches. One thread at a
 * time. Cost: some 100 ns and the expressions. */
bool process_rules_name(struct process_rules *rules, struct process_identity *identity, char *name, size_t size);

/* ---- for the reader of the file --------------------------------------------------------------------------------- */

enum process_rule_kind { PROCESS_RULE_COMM, PROCESS_RULE_EXE, PROCESS_RULE_CMDLINE, PROCESS_RULE_KIND_COUNT };

struct process_rules *process_rules_new(void);
struct process_rule;
/* A rule without a name and without kinds, at the end of the rules; NULL when out of memory. */
struct process_rule *process_rules_append(struct process_rules *rules);
/* 0, -ENOMEM, or -EINVAL with a sentence in `why`. */
int process_rule_set_name(struct process_rule *rule, const char *text, char *why, size_t why_size);
int process_rule_add(struct process_rule *rule, enum process_rule_kind kind, const char *text, char *why,
		     size_t why_size);
/* Completes a rule: -EINVAL where it matches nothing. */
int process_rule_end(struct process_rule *rule, char *why, size_t why_size);

#endif
