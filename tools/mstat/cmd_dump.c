/* SPDX-License-Identifier: MIT */
/* mstat dump: the raw layout of a segment. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "dump.h"
#include "report.h"
#include "segment/reader.h"
#include "target.h"

bool dump_read(const struct dump *dump, uint64_t offset, uint64_t bytes, void *copy)
{
	if (offset > dump->file_bytes || bytes > dump->file_bytes - offset)
		return false;
	for (uint64_t done = 0; done < bytes;) {
		ssize_t got = pread(dump->fd, (char *)copy + done, bytes - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (uint64_t)got;
	}
	return true;
}

void dump_stop(struct dump *dump, const char *format, ...)
{
	va_list list;
	fputs("  ! ", stdout);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
	dump->stops++;
}

struct time_text time_text(uint64_t time_ns)
{
	struct time_text made;
	time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm utc;
	char date[32] = "";
	if (gmtime_r(&seconds, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(made.text, sizeof(made.text), "%s.%09uZ", date, (unsigned)(time_ns % 1000000000));
	return made;
}

uint32_t dump_elements(struct dump *dump, uint32_t kind, uint32_t wanted, uint32_t element_bytes, const char *what)
{
	uint32_t stride = dump->regions[kind].stride;
	if (!dump->usable[kind]) {
		if (wanted)
			dump_stop(dump, "the region of the %s is missing", what);
		return 0;
	}
	if (stride < element_bytes || stride % 8) {
		dump_stop(dump, "the stride of the %s is %" PRIu32 "; it must be a multiple of 8, at least %" PRIu32,
			  what, stride, element_bytes);
		return 0;
	}
	uint64_t room = dump->usable[kind] / stride;
	if (room > segment_limits_default.series_max)
		room = segment_limits_default.series_max;
	if (wanted <= room)
		return wanted;
	dump_stop(dump, "%" PRIu32 " %s are published, but no more than %" PRIu64 " are looked at", wanted, what, room);
	return (uint32_t)room;
}

static int dump_all(struct dump *dump, const char *path)
{
	text_print(stdout, path);
	printf(": %" PRIu64 " bytes\n", dump->file_bytes);
	if (!dump_read(dump, 0, sizeof(dump->header), &dump->header)) {
		dump_stop(dump, "the file is too short for a header of %zu bytes", sizeof(dump->header));
		return CODE_FINDINGS;
	}
	/* Each part is read after what it builds on; pairs with the writer's release of the published lengths. */
	mstat_fence_acquire();
	dump_header(dump);
	dump_regions(dump);
	dump_arena(dump);
	dump_series(dump);
	dump_rows(dump);
	dump_processes(dump);
	dump_gauges(dump);
	dump_exemplars(dump);
	return dump->stops ? CODE_FINDINGS : CODE_FINE;
}

int cmd_dump(const struct arguments *arguments)
{
	char *path;
	struct stat status;
	struct dump dump = {.fd = target_open(arguments, arguments->operands[0], &path)};
	int code = CODE_FAILED;
	if (dump.fd < 0)
		return code;
	if (fstat(dump.fd, &status) < 0) {
		report("cannot read the segment %s: %s", path, strerror(errno));
	} else {
		dump.file_bytes = (uint64_t)status.st_size;
		code = dump_all(&dump, path);
	}
	close(dump.fd);
	free(dump.arena);
	free(dump.counters.items);
	free(dump.gauges.items);
	free(path);
	return code;
}
