/* SPDX-License-Identifier: MIT */
/* A segment as an object: its life, its words, the memory it keeps. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "discover.h"
#include "private.h"

const struct segment_limits segment_limits_default = {
	.file_bytes_max = 4ull << 30,
	.memory_bytes_max = 64ull << 20,
	.rows_bytes_max = 1ull << 30,
	.series_max = 1u << 20,
	.string_bytes_max = 65536,
};

struct state_row {
	const char *word;
	const char *text;
};

static const struct state_row states[] = {
#define SEGMENT_STATE(name, word, text) {word, text},
#include "states.def"
#undef SEGMENT_STATE
};

struct refusal_row {
	const char *label;
	enum segment_state state;
	const char *text;
};

static const struct refusal_row refusals[] = {
#define SEGMENT_REFUSAL(name, label, state, text) {label, SEGMENT_##state, text},
#include "refusals.def"
#undef SEGMENT_REFUSAL
};

const char *segment_state_word(enum segment_state state)
{
	return states[state].word;
}

const char *segment_state_text(enum segment_state state)
{
	return states[state].text;
}

const char *segment_refusal_label(enum segment_refusal refusal)
{
	return refusals[refusal].label;
}

const char *segment_refusal_text(enum segment_refusal refusal)
{
	return refusals[refusal].text;
}

enum segment_state refusal_state(enum segment_refusal refusal)
{
	return refusals[refusal].state;
}

struct segment *segment_new(const char *name)
{
	struct segment *segment = calloc(1, sizeof(*segment));
	if (!segment)
		return NULL;
	segment->uid = (uid_t)-1;
	segment_name_valid(name, &segment->uid);
	segment->name = strdup(name);
	segment->private = calloc(1, sizeof(*segment->private));
	if (!segment->name || !segment->private) {
		free(segment->name);
		free(segment->private);
		free(segment);
		return NULL;
	}
	segment->private->read_at = pread;
	return segment;
}

void segment_free(struct segment *segment)
{
	if (!segment)
		return;
	if (segment->user_free)
		segment->user_free(segment->user);
	segment_forget(segment);
	free(segment->private);
	free(segment->name);
	free(segment);
}

/* Lets go of everything that was read: the name leads to another file now. */
void segment_forget(struct segment *segment)
{
	struct segment_private *private = segment->private;
	segment_read_at read_at = private->read_at;

	segment_drop_strings(segment);
	families_free(segment);
	free(segment->series);
	free(segment->processes);
	free(segment->service);
	free(segment->version);
	free(private->cells);
	free(private->gauges);
	free(private->merged);
	free(private->exemplar_slots);
	free(private->exemplars);
	segment->series = NULL;
	segment->series_count = 0;
	segment->processes = NULL;
	segment->process_count = 0;
	segment->service = NULL;
	segment->version = NULL;
	memset(private, 0, sizeof(*private));
	private->read_at = read_at;
}

void segment_drop_strings(struct segment *segment)
{
	struct segment_private *private = segment->private;

	labels_free(private);
	free(private->arena);
	free(private->strings);
	private->arena = NULL;
	private->strings = NULL;
	private->arena_len = 0;
	private->arena_walked = 0;
	private->want_strings = false;
}

void segment_want_strings(struct segment *segment)
{
	segment->private->want_strings = true;
}

size_t segment_memory_bytes(const struct segment *segment)
{
	const struct segment_private *private = segment->private;

	return sizeof(*segment) + sizeof(*private) + private->family_bytes + private->arena_len +
	       private->arena_len / 64 + private->series_capacity * sizeof(*segment->series) +
	       private->cell_capacity * sizeof(*private->cells) + private->gauge_capacity * sizeof(*private->gauges) +
	       private->process_capacity * sizeof(*segment->processes) +
	       private->merged_capacity * sizeof(*private->merged) +
	       private->exemplar_slot_capacity * sizeof(*private->exemplar_slots) +
	       private->exemplar_capacity * sizeof(*private->exemplars);
}
