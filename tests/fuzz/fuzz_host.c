/* SPDX-License-Identifier: MIT */
/* The parsers of the host collectors: the first line of the input is the path of a file below proc, sys or root, the
 * rest its content. Which paths there are: host_files.def.
 *
 * The collector of that file runs over a tree with that one file (and those that it needs beside it); whatever it makes
 * of it must be a page that parses. A path that is not known is no input.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz.h"
#include "host_fixture.h"
#include "pages.h"

struct host_file {
	const char *path;
	enum host_index collector;
	const char *beside, *beside_text; /* "": nothing */
	struct host_fixture *fixture;
	int fd;
};

static struct host_file files[] = {
#define HOST_FILE(path, collector, beside, beside_text) {path, HOST_INDEX_##collector, beside, beside_text, NULL, -1},
#include "host_files.def"
};
#define FILE_COUNT (sizeof(files) / sizeof(*files))

static void fixtures_remove(void)
{
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (!files[i].fixture)
			continue;
		host_fixture_fini(files[i].fixture);
		free(files[i].fixture);
	}
}

/* Options for which there is more to read. */
static void options_widen(struct host_fixture *fixture)
{
	static char *sysctls[] = {(char *)"kernel.fuzz:a,b", NULL}, *infos[] = {(char *)"kernel.fuzz_info", NULL};
	static char *directories[1024][2];
	static size_t count;

	fixture->options.cpu_info = fixture->options.stat_softirq = fixture->options.bcache_priority_stats = true;
	fixture->options.vmstat_fields = fixture->options.netstat_fields = "";
	fixture->options.namedprocess_threads = true;
	fixture->options.sysctl_include = sysctls;
	fixture->options.sysctl_include_info = infos;
	directories[count][0] = strdup(host_fixture_path(fixture, "text"));
	fixture->options.textfile_directories = directories[count++];
}

static void fixture_prepare(struct host_file *file)
{
	static bool removing;

	if (!removing)
		atexit(fixtures_remove);
	removing = true;
	file->fixture = malloc(sizeof(*file->fixture));
	fuzz_require(file->fixture);
	host_fixture_init(file->fixture);
	options_widen(file->fixture);
	if (*file->beside)
		host_fixture_write(file->fixture, file->beside, file->beside_text);
	host_fixture_write(file->fixture, file->path, "");
	file->fd = open(host_fixture_path(file->fixture, file->path), O_RDWR | O_CLOEXEC);
	fuzz_require(file->fd >= 0);
	host_fixture_start(file->fixture, file->collector);
}

static struct host_file *file_find(const char *path, size_t len)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (strlen(files[i].path) == len && !memcmp(files[i].path, path, len))
			return &files[i];
	return NULL;
}

/* Keeps the first line, or takes another path. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	size_t begin = line ? (size_t)(line - data) + 1 : 0;

	if (begin && seed % 256)
		return begin + LLVMFuzzerMutate(data + begin, size - begin, max_size - begin);
	const char *path = files[seed / 256 % FILE_COUNT].path;
	size_t len = strlen(path) + 1, rest = size - begin;
	if (len + rest > max_size)
		return size;
	memmove(data + len, data + begin, rest);
	memcpy(data, path, len - 1);
	data[len - 1] = '\n';
	return len + rest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	struct host_file *file = line ? file_find((const char *)data, (size_t)(line - data)) : NULL;

	if (!file)
		return 0;
	if (!file->fixture)
		fixture_prepare(file);
	size_t len = size - (size_t)(line + 1 - data);
	fuzz_require(!ftruncate(file->fd, 0) && pwrite(file->fd, line + 1, len, 0) == (ssize_t)len);
	host_fixture_collect(file->fixture);
	pages_check(file->fixture->snapshot);
	return 0;
}
