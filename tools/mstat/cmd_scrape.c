/* SPDX-License-Identifier: MIT */
/* mstat scrape: the text exposition of all segments, without any agent. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collection.h"
#include "command.h"
#include "expose/text.h"
#include "report.h"

/* A file or a pipe gets the exposition byte by byte; a terminal gets it without control characters. */
static void body_print(const char *body, size_t len)
{
	if (isatty(STDOUT_FILENO))
		text_print_lines(stdout, body, len);
	else
		fwrite(body, 1, len, stdout);
}

static int snapshot_print(const struct snapshot *snapshot)
{
	char *body;
	size_t len;
	int error = text_render(snapshot, &body, &len);
	if (error) {
		report("rendering failed: %s", strerror(-error));
		return CODE_FAILED;
	}
	body_print(body, len);
	free(body);
	return CODE_FINE;
}

int cmd_scrape(const struct arguments *arguments)
{
	struct collection *collection;
	if (collection_open(arguments, &collection) < 0)
		return CODE_FAILED;
	int error;
	struct snapshot *snapshot = collection_take(collection, &error);
	if (!snapshot)
		collection_report(error);
	int code = snapshot ? snapshot_print(snapshot) : CODE_FAILED;
	snapshot_unref(snapshot);
	collection_close(collection);
	return code;
}
