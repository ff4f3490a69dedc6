/* SPDX-License-Identifier: MIT */
/* The readers of metrics in text: the input is a file, which is read as OpenMetrics and as Prometheus' text. */
#include "collect/textfile_private.h"
#include "fuzz.h"

static void labels_check(const struct textfile_document *document, const struct textfile_sample *sample)
{
	fuzz_require(sample->labels_first + sample->label_count <= document->label_count);
	fuzz_require(sample->label_count <= TEXTFILE_LABELS_MAX);
	for (size_t i = 0; i < sample->label_count; i++) {
		const struct label *label = &document->labels[sample->labels_first + i];
		fuzz_require(*label->name && textfile_utf8(label->value, strlen(label->value)));
		fuzz_require(!i || strcmp(label[-1].name, label->name) < 0);
		fuzz_require(textfile_label(document, sample, label->name) == label->value);
	}
}

static void document_check(const struct textfile_document *document)
{
	size_t samples = 0;

	for (size_t i = 0; i < document->family_count; i++) {
		const struct textfile_family *family = &document->families[i];
		struct text name = {(char *)(uintptr_t)family->name, (char *)(uintptr_t)family->name};
		name.end += strlen(family->name);
		fuzz_require(textfile_name_len(&name) == strlen(family->name) && *family->name);
		fuzz_require(family->sample_first == samples && family->type < TEXTFILE_TYPE_COUNT);
		samples += family->sample_count;
	}
	fuzz_require(samples == document->sample_count);
	for (size_t i = 0; i < document->sample_count; i++) {
		const struct textfile_sample *sample = &document->samples[i];
		fuzz_require(sample->family < document->family_count);
		const char *family = document->families[sample->family].name;
		fuzz_require(!strncmp(sample->name, family, strlen(family)));
		fuzz_require(!textfile_sample_compare(document, sample, sample));
		labels_check(document, sample);
	}
}

typedef textfile_reason (*file_reader)(struct textfile_document *document, char *bytes, size_t len);

static void file_read(struct textfile_document *document, file_reader reader, const uint8_t *data, size_t size)
{
	/* Two copies: a document takes several files, and a bad one takes nothing of the others away. */
	char *bytes = malloc(2 * (size + 1));

	fuzz_require(bytes);
	memcpy(bytes, data, size);
	memcpy(bytes + size + 1, data, size);
	textfile_document_clear(document);
	textfile_reason reason = reader(document, bytes, size);
	document_check(document);
	fuzz_require(!reason || !document->family_count);
	size_t families = document->family_count, samples = document->sample_count;
	fuzz_require(!reader(document, bytes + size + 1, size) == !reason);
	document_check(document);
	fuzz_require(document->family_count == 2 * families && document->sample_count == 2 * samples);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct textfile_document document;

	file_read(&document, textfile_read_openmetrics, data, size);
	file_read(&document, textfile_read_prometheus, data, size);
	textfile_document_clear(&document);
	return 0;
}
