/* SPDX-License-Identifier: MIT */
/* Virtual memory statistics: /proc/vmstat. */
#include <stdlib.h>

#include "host.h"
#include "host_choice.h"

struct vmstat_state {
	struct host_pattern *fields;
	struct choice choice;
};

static int vmstat_open(struct host *host)
{
	struct vmstat_state *state = calloc(1, sizeof(*state));
	char why[256];
	if (!state)
		return -ENOMEM;
	int r = host_pattern_new(host->options->vmstat_fields, &state->fields, why, sizeof(why));
	if (r)
		free(state);
	else
		host->state = state;
	return r;
}

static void vmstat_close(struct host *host)
{
	struct vmstat_state *state = host->state;
	host_pattern_free(state->fields);
	choice_fini(&state->choice);
	free(state);
}

static bool field_taken(struct vmstat_state *state, const char *field)
{
	enum choice_verdict verdict = choice_next(&state->choice, field);
	if (verdict != CHOICE_UNKNOWN)
		return verdict == CHOICE_TAKEN;
	bool taken = host_pattern_match(state->fields, field);
	choice_note(&state->choice, field, taken);
	return taken;
}

static int vmstat_collect(struct host *host)
{
	struct vmstat_state *state = host->state;
	struct text text, line;
	char name[128];
	int r = host_read(host, HOST_PROC, "vmstat", &text);
	if (r)
		return r;
	choice_begin(&state->choice);
	while (text_line(&text, &line)) {
		const char *field = text_word(&line);
		double value;
		if (field && !field_taken(state, field))
			continue;
		if (!field || !text_f64(&line, &value)) {
			host_skip(host);
			continue;
		}
		const struct host_family family = {.name = host_format(name, "node_vmstat_%s", field),
						   .help = "/proc/vmstat information field %s.",
						   .help_words = {field}};
		host_f64(host, &family, value);
	}
	return 0;
}

const struct host_ops host_vmstat = {.collect = vmstat_collect, .open = vmstat_open, .close = vmstat_close};
