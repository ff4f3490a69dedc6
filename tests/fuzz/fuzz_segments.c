/* SPDX-License-Identifier: MIT */
/* From a segment to the page: the input is a segment file of a dead program, which the collector of segments finds in a
 * directory, exposes, folds into its service's totals and exposes from there.
 *
 * Every page must parse (pages.h), and no counter may be less after the fold than before.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/segments.h"
#include "fuzz.h"
#include "pages.h"
#include "segment_mutate.h"

static char directory[] = "/dev/shm/mstat-fuzz-segments-XXXXXX";
static int directory_fd = -1;
static char name[32];

static void directory_empty(int fd)
{
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream)) {
		if (entry->d_name[0] == '.')
			continue;
		if (unlinkat(dirfd(stream), entry->d_name, 0))
			directory_empty(openat(dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
	}
	if (stream)
		closedir(stream);
}

static void directory_remove(void)
{
	directory_empty(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	rmdir(directory);
}

static void directory_prepare(void)
{
	fuzz_require(mkdtemp(directory));
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(directory_fd >= 0);
	snprintf(name, sizeof(name), "fuzz.%u.0", (unsigned int)getuid());
	atexit(directory_remove);
}

static void segment_write(const uint8_t *data, size_t size)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	fuzz_require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static struct snapshot *snapshot_take(struct segments *segments, struct builder *builder)
{
	builder_begin(builder);
	fuzz_require(!segments_collect(segments, builder));
	struct snapshot *snapshot = builder_freeze(builder);
	fuzz_require(snapshot);
	pages_check(snapshot);
	return snapshot;
}

static bool is_counter(const struct snapshot_sample *sample)
{
	return !sample->composite && sample->number.type == NUMBER_U64 && sample->name_len > 6 &&
	       !memcmp(sample->text + sample->name_len - 6, "_total", 6);
}

static void counters_compare(const struct snapshot *before, const struct snapshot *after)
{
	size_t at = 0;

	for (size_t i = 0; i < snapshot_sample_count(before); i++) {
		const struct snapshot_sample old = snapshot_sample(before, i);
		bool found = false;
		if (!is_counter(&old))
			continue;
		/* Both are in the same order. */
		while (!found && at < snapshot_sample_count(after)) {
			const struct snapshot_sample fresh = snapshot_sample(after, at++);
			if (fresh.text_len != old.text_len || memcmp(fresh.text, old.text, old.text_len))
				continue;
			found = true;
			fuzz_require(is_counter(&fresh) && fresh.number.u64 >= old.number.u64);
		}
		fuzz_require(found);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return segment_mutate(data, size, max_size, seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *directories[] = {directory}, *error = NULL;
	const struct segments_options options = {
		.directories = directories,
		.directory_count = 1,
		.keep_dead_ns = INT64_C(3600000000000),
		.services_max = 10,
		.limits = {.file_bytes_max = 1 << 20,
			   .memory_bytes_max = 1 << 20,
			   .rows_bytes_max = 1 << 20,
			   .series_max = 1000,
			   .string_bytes_max = 65536},
		.entries_max = 10,
		.folding = true,
	};
	struct segments *segments = NULL;
	struct catalog *catalog = catalog_new(10000);
	struct builder *builder = builder_new(catalog);

	if (directory_fd < 0)
		directory_prepare();
	segment_write(data, size);
	fuzz_require(!segments_open(&options, &segments, &error));
	struct snapshot *before = snapshot_take(segments, builder);
	for (int sweep = 0; sweep < 2; sweep++)
		fuzz_require(!segments_sweep(segments));
	struct snapshot *after = snapshot_take(segments, builder);
	counters_compare(before, after);
	snapshot_unref(before);
	snapshot_unref(after);
	segments_close(segments);
	/* Another agent finds the totals on disk. */
	fuzz_require(!segments_open(&options, &segments, &error));
	snapshot_unref(snapshot_take(segments, builder));
	segments_close(segments);
	builder_free(builder);
	catalog_free(catalog);
	directory_empty(openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	return 0;
}
