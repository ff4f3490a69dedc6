/* SPDX-License-Identifier: MIT */
/* The totals of services on disk: the input is the file, as an agent that was killed or somebody else has left it.
 *
 * What is accepted is written, read and written once more, which must give the same bytes; then a segment is added to
 * it, whose families may be there already in another shape.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "segment/totals.h"
#include "segment_fixture.h"

static int directory_fd = -1;
static struct segment_fixture *fixture;

static void directory_remove(void)
{
	struct segment_fixture *made = fixture;
	fixture = NULL;
	if (made)
		fixture_teardown((void **)&made);
}

static void prepare(void)
{
	void *state;

	fuzz_require(!fixture_setup(&state));
	fixture = state;
	directory_fd = fixture->directory_fd;
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	fuzz_require(fixture_read(fixture) == SEGMENT_DEAD);
	atexit(directory_remove);
}

static void file_write(const char *name, const void *bytes, size_t len)
{
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	fuzz_require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static char *file_bytes(const char *name, size_t *len)
{
	struct stat status;
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);

	fuzz_require(fd >= 0 && !fstat(fd, &status));
	char *bytes = malloc((size_t)status.st_size + 1);
	fuzz_require(bytes && read(fd, bytes, (size_t)status.st_size) == status.st_size);
	close(fd);
	*len = (size_t)status.st_size;
	return bytes;
}

/* Saves under the service's own name, takes the bytes, and removes the file. */
static char *totals_bytes(struct totals *totals, char name[TOTALS_NAME_MAX], size_t *len)
{
	totals_name(totals->service, totals->uid, name);
	fuzz_require(totals_name_valid(name));
	fuzz_require(!totals_save(totals, directory_fd));
	return file_bytes(name, len);
}

static void values_check(const struct totals *totals)
{
	for (uint32_t i = 0; i < totals->series_count; i++) {
		const struct totals_series *series = &totals->series[i];
		fuzz_require(series->family < totals->family_count);
		const struct segment_family *family = &totals->families[series->family];
		const char *value = series->values, *end = series->values + series->values_bytes;
		uint32_t values = 0;
		for (; value < end; value += strlen(value) + 1)
			values++;
		fuzz_require(value == end && values == (series->overflow ? 0 : family->label_count));
		struct segment_distribution distribution = totals_distribution(totals, i);
		uint64_t count = 0;
		for (uint32_t k = 0; k < distribution.bucket_count; k++)
			count += distribution.buckets[k];
		fuzz_require(!distribution.present || (family->buckets && distribution.bucket_count) || !count);
	}
}

/* Reading what was written gives what was written. */
static void round_trip(struct totals *totals)
{
	char name[TOTALS_NAME_MAX];
	size_t len, again_len;
	struct totals *again = NULL;
	unsigned int line;
	char *bytes = totals_bytes(totals, name, &len);

	fuzz_require(!totals_load(directory_fd, name, &again, &line));
	char *again_bytes = totals_bytes(again, name, &again_len);
	fuzz_require(len == again_len && !memcmp(bytes, again_bytes, len));
	unlinkat(directory_fd, name, 0);
	totals_free(again);
	free(again_bytes);
	free(bytes);
}

static void segment_add(struct totals *totals)
{
	const struct totals_mark mark = {.inode = 7};
	uint64_t refused = 0;

	/* The strings of the one segment stay: it is never read again. */
	fuzz_require(!totals_prepare(totals, fixture->segment, &refused));
	totals_add(totals, fixture->segment, &mark, 1);
	fuzz_require(totals_marked(totals, &mark));
	totals_unmark(totals, &mark);
	values_check(totals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct totals *totals = NULL;
	unsigned int line = 0;

	if (!fixture)
		prepare();
	file_write("input", data, size);
	int r = totals_load(directory_fd, "input", &totals, &line);
	fuzz_require(r == 0 || r == -EBADMSG);
	if (r)
		return 0;
	values_check(totals);
	round_trip(totals);
	segment_add(totals);
	round_trip(totals);
	totals_free(totals);
	return 0;
}
