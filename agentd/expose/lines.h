/* SPDX-License-Identifier: MIT */
/* The lines of one sample, as text 0.0.4 and OpenMetrics 1.0 share them.
 *
 * The line_ functions write to `out`, where the caller has reserved LINE_FIXED_BYTES on top of the sample's text. The
 * lines_ functions reserve for themselves and return false when out of memory.
 */
#ifndef AGENTD_EXPOSE_LINES_H
#define AGENTD_EXPOSE_LINES_H

#include <string.h>

#include "encoder.h"
#include "exemplars.h"
#include "snapshot/number.h"

/* A suffix, one label more with a number as its value, a number, a time, blanks and the line feed. */
#define LINE_FIXED_BYTES 128u
#define EXEMPLAR_FIXED_BYTES 96u /* beside its labels: " # {", "} ", value, time */

static inline struct number number_u64(uint64_t value)
{
	return (struct number){.type = NUMBER_U64, .u64 = value};
}

static inline struct number number_f64(double value)
{
	return (struct number){.type = NUMBER_F64, .f64 = value};
}

/* The prepared bytes of a sample of one number, a blank and the number; no line feed. */
static inline char *line_sample(char *out, const struct snapshot_sample *sample)
{
	out = mempcpy(out, sample->text, sample->text_len);
	*out++ = ' ';
	return out + number_format(sample->number, out);
}

/* The name with a suffix, and the labels. */
static inline char *line_name(char *out, const struct snapshot_sample *sample, const char *suffix)
{
	out = stpcpy(mempcpy(out, sample->text, sample->name_len), suffix);
	return mempcpy(out, sample->text + sample->name_len, sample->text_len - sample->name_len);
}

/* A whole line: name with a suffix, labels, number. */
char *line_number(char *out, const struct snapshot_sample *sample, const char *suffix, struct number number);

/* A whole line x_created; `suffix` ends the name in the sample's text and does not belong to x. */
char *line_created(char *out, const struct snapshot_sample *sample, const char *suffix);

/* Seconds since 1970 with up to nine decimals. */
char *line_time(char *out, int64_t time_ns);

/* " # {labels} value time"; without the time where it is not known. */
char *line_exemplar(char *out, const struct exemplar *exemplar);

/* Escapes backslash and line feed, and double quotes too if `quotes`. At most twice as long. */
char *line_help(char *out, const char *help, bool quotes);

/* A line for each of these samples of one number. */
bool lines_numbers(struct output *output, const struct snapshot_sample *samples, size_t count);

/* `x_bucket{...,le="bound"} count` for each bucket of the ladder, which becomes that of the sample; *count is their
 * sum. */
bool lines_buckets(struct output *output, const struct snapshot_sample *sample, struct ladder *ladder, bool exemplars,
		   uint64_t *count);

/* `x{...,quantile="q"} value`. */
bool lines_quantiles(struct output *output, const struct snapshot_sample *sample, bool canonical);

/* `x{...,x="state"} 0 or 1`. */
bool lines_states(struct output *output, const struct snapshot_family *family, const struct snapshot_sample *sample);

#endif
