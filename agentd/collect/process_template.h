/* SPDX-License-Identifier: MIT */
/* Name templates: text with {{.Comm}} and the like. Of the template language there are the words of
 * process_template.def, {{.Matches.NAME}}, {{index .Matches "NAME"}}, {{index .Cgroups N}}, and the marks "-" that trim
 * blanks ({{- .Comm -}}). Everything else is an error, so that no group gets a name that was not meant.
 */
#ifndef AGENTD_COLLECT_PROCESS_TEMPLATE_H
#define AGENTD_COLLECT_PROCESS_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum process_word {
#define PROCESS_WORD(word, name) PROCESS_WORD_##name,
#include "process_template.def"
	PROCESS_WORD_COUNT
};

/* One named group of a cmdline expression that matched. */
struct process_match {
	const char *name;
	const char *value;
	size_t len;
};
#define PROCESS_MATCHES_MAX 32

/* What is known of a process when it is named. */
struct process_identity {
	uint32_t pid;
	uint32_t uid;
	double start_seconds;
	const char *comm;
	const char *cmdline;  /* arguments joined by blanks; "": none */
	const char *exe;      /* the first argument; "": none */
	const char *username; /* may be NULL where no template asks */
	char *const *cgroups; /* NULL-terminated; may be NULL where no template asks */
	struct process_match matches[PROCESS_MATCHES_MAX];
	size_t match_count;
};

struct process_template;

/* Understands a template. 0, -ENOMEM, or -EINVAL with a sentence in `why`. */
int process_template_new(const char *text, struct process_template **template, char *why, size_t why_size);
void process_template_free(struct process_template *template); /* NULL is fine */

bool process_template_uses(const struct process_template *template, enum process_word word);

/* Writes the name, cut to size - 1 bytes. What is not there is empty. */
void process_template_write(const struct process_template *template, const struct process_identity *identity,
			    char *name, size_t size);

#endif
