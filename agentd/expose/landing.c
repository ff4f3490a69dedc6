/* SPDX-License-Identifier: MIT */
/* The landing page at /. */
#include "landing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Text for element content and for attribute values in double or single quotes. */
static void escaped_put(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void link_put(FILE *out, const char *path, const char *meaning)
{
	fputs("<li><a href=\"", out);
	escaped_put(out, path);
	fputs("\">", out);
	escaped_put(out, path);
	fputs("</a>: ", out);
	escaped_put(out, meaning);
	fputs("</li>\n", out);
}

int landing_render(const struct landing *landing, char **body, size_t *len)
{
	char *text = NULL;
	size_t text_len = 0;
	FILE *out = open_memstream(&text, &text_len);
	if (!out)
		return -ENOMEM;
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>", out);
	escaped_put(out, landing->name);
	fputs("</title></head>\n<body>\n<h1>", out);
	escaped_put(out, landing->name);
	fputs("</h1>\n<p>Node-level metrics through shared memory. Version ", out);
	escaped_put(out, landing->version);
	fputs(".</p>\n<ul>\n", out);
	link_put(out, landing->telemetry_path, "metrics");
	link_put(out, "/sd", "service discovery for Prometheus");
	link_put(out, "/health", "liveness");
	link_put(out, "/ready", "readiness, check by check");
	fputs("</ul>\n</body>\n</html>\n", out);
	const int failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return -ENOMEM;
	}
	*body = text;
	*len = text_len;
	return 0;
}
