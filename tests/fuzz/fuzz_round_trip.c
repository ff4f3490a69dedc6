/* SPDX-License-Identifier: MIT */
/* From the builder to the page and back: the input is a program of calls of the builder.
 *
 * A model remembers the numbers that were accepted; the snapshot must have these and no others, and every format's page
 * must parse and say the same (pages.h). Histograms, summaries and state sets are checked by the rules of the formats.
 */
#include <math.h>

#include "fuzz.h"
#include "pages.h"
#include "snapshot/builder.h"

#define MODEL_MAX 64u
#define PARTS_MAX 128u

struct model_number {
	char name[24]; /* as exposed */
	char value[32];
	uint64_t u64;
	bool integers; /* all values so far; sums of doubles are the precise sum's affair */
};

struct program {
	struct fuzz_bytes bytes;
	struct catalog *catalog;
	struct builder *builder;
	struct model_number numbers[MODEL_MAX];
	size_t number_count;
	series_ref last; /* series, for exemplars; SERIES_NONE: none */
};

/* Names that clash with each other's suffixes. */
static const char *name_take(struct program *program)
{
	static const char *const names[] = {"a",   "a_total",   "a_bucket",  "a_count", "a_info", "a_created",
					    "b",   "b_seconds", "b_sum",     "c",       "c_info", "d:e",
					    "_f",  "g_gcount",  "g",         "h",       "9bad",   "bad name",
					    "i_k", "j",         "mstat_x_y", "q"};
	return names[fuzz_u8(&program->bytes) % (sizeof(names) / sizeof(*names))];
}

static struct number number_take(struct program *program)
{
	switch (fuzz_u8(&program->bytes) % 4) {
	case 0:
		return (struct number){.type = NUMBER_I64, .i64 = (int64_t)fuzz_u64(&program->bytes)};
	case 1:
		return (struct number){.type = NUMBER_F64, .f64 = fuzz_f64(&program->bytes)};
	default:
		return (struct number){.type = NUMBER_U64, .u64 = fuzz_u32(&program->bytes)};
	}
}

/* Whoever asks the catalog for a series has made sure that its texts are UTF-8. */
static void text_take(struct program *program, char *text, size_t size)
{
	fuzz_text(&program->bytes, text, size);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '~';
}

static void model_number(struct program *program, const struct family_request *family, const char *value,
			 struct number number)
{
	const char *suffix = family->type == METRIC_COUNTER ? "_total" : family->type == METRIC_INFO ? "_info" : "";
	char name[24];
	struct model_number *known = NULL;

	snprintf(name, sizeof(name), "%s%s", family->name, suffix);
	for (size_t i = 0; i < program->number_count; i++)
		if (!strcmp(program->numbers[i].name, name) && !strcmp(program->numbers[i].value, value))
			known = &program->numbers[i];
	if (!known) {
		known = &program->numbers[program->number_count++];
		*known = (struct model_number){.integers = true};
		strcpy(known->name, name);
		strcpy(known->value, value);
	}
	known->integers = known->integers && number.type == NUMBER_U64;
	known->u64 += number.u64;
}

static void call_number(struct program *program)
{
	static const enum metric_type types[] = {METRIC_UNKNOWN, METRIC_GAUGE, METRIC_COUNTER, METRIC_INFO};
	char value[32], help[32], name[24];

	snprintf(name, sizeof(name), "%s", name_take(program));
	enum metric_type type = types[fuzz_u8(&program->bytes) % 4];
	struct number number = number_take(program);
	text_take(program, value, sizeof(value));
	text_take(program, help, sizeof(help));
	const struct family_request family = {
		.name = name, .help = help, .unit = fuzz_u8(&program->bytes) % 8 ? "" : "seconds", .type = type};
	if (program->number_count == MODEL_MAX)
		return;
	enum catalog_conflict conflict =
		builder_sample(program->builder, &family, &(struct label){"l", value}, 1, number);
	if (conflict == CATALOG_OK || conflict == CATALOG_CONFLICT_HELP)
		model_number(program, &family, value, number);
}

static void shape_take(struct program *program, struct shape_request *request, double *bounds,
		       const char *const *states)
{
	struct fuzz_bytes *bytes = &program->bytes;
	uint8_t flags = fuzz_u8(bytes);

	request->sum_scale = flags & 1 ? 1 : 1e-9;
	request->classic = flags & 2;
	request->native = flags & 4 || !request->classic;
	request->bound_count = fuzz_u8(bytes) % 8;
	request->bounds = bounds;
	request->states = states;
	if (request->kind == SHAPE_STATES)
		request->bound_count = 1 + request->bound_count % 4;
	for (uint32_t i = 0; i < request->bound_count; i++)
		bounds[i] = flags & 8 ? fuzz_f64(bytes)
				      : (i ? bounds[i - 1] : -(flags >> 6)) +
						(1 + fuzz_u8(bytes)) / (request->kind == SHAPE_QUANTILES ? 2100.0 : 16);
	if (!request->native || request->kind != SHAPE_BUCKETS)
		return;
	request->buckets = (struct shape_native){.schema = (int32_t)(fuzz_u8(bytes) % 14) - 4,
						 .zero_threshold = fuzz_u8(bytes) / 64.0,
						 .positive_first = (int8_t)fuzz_u8(bytes),
						 .positive_count = fuzz_u8(bytes) % 24,
						 .negative_first = (int8_t)fuzz_u8(bytes),
						 .negative_count = flags & 16 ? fuzz_u8(bytes) % 24 : 0};
}

static void call_composite(struct program *program)
{
	static const enum metric_type types[] = {METRIC_HISTOGRAM, METRIC_GAUGE_HISTOGRAM, METRIC_SUMMARY,
						 METRIC_STATE_SET};
	static const char *const states[] = {"off", "on\"x", "a\\b\nc", "\xc3\xbc"};
	enum metric_type type = types[fuzz_u8(&program->bytes) % 4];
	struct shape_request request = {.kind = type == METRIC_SUMMARY     ? SHAPE_QUANTILES
						: type == METRIC_STATE_SET ? SHAPE_STATES
									   : SHAPE_BUCKETS};
	double bounds[8];
	uint64_t parts[PARTS_MAX];
	char value[32];
	family_ref family;
	struct composite composite = {.parts = parts};

	const struct family_request asked = {.name = name_take(program), .help = "H.", .type = type};
	text_take(program, value, sizeof(value));
	shape_take(program, &request, bounds, states);
	if (catalog_shape(program->catalog, &request, &composite.shape) || composite.shape->part_count > PARTS_MAX ||
	    catalog_family(program->catalog, &asked, &family) ||
	    catalog_series(program->catalog, family, &(struct label){"l", value}, 1, &program->last))
		return;
	uint8_t flags = fuzz_u8(&program->bytes);
	for (uint32_t i = 0; i < composite.shape->part_count; i++)
		parts[i] = flags & 1 ? fuzz_u64(&program->bytes) >> 8 : fuzz_u8(&program->bytes);
	if (type == METRIC_STATE_SET)
		parts[0] &= (1u << composite.shape->bound_count) - 1;
	composite.count = fuzz_u16(&program->bytes);
	composite.has_sum = flags & 2;
	composite.sum = number_take(program);
	catalog_series_created(program->catalog, program->last, flags & 4 ? fuzz_u64(&program->bytes) >> 2 : 0);
	builder_merge_composite(program->builder, program->last, &composite);
	if (type != METRIC_HISTOGRAM)
		program->last = SERIES_NONE;
}

static void call_exemplar(struct program *program)
{
	static const char *const labels[] = {"trace_id=\"00f067aa0ba902b7\"", "", "a=\"\\\"\\\\\\n\",b=\"\xc3\xbc\""};
	const char *text = labels[fuzz_u8(&program->bytes) % 3];
	uint32_t part = fuzz_u8(&program->bytes) % 16;
	double value = fuzz_u8(&program->bytes) % 2 ? fuzz_f64(&program->bytes) : fuzz_u8(&program->bytes) / 16.0;

	if (program->last != SERIES_NONE)
		builder_exemplar(program->builder, program->last, part, text, strlen(text), value,
				 (int64_t)(fuzz_u64(&program->bytes) >> 2));
}

static void model_check(const struct program *program, const struct snapshot *snapshot)
{
	size_t numbers = 0;

	for (size_t i = 0; i < snapshot_sample_count(snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(snapshot, i);
		char name[8], value[64] = "";
		size_t cursor = 0;
		const struct model_number *known = NULL;
		if (sample.composite)
			continue;
		numbers++;
		snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value));
		for (size_t k = 0; k < program->number_count; k++)
			if (strlen(program->numbers[k].name) == sample.name_len &&
			    !memcmp(program->numbers[k].name, sample.text, sample.name_len) &&
			    !strcmp(program->numbers[k].value, value))
				known = &program->numbers[k];
		fuzz_require(known);
		fuzz_require(!known->integers || (sample.number.type == NUMBER_U64 && sample.number.u64 == known->u64));
	}
	fuzz_require(numbers == program->number_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = {.bytes = {data, data + size}, .last = SERIES_NONE};

	program.catalog = catalog_new(1000);
	program.builder = program.catalog ? builder_new(program.catalog) : NULL;
	fuzz_require(program.builder);
	builder_begin(program.builder);
	while (fuzz_left(&program.bytes)) {
		switch (fuzz_u8(&program.bytes) % 4) {
		case 0:
		case 1:
			call_number(&program);
			break;
		case 2:
			call_composite(&program);
			break;
		default:
			call_exemplar(&program);
		}
	}
	struct snapshot *snapshot = builder_freeze(program.builder);
	fuzz_require(snapshot);
	model_check(&program, snapshot);
	pages_check(snapshot);
	snapshot_unref(snapshot);
	builder_free(program.builder);
	catalog_free(program.catalog);
	return 0;
}
