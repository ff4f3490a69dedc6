/* SPDX-License-Identifier: MIT */
/* Pages, read again: see pages.h. */
#include <math.h>

#include "collect/textfile.h"
#include "expose/format.h"
#include "fuzz.h"
#include "pages.h"

static double number_value(struct number number)
{
	return number.type == NUMBER_F64   ? number.f64
	       : number.type == NUMBER_I64 ? (double)number.i64
					   : (double)number.u64;
}

static bool same(double one, double other)
{
	return (isnan(one) && isnan(other)) || one == other;
}

static char *page_render(const struct snapshot *snapshot, enum format format, bool created, size_t *len)
{
	const struct format_options options = {.format = format, .created = created};
	char *body = NULL;

	fuzz_require(!format_render(snapshot, &options, &body, len));
	/* The readers want a spare byte behind it. */
	body = realloc(body, *len + 1);
	fuzz_require(body);
	return body;
}

/* ---- texts ---- */

/* The reader's own limit, which a page may exceed. */
static bool beyond_reader(const char *reason)
{
	return reason && strstr(reason, "more than 32 labels");
}

/* Families of numbers have their samples in the order of the snapshot, in all texts. Returns how many there are. */
static size_t numbers_check(const struct snapshot *snapshot, const struct textfile_document *document)
{
	size_t at = 0, numbers = 0;

	for (size_t i = 0; i < snapshot_sample_count(snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(snapshot, i);
		if (sample.composite)
			continue;
		const struct textfile_sample *read = NULL;
		for (; !read && at < document->sample_count; at++)
			if (strlen(document->samples[at].name) == sample.name_len &&
			    !memcmp(document->samples[at].name, sample.text, sample.name_len))
				read = &document->samples[at];
		fuzz_require(read && same(read->value, number_value(sample.number)));
		numbers++;
	}
	return numbers;
}

static void text_check(const struct snapshot *snapshot, enum format format, bool created)
{
	struct textfile_document document = {.families = NULL};
	bool openmetrics = format != FORMAT_TEXT && format != FORMAT_TEXT_1_0;
	size_t len;
	char *page = page_render(snapshot, format, created, &len);
	char *shown = getenv("MSTAT_FUZZ_SHOW") ? strndup(page, len) : NULL;
	const char *reason = openmetrics ? textfile_read_openmetrics(&document, page, len)
					 : textfile_read_prometheus(&document, page, len);

	if (shown)
		fprintf(stderr, "%s", shown);
	if (reason && !beyond_reader(reason)) {
		fprintf(stderr, "line %u of the page: %s\n", document.line, reason);
		fuzz_failed(__FILE__, __LINE__, "a page that parses");
	}
	if (!reason)
		numbers_check(snapshot, &document);
	textfile_document_fini(&document);
	free(shown);
	free(page);
}

/* ---- OpenMetrics 2.0: there is no reader of it here ---- */

static void lines_check(const struct snapshot *snapshot)
{
	static const char end[] = "# EOF\n";
	size_t len, last = strlen(end);
	char *page = page_render(snapshot, FORMAT_OPENMETRICS_2_0, true, &len);

	fuzz_require(len >= last && !memcmp(page + len - last, end, last));
	for (char *line = page; line < page + len; line++) {
		fuzz_require(*line == '#' || *line == '_' || *line == ':' || (*line >= 'a' && *line <= 'z') ||
			     (*line >= 'A' && *line <= 'Z'));
		line = memchr(line, '\n', (size_t)(page + len - line));
		fuzz_require(line);
	}
	free(page);
}

/* ---- protobuf ---- */

struct wire {
	const uint8_t *at, *end;
};

static uint64_t varint_take(struct wire *wire)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte;

	do {
		fuzz_require(wire->at < wire->end && shift < 64);
		byte = *wire->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

static struct wire bytes_take(struct wire *wire, uint64_t len)
{
	fuzz_require(len <= (uint64_t)(wire->end - wire->at));
	struct wire inner = {wire->at, wire->at + len};
	wire->at += len;
	return inner;
}

/* Fields of messages that hold messages, as digits of a path: family 4 metric; metric 1 label, 2 to 5 and 7 values. */
static bool is_message(uint64_t path)
{
	static const uint64_t paths[] = {0x4,    0x41,   0x42,   0x43,    0x44,    0x45,    0x47,   0x432,
					 0x433,  0x443,  0x444,  0x473,   0x479,   0x47c,   0x47f,  0x4710,
					 0x4321, 0x4323, 0x4733, 0x47331, 0x47333, 0x47101, 0x47103};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (paths[i] == path)
			return true;
	return false;
}

/* Walks a message to its end; counts the metrics of the family on top. */
static void message_walk(struct wire wire, uint64_t path, size_t *metrics)
{
	while (wire.at < wire.end) {
		uint64_t tag = varint_take(&wire), field = tag >> 3;
		uint64_t inner = path << (field > 15 ? 8 : 4) | field;
		fuzz_require(field);
		switch (tag & 7) {
		case 0:
			varint_take(&wire);
			break;
		case 1:
			bytes_take(&wire, 8);
			break;
		case 2: {
			uint64_t len = varint_take(&wire);
			struct wire bytes = bytes_take(&wire, len);
			*metrics += inner == 0x4;
			if (is_message(inner))
				message_walk(bytes, inner, metrics);
			break;
		}
		default:
			fuzz_failed(__FILE__, __LINE__, "a known wire type");
		}
	}
}

static void protobuf_check(const struct snapshot *snapshot)
{
	size_t len, metrics = 0, states = 0;
	char *page = page_render(snapshot, FORMAT_PROTOBUF, true, &len);
	struct wire wire = {(const uint8_t *)page, (const uint8_t *)page + len};

	while (wire.at < wire.end) {
		uint64_t family_len = varint_take(&wire);
		message_walk(bytes_take(&wire, family_len), 0, &metrics);
	}
	/* A state set is a gauge for each of its states here. */
	for (size_t i = 0; i < snapshot_sample_count(snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(snapshot, i);
		if (sample.composite && sample.composite->shape->kind == SHAPE_STATES)
			states += sample.composite->shape->bound_count - 1;
	}
	fuzz_require(metrics == snapshot_sample_count(snapshot) + states);
	free(page);
}

void pages_check(const struct snapshot *snapshot)
{
	text_check(snapshot, FORMAT_TEXT, false);
	text_check(snapshot, FORMAT_OPENMETRICS_1_0, true);
	text_check(snapshot, FORMAT_OPENMETRICS_0_0_1, false);
	lines_check(snapshot);
	protobuf_check(snapshot);
}
