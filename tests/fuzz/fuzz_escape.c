/* SPDX-License-Identifier: MIT */
/* Label values and help texts, escaped for the formats and read again: the input is pairs of a label's name and value.
 *
 * The text of the series is read by each of the readers that this project has, and each must find what was put in.
 */
#include "collect/textfile.h"
#include "expose/filter.h"
#include "expose/label_text.h"
#include "expose/lines.h"
#include "fuzz.h"
#include "snapshot/series_text.h"
#include "snapshot/snapshot.h"

#define LABELS_MAX 8u

struct labels {
	char names[LABELS_MAX][16];
	char values[LABELS_MAX][64];
	struct label items[LABELS_MAX];
	size_t count;
};

/* Names become valid and different ones; the catalog refuses others before anything is escaped. */
static void labels_make(struct labels *labels, struct fuzz_bytes *bytes)
{
	bool service = false;

	for (; fuzz_left(bytes) && labels->count < LABELS_MAX; labels->count++) {
		char *name = labels->names[labels->count];
		uint8_t letter = fuzz_u8(bytes);
		if (letter % 8 == 0 && !service)
			strcpy(name, "service");
		else /* different by its second letter */
			memcpy(name, (char[]){(char)('a' + letter % 26), (char)('A' + labels->count), 0}, 3);
		service = service || letter % 8 == 0;
		fuzz_text(bytes, labels->values[labels->count], sizeof(labels->values[0]));
		labels->items[labels->count] = (struct label){name, labels->values[labels->count]};
	}
}

static const char *value_of(const struct labels *labels, const char *name, size_t len)
{
	for (size_t i = 0; i < labels->count; i++)
		if (strlen(labels->names[i]) == len && !memcmp(labels->names[i], name, len))
			return labels->values[i];
	return NULL;
}

static size_t values_there(const struct labels *labels)
{
	size_t there = 0;
	for (size_t i = 0; i < labels->count; i++)
		there += *labels->values[i] != 0;
	return there;
}

/* By the walk that protobuf and OpenMetrics 2.0 use. */
static void walk_check(const struct labels *labels, const char *text, size_t len)
{
	const char *at = text, *end = text + len;
	struct label_text label;
	size_t found = 0;

	for (; label_text_next(&at, end, &label); found++) {
		char value[128];
		size_t value_len = (size_t)(label_value_unescape(value, &label) - value);
		const char *put_in = value_of(labels, label.name, label.name_len);
		fuzz_require(put_in && strlen(put_in) == value_len && !memcmp(put_in, value, value_len));
		fuzz_require(value_len == label.value_len - label.escapes);
	}
	fuzz_require(at == end && found == values_there(labels));
}

static void sample_check(const struct labels *labels, const struct text_buffer *text)
{
	const struct snapshot_sample sample = {.text = text->bytes, .text_len = (uint32_t)text->len, .name_len = 1};
	size_t cursor = 0, found = 0, service_len;
	char name[32], value[128];

	for (; snapshot_label_next(&sample, &cursor, name, sizeof(name), value, sizeof(value)); found++) {
		const char *put_in = value_of(labels, name, strlen(name));
		fuzz_require(put_in && !strcmp(put_in, value));
	}
	fuzz_require(found == values_there(labels));
	const char *service = value_of(labels, "service", 7);
	fuzz_require(!filter_sample_service(&sample, &service_len) == (!service || !*service));
}

/* By the reader of text files, as Prometheus would. */
static void line_check(const struct labels *labels, const struct text_buffer *text)
{
	struct textfile_document document = {.families = NULL};
	char line[2048];
	int len = snprintf(line, sizeof(line), "%.*s 1\n", (int)text->len, text->bytes);

	fuzz_require(len > 0 && len < (int)sizeof(line));
	textfile_reason reason = textfile_read_prometheus(&document, line, (size_t)len);
	bool utf8 = true;
	for (size_t i = 0; i < labels->count; i++)
		for (const char *c = labels->values[i]; *c; c++)
			utf8 = utf8 && (unsigned char)*c < 0x80;
	if (utf8) {
		fuzz_require(!reason && document.sample_count == 1);
		fuzz_require(document.samples[0].label_count == values_there(labels));
		for (size_t i = 0; i < labels->count; i++) {
			const char *value = textfile_label(&document, &document.samples[0], labels->names[i]);
			fuzz_require(!*labels->values[i] || (value && !strcmp(value, labels->values[i])));
		}
	}
	textfile_document_fini(&document);
}

static void help_check(const char *help)
{
	char escaped[256], with_quotes[256];
	size_t len = (size_t)(line_help(escaped, help, false) - escaped);

	fuzz_require(len <= 2 * strlen(help) && !memchr(escaped, '\n', len));
	len = (size_t)(line_help(with_quotes, help, true) - with_quotes);
	fuzz_require(len <= 2 * strlen(help) && !memchr(with_quotes, '\n', len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	struct labels labels = {.count = 0};
	struct text_buffer text = {0};

	labels_make(&labels, &bytes);
	fuzz_require(series_text_render(&text, "x", 1, labels.items, labels.count, false) == CATALOG_OK);
	fuzz_require(!memchr(text.bytes, '\n', text.len));
	if (text.len > 1)
		walk_check(&labels, text.bytes + 2, text.len - 3);
	sample_check(&labels, &text);
	line_check(&labels, &text);
	for (size_t i = 0; i < labels.count; i++)
		help_check(labels.values[i]);
	free(text.bytes);
	return 0;
}
