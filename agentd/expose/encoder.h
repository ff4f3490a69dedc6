/* SPDX-License-Identifier: MIT */
/* What the encoders of all formats share: the answer that is being made, and the walk over a family's samples. */
#ifndef AGENTD_EXPOSE_ENCODER_H
#define AGENTD_EXPOSE_ENCODER_H

#include "format.h"
#include "output.h"

#define BATCH_SAMPLES 64u

struct encoding {
	const struct snapshot *snapshot;
	const struct format_options *options;
	struct output output;
};

/* An encoder: writes a family that has at least one sample for this answer. False when out of memory. Cost: text.h;
 * OpenMetrics some 5 ns a series more, protobuf some 35 ns a series of three labels. */
typedef bool encoder_family(struct encoding *encoding, const struct snapshot_family *family);

encoder_family text_family_write;
encoder_family openmetrics_family_write;
encoder_family openmetrics2_family_write;
encoder_family protobuf_family_write;

/* The samples of a family that are part of the answer, a batch at a time. */
struct sample_walk {
	const struct encoding *encoding;
	size_t next;
	size_t end;
	size_t count; /* of this batch */
	struct snapshot_sample samples[BATCH_SAMPLES];
};

void sample_walk_init(struct sample_walk *walk, const struct encoding *encoding, const struct snapshot_family *family);
/* Fetches the next batch, of at least one sample; false at the end. */
bool sample_walk_next(struct sample_walk *walk);

/* Whether a family has any sample in the answer. */
bool family_exposed(const struct encoding *encoding, const struct snapshot_family *family);

/* Whether a family's unit may be told: Prometheus refuses a page where it does not end the name, and infos and state
 * sets must have none. */
bool family_unit_fit(const struct snapshot_family *family);

double number_as_f64(struct number number);

/* The sum of a histogram or summary as it is exposed. */
struct number composite_sum(const struct composite *value);

/* The number of observations in a value of buckets. Where it has both kinds, they may differ by observations that were
 * under way when they were read: the text formats count the classic ones, the others the native ones. */
uint64_t composite_classic_count(const struct composite *value);
uint64_t composite_native_count(const struct composite *value);

#endif
