/* SPDX-License-Identifier: MIT */
/* The exposition formats, and what decides which one an answer has. */
#ifndef AGENTD_EXPOSE_FORMAT_H
#define AGENTD_EXPOSE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot/snapshot.h"

/* FORMAT(NAME, media type with its version) */
#define FORMAT_LIST(FORMAT)                                                                                            \
	FORMAT(TEXT, "text/plain; version=0.0.4; charset=utf-8")                                                       \
	FORMAT(TEXT_1_0, "text/plain; version=1.0.0; charset=utf-8")                                                   \
	FORMAT(OPENMETRICS_0_0_1, "application/openmetrics-text; version=0.0.1; charset=utf-8")                        \
	FORMAT(OPENMETRICS_1_0, "application/openmetrics-text; version=1.0.0; charset=utf-8")                          \
	FORMAT(OPENMETRICS_2_0, "application/openmetrics-text; version=2.0.0; charset=utf-8")                          \
	FORMAT(PROTOBUF, "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "                  \
			 "encoding=delimited")

enum format {
#define FORMAT_ENUM(name, media_type) FORMAT_##name,
	FORMAT_LIST(FORMAT_ENUM)
#undef FORMAT_ENUM
		FORMAT_COUNT
};

/* How names that are not [a-zA-Z_:][a-zA-Z0-9_:]* are exposed. No name here is one, and valid names are changed by no
 * scheme (expfmt does not change them for "dots" either), so that only the Content-Type tells it. NONE: nothing was
 * asked. */
enum escaping {
	ESCAPING_NONE,
	ESCAPING_UNDERSCORES,
	ESCAPING_DOTS,
	ESCAPING_VALUES,
	ESCAPING_ALLOW_UTF8,
	ESCAPING_COUNT
};

/* Whether a sample is part of the answer; called for each family, then for each sample of families that pass. */
struct format_filter {
	bool (*family)(void *context, const struct snapshot_family *family); /* NULL: all */
	bool (*sample)(void *context, const struct snapshot_sample *sample); /* NULL: all */
	void *context;
};

struct format_options {
	enum format format;
	enum escaping escaping;
	bool created; /* `_created` samples in the OpenMetrics texts; protobuf and OpenMetrics 2.0 always tell */
	const struct format_filter *filter; /* NULL: everything */
};

/* The Content-Type of an answer, in `out` (FORMAT_CONTENT_TYPE_MAX bytes with the NUL). */
#define FORMAT_CONTENT_TYPE_MAX 192
void format_content_type(enum format format, enum escaping escaping, char *out);

/* Renders a snapshot into a fresh malloc'ed (or posix_memalign'ed) body: 0, or -ENOMEM. Thread-safe. */
int format_render(const struct snapshot *snapshot, const struct format_options *options, char **body, size_t *len);

#endif
