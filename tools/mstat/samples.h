/* SPDX-License-Identifier: MIT */
/* Series with their values, as the commands print them: taken from a snapshot (merged) or from single segments. */
#ifndef MSTAT_TOOL_SAMPLES_H
#define MSTAT_TOOL_SAMPLES_H

#include <jansson.h>

#include "distribution.h"
#include "inspection.h"
#include "match.h"
#include "snapshot/snapshot.h"

struct sample {
	char *file; /* of the segment, or NULL: merged */
	char *text; /* name{label="value"} */
	char *name;
	struct label *labels;
	size_t label_count;
	enum metric_type type;
	struct number number;              /* of histograms and summaries: the count */
	struct distribution *distribution; /* of histograms and summaries, else NULL */
};

/* In ascending order of text, then of file. A state set is a sample for each state, 1 or 0. */
struct sample_list {
	struct sample *items;
	size_t count;
	size_t capacity;
};

/* Appends what the query selects, and sorts. */
void samples_from_snapshot(struct sample_list *list, const struct snapshot *snapshot, const struct query *query);
void samples_from_segments(struct sample_list *list, const struct inspection *inspection, const struct query *query);
void samples_free(struct sample_list *list);

/* For rates: the nearest double. */
double number_double(struct number number);

/* "counter", "gauge", "histogram" ... "unknown". */
const char *metric_type_word(enum metric_type type);

/* Whether a value that goes down has begun anew. */
bool metric_type_grows(enum metric_type type);

/* The sample as an object: name, labels, type, value (or what distribution_json() sets), and the file if there is one.
 */
json_t *sample_json(const struct sample *sample);

/* The number as the exposition prints it. */
struct number_text {
	char text[32 + 1];
};
struct number_text number_text(struct number number);

#endif
