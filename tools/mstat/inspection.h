/* SPDX-License-Identifier: MIT */
/* The segments that a command looks at: those of all directories, read once. */
#ifndef MSTAT_TOOL_INSPECTION_H
#define MSTAT_TOOL_INSPECTION_H

#include "command.h"
#include "segment/discover.h"
#include "segment/reader.h"
#include "snapshot/catalog.h"

struct inspection {
	struct segment_directory *directories;
	size_t count;
};

/* Directories of the command line, or the default ones. Fills `paths` (malloc'ed, each and the array). */
size_t directories_choose(const struct arguments *arguments, char ***paths);
void directories_free(char **paths, size_t count);

/* Lists the directories and reads their segments. A directory that cannot be listed is reported; it is a failure (a
 * negative errno) when the user named it, while the default ones may be absent. */
int inspection_open(const struct arguments *arguments, struct inspection *inspection);
void inspection_close(struct inspection *inspection);

/* Walks all segments: pass a cursor of zeros first; NULL at the end. */
struct inspection_cursor {
	size_t directory;
	size_t segment;
};
struct segment *inspection_next(const struct inspection *inspection, struct inspection_cursor *cursor,
				const char **directory);

/* A segment by its file name; when several directories have it, the first. NULL: none. */
struct segment *inspection_find(const struct inspection *inspection, const char *name, const char **directory);

/* Whether the reader has understood the segment: it is live or dead. */
bool segment_understood(const struct segment *segment);

/* Place in the file of an arena offset (a record_off) of an understood segment. */
uint64_t segment_file_offset(const struct segment *segment, uint32_t arena_off);

/* "corrupt: a record of the arena breaks its bounds", in the reader's words; malloc'ed. */
char *segment_verdict(const struct segment *segment);

/* "counter", "histogram" ...; "u64", "i64", "f64"; "sum", "min" ...; "unknown (7)" where a number has no name. */
struct word {
	char text[24];
};
struct word kind_word(unsigned kind);
struct word value_word(unsigned value);
struct word merge_word(unsigned merge);

/* The name as exposed: a counter's with "_total", an info's with "_info"; malloc'ed. */
char *family_exposed_name(const struct segment_family *family);
const char *kind_suffix(unsigned kind);

/* The type by which the agent exposes it. */
enum metric_type family_metric_type(const struct segment_family *family);

/* The segment's value as a number of the family's type. */
struct number family_number(const struct segment_family *family, uint64_t bits);

#endif
