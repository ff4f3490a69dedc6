/* SPDX-License-Identifier: MIT */
/* Counters of the network protocols: /proc/net/netstat, snmp and snmp6. */
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "host_choice.h"

/* A line of names, "Tcp: RtoAlgorithm RtoMin ...", and the fields of it that are told. Such a line stays the same as
 * long as the kernel runs: it is compared as a whole, and only the values that count are parsed. */
struct netstat_field {
	size_t skip; /* values between the one before and this one */
	size_t name; /* where its name lies in `names` */
};
struct netstat_line {
	char *names; /* the words are ended by NULs, see `text` for the line as it was */
	char *text;
	size_t len;
	struct netstat_field *fields;
	size_t count;
};
#define LINES_MAX 32u /* netstat and snmp have some ten together */

struct netstat_state {
	struct host_pattern *fields;
	struct netstat_line lines[LINES_MAX];
	size_t next;
	struct choice snmp6;
};

static const char *key_make(char *name, size_t size, const char *protocol, const char *field)
{
	return host_print(name, size, "node_netstat_%s_%s", protocol, field) + strlen("node_netstat_");
}

static void field_sample(struct host *host, const char *protocol, const char *field, double value)
{
	char name[160];
	key_make(name, sizeof(name), protocol, field);
	const struct host_family family = {.name = name, .help = "Statistic %s%s.", .help_words = {protocol, field}};
	host_f64(host, &family, value);
}

static bool field_wanted(const struct netstat_state *state, const char *protocol, const char *field)
{
	char name[160];
	return strlen(protocol) + strlen(field) + sizeof("node_netstat__") <= sizeof(name) &&
	       host_pattern_match(state->fields, key_make(name, sizeof(name), protocol, field));
}

/* ---- pairs of lines: "Tcp: names", "Tcp: values" ---------------------------------------------------------------- */

static void line_forget(struct netstat_line *line)
{
	free(line->names);
	free(line->text);
	free(line->fields);
	*line = (struct netstat_line){.names = NULL};
}

/* The names behind the protocol's; false when out of memory. */
static bool line_choose(const struct netstat_state *state, struct netstat_line *line, const char *protocol,
			struct text names)
{
	const char *begin = names.at, *field;
	size_t skip = 0, capacity = 0;
	for (; (field = text_word(&names)); skip++) {
		if (!field_wanted(state, protocol, field))
			continue;
		if (line->count == capacity) {
			capacity = capacity ? 2 * capacity : 8;
			struct netstat_field *fields = reallocarray(line->fields, capacity, sizeof(*fields));
			if (!fields)
				return false;
			line->fields = fields;
		}
		line->fields[line->count++] = (struct netstat_field){skip, (size_t)(field - begin)};
		skip = SIZE_MAX; /* the loop's step makes it 0 */
	}
	return true;
}

/* What is told of a line of names: as it was if it is the same as before. NULL when out of memory. */
static const struct netstat_line *line_of(struct netstat_state *state, const char *protocol, const struct text *names)
{
	struct netstat_line *line = &state->lines[state->next++ % LINES_MAX];
	const size_t protocol_len = strlen(protocol) + 1, len = (size_t)(names->end - names->at);
	if (line->text && line->len == protocol_len + len && !memcmp(line->text, protocol, protocol_len) &&
	    !memcmp(line->text + protocol_len, names->at, len))
		return line;
	line_forget(line);
	line->len = protocol_len + len;
	line->text = malloc(line->len + 1);
	line->names = malloc(len + 1);
	if (line->text && line->names) {
		memcpy(line->text, protocol, protocol_len);
		memcpy(line->text + protocol_len, names->at, len);
		memcpy(line->names, names->at, len);
		if (line_choose(state, line, protocol, (struct text){line->names, line->names + len}))
			return line;
	}
	line_forget(line);
	return NULL;
}

static void pairs_sample(struct host *host, struct text *text)
{
	struct text names, values;
	while (text_line(text, &names)) {
		const char *protocol = text_until(&names, ':');
		const char *other = text_line(text, &values) ? text_until(&values, ':') : NULL;
		const bool same = protocol && other && !strcmp(protocol, other);
		const struct netstat_line *line = same ? line_of(host->state, protocol, &names) : NULL;
		if (!line) {
			host_skip(host);
			return;
		}
		for (size_t i = 0; i < line->count; i++) {
			double value;
			if (!text_skip_words(&values, line->fields[i].skip)) {
				host_skip(host); /* fewer values than names */
				break;
			}
			if (!text_f64(&values, &value)) {
				host_skip(host);
				text_skip_words(&values, 1);
				continue;
			}
			field_sample(host, protocol, line->names + line->fields[i].name, value);
		}
	}
}

/* ---- lines: "Ip6InReceives   7" --------------------------------------------------------------------------------- */

/* The protocol ends with the "6". False where the name is no such name. */
static bool snmp6_split(const char *word, char *protocol, size_t size, const char **field)
{
	const char *six = strchr(word, '6');
	const size_t len = six ? (size_t)(six - word) + 1 : size;
	if (len >= size || !six[1])
		return false;
	memcpy(protocol, word, len);
	protocol[len] = '\0';
	*field = six + 1;
	return true;
}

static bool snmp6_wanted(struct host *host, const char *word)
{
	struct netstat_state *state = host->state;
	char protocol[64];
	const char *field;
	enum choice_verdict verdict = choice_next(&state->snmp6, word);
	if (verdict != CHOICE_UNKNOWN)
		return verdict == CHOICE_TAKEN;
	if (!snmp6_split(word, protocol, sizeof(protocol), &field)) {
		if (strchr(word, '6'))
			host_skip(host);
		return false;
	}
	const bool wanted = field_wanted(state, protocol, field);
	choice_note(&state->snmp6, word, wanted);
	return wanted;
}

static void snmp6_sample(struct host *host, struct text *text)
{
	struct netstat_state *state = host->state;
	struct text line;
	choice_begin(&state->snmp6);
	while (text_line(text, &line)) {
		char protocol[64];
		double value;
		const char *word = text_word(&line), *field;
		if (!word || !snmp6_wanted(host, word) || !snmp6_split(word, protocol, sizeof(protocol), &field))
			continue;
		if (text_f64(&line, &value))
			field_sample(host, protocol, field, value);
		else
			host_skip(host);
	}
}

/* ---- the collector ---------------------------------------------------------------------------------------------- */

static int netstat_open(struct host *host)
{
	struct netstat_state *state = calloc(1, sizeof(*state));
	char why[256];
	if (!state)
		return -ENOMEM;
	int r = host_pattern_new(host->options->netstat_fields, &state->fields, why, sizeof(why));
	if (r)
		free(state);
	else
		host->state = state;
	return r;
}

static void netstat_close(struct host *host)
{
	struct netstat_state *state = host->state;
	for (size_t i = 0; i < LINES_MAX; i++)
		line_forget(&state->lines[i]);
	choice_fini(&state->snmp6);
	host_pattern_free(state->fields);
	free(state);
}

static int netstat_collect(struct host *host)
{
	struct netstat_state *state = host->state;
	struct text text;
	state->next = 0;
	int r = host_read(host, HOST_PROC, "net/netstat", &text);
	if (r)
		return r;
	pairs_sample(host, &text);
	r = host_read(host, HOST_PROC, "net/snmp", &text);
	if (r)
		return r;
	pairs_sample(host, &text);
	/* Not there where IPv6 is disabled. */
	if (!host_read(host, HOST_PROC, "net/snmp6", &text))
		snmp6_sample(host, &text);
	return 0;
}

const struct host_ops host_netstat = {.collect = netstat_collect, .open = netstat_open, .close = netstat_close};
