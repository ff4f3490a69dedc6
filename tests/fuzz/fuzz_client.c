/* SPDX-License-Identifier: MIT */
/* libmstat: the input is a program of calls, in the midst of which the process dies; the next one adopts what is there.
 *
 *    0: flags       u8    1: some of the last call's stores are missing; 2: bytes of the image are changed
 *    1: cut         u8    the call in which the process dies
 *    2: seed        u16   which stores are missing
 *    4: changes     u8    then 6 bytes each: place u16 in words, value u32
 *    .: calls
 *
 * A process opens its segment once in its life. Here everything that it has is taken back instead: what it has mapped
 * (by wrapped mmap and munmap) and its variables. Adoption of any image may be refused but must not crash; after a
 * death between two calls every count must be there, and what is counted after the adoption comes on top.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "private.h"
#include "segment/reader.h"

#define FLAG_TORN 1u
#define FLAG_CHANGED 2u
#define MAPS_MAX 256u
#define CHANGES_MAX 16u
#define CALLS_MAX 200u

/* ---- what libclient maps ---- */

static struct {
	void *at[MAPS_MAX];
	size_t len[MAPS_MAX];
	size_t count;
} maps;
static bool maps_kept; /* while calls of libmstat run */

void *__real_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t len);
void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t len);
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
void __wrap_urcu_bp_synchronize_rcu(void);

void *__wrap_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	void *made = __real_mmap(at, len, protection, flags, fd, offset);

	if (made != MAP_FAILED && maps_kept) {
		fuzz_require(maps.count < MAPS_MAX);
		maps.at[maps.count] = made;
		maps.len[maps.count++] = len;
	}
	return made;
}

int __wrap_munmap(void *at, size_t len)
{
	for (size_t i = 0; i < maps.count; i++) {
		if (maps.at[i] != at)
			continue;
		fuzz_require(maps.len[i] == len);
		maps.count--;
		maps.at[i] = maps.at[maps.count];
		maps.len[i] = maps.len[maps.count];
		break;
	}
	return __real_munmap(at, len);
}

/* Nothing forks here, and each life would leave its handlers. */
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare;
	(void)parent;
	(void)child;
	return 0;
}

/* A grace period has always passed: there is one thread. Waiting for it would be most of the time. */
void __wrap_urcu_bp_synchronize_rcu(void)
{
}

/* ---- families ---- */

static const char *const phases[] = {"starting", "serving", "draining", NULL};
static const struct mstat_buckets few = {MSTAT_BOUNDS(1, 10, 100), .scale = 1};
static const struct mstat_buckets native = {.exponential = 1, .schema = 0, .min = 0.5, .max = 8, .negative = 1};

MSTAT_COUNTER(jobs, "jobs_total", "Jobs.", "kind");
MSTAT_COUNTER_F64(busy, "busy_seconds_total", "Time.");
MSTAT_GAUGE(depth, "depth", "Now.");
MSTAT_GAUGE_F64_AS(level, MSTAT_LAST, "level", "", "The last one.", "where");
MSTAT_HISTOGRAM_AS(sizes, &few, "size_bytes", "bytes", "Sizes.", "way");
MSTAT_HISTOGRAM_F64_AS(delta, &native, "delta", "", "Both signs.");
MSTAT_SUMMARY(wait_time, "wait_seconds", "Waiting.");
MSTAT_GAUGE_HISTOGRAM_AS(ages, &few, "ages", "", "Ages.");
MSTAT_INFO(build, "build_info", "Built.", "version");
MSTAT_STATE_SET(phase, phases, "phase", "Phase.");
MSTAT_COUNTER(gone, "gone_total", "Removed now and then.", "kind");

static struct mstat_family *const families[] = {&jobs.family,  &busy.family,  &depth.family,     &level.family,
						&sizes.family, &delta.family, &wait_time.family, &ages.family,
						&build.family, &phase.family, &gone.family};

static uint64_t jobs_done; /* what every reader must find */

/* ---- a life ---- */

static char directory[] = "/dev/shm/mstat-fuzz-client-XXXXXX";
static int directory_fd = -1;

static void directory_empty(void)
{
	DIR *stream = fdopendir(openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream))
		if (entry->d_name[0] != '.')
			unlinkat(directory_fd, entry->d_name, 0);
	if (stream)
		closedir(stream);
}

static void directory_remove(void)
{
	directory_empty();
	rmdir(directory);
}

static void life_begin(void)
{
	const struct mstat_options options = {.size = sizeof(options),
					      .service = "fuzz",
					      .directory = directory,
					      .series_max = 24,
					      .label_bytes_max = 40,
					      .process_max = 2,
					      .gauge_max = 64,
					      .arena_bytes = 65536,
					      .cell_max = 256,
					      .exemplar_max = 4};
	maps_kept = true;
	fuzz_require(!mstat_open(&options));
	maps_kept = false;
}

static void life_end(void)
{
	/* Not by its usual name, of which the compiler knows that it leaves our variables alone. */
	while (maps.count)
		__wrap_munmap(maps.at[maps.count - 1], maps.len[maps.count - 1]);
	mstat_private_reset();
	memset(&mstat_root, 0, sizeof(mstat_root));
	memset(&mstat_process, 0, sizeof(mstat_process));
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
		families[i]->state[0] = families[i]->state[1] = 0;
		families[i]->asked = 0;
	}
}

static const char *label_take(struct fuzz_bytes *bytes, char text[64])
{
	static const char *const usual[] = {"a", "b", "c", "", "a\"b\\c\nd", "a label value of more than 16 bytes"};
	uint8_t which = fuzz_u8(bytes);

	if (which % 8 < 6)
		return usual[which % 8];
	fuzz_text(bytes, text, 64);
	return text;
}

static void call_exemplar(struct fuzz_bytes *bytes, const char *label)
{
	const uint8_t trace[16] = {fuzz_u8(bytes)};
	const char *const labels[] = {"user", label, NULL};
	const struct mstat_exemplar exemplar = {.trace_id = trace, .labels = fuzz_u8(bytes) % 2 ? labels : NULL};

	mstat_add_exemplar(mstat_counter_with(&gone, label), 1, &exemplar);
}

static void call(struct fuzz_bytes *bytes)
{
	char text[64];
	uint8_t which = fuzz_u8(bytes);
	const char *label = label_take(bytes, text);
	uint32_t number = fuzz_u16(bytes);

	maps_kept = true;
	switch (which % 16) {
	case 0:
	case 1:
	case 2:
		mstat_add(mstat_counter_with(&jobs, label), number);
		jobs_done += number;
		break;
	case 3:
		mstat_add_f64(mstat_counter_f64_with(&busy), number / 8.0);
		break;
	case 4:
		mstat_gauge_add(mstat_gauge_with(&depth), (int16_t)number);
		break;
	case 5:
		mstat_gauge_f64_set(mstat_gauge_f64_with(&level, label), number / 8.0);
		break;
	case 6:
		mstat_observe(mstat_histogram_with(&sizes, label), number);
		break;
	case 7:
		mstat_observe_f64(mstat_histogram_f64_with(&delta), (int16_t)number / 1000.0);
		break;
	case 8:
		mstat_observe_ns(mstat_histogram_with(&wait_time), number * 1000);
		break;
	case 9:
		mstat_gauge_histogram_add(mstat_gauge_histogram_with(&ages), number);
		break;
	case 10:
		mstat_gauge_histogram_remove(mstat_gauge_histogram_with(&ages), number);
		break;
	case 11:
		mstat_info_set(mstat_info_with(&build, label));
		break;
	case 12:
		mstat_state_set_on(mstat_state_set_with(&phase), number % 4);
		break;
	case 13:
		mstat_remove(&gone.family, &label, 1);
		break;
	case 14:
		call_exemplar(bytes, label);
		break;
	default:
		mstat_inc(mstat_counter_with(&gone, label));
	}
	maps_kept = false;
}

/* ---- images ---- */

static uint8_t *file_copy(const char *path, size_t *len)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	fuzz_require(fd >= 0 && !fstat(fd, &status));
	uint8_t *bytes = malloc((size_t)status.st_size);
	fuzz_require(bytes && read(fd, bytes, (size_t)status.st_size) == status.st_size);
	close(fd);
	*len = (size_t)status.st_size;
	return bytes;
}

/* Some of the words in which the images differ go back to what they were. */
static void stores_undo(uint8_t *after, const uint8_t *before, size_t len, uint16_t seed)
{
	uint64_t random = seed * 0x9e3779b97f4a7c15ull | 1;

	for (size_t at = 0; at + 8 <= len; at += 8) {
		if (!memcmp(after + at, before + at, 8))
			continue;
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		if (random & 0x10000)
			memcpy(after + at, before + at, 8);
	}
}

struct change {
	uint16_t place;
	uint32_t value;
};

/* The process has died: its file is what is left of it. Another file takes its name, for the lock went with the maps,
 * and this one must not be mistaken for one in use. */
static void death(const char *path, uint8_t *image, size_t len)
{
	life_end();
	unlink(path);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	fuzz_require(fd >= 0 && !fchmod(fd, 0640) && write(fd, image, len) == (ssize_t)len);
	close(fd);
}

/* ---- the judge ---- */

static uint64_t jobs_in(struct segment *segment)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < segment->series_count; i++)
		if (!strcmp(segment->families[segment->series[i].family].name, "jobs"))
			sum += segment_value(segment, i).bits;
	return sum;
}

/* Reads all segments of the directory; with `sound` none may be refused, and no job may be missing. */
static void directory_check(bool sound)
{
	DIR *stream = fdopendir(openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	uint64_t jobs_found = 0;

	fuzz_require(stream);
	for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
		if (entry->d_name[0] == '.')
			continue;
		struct segment *segment = segment_new(entry->d_name);
		segment_read(segment, directory_fd, NULL);
		if (sound && segment->refusal)
			fprintf(stderr, "%s: %s at %llu\n", entry->d_name, segment_refusal_text(segment->refusal),
				(unsigned long long)segment->refusal_offset);
		fuzz_require(!sound || !segment->refusal);
		jobs_found += jobs_in(segment);
		segment_free(segment);
	}
	closedir(stream);
	fuzz_require(!sound || jobs_found == jobs_done);
}

static void prepare(void)
{
	fuzz_require(mkdtemp(directory));
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_require(directory_fd >= 0);
	atexit(directory_remove);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	uint8_t flags = fuzz_u8(&bytes), cut = fuzz_u8(&bytes);
	uint16_t seed = fuzz_u16(&bytes);
	size_t change_count = fuzz_u8(&bytes) % (CHANGES_MAX + 1), len = 0, calls = 0;
	struct change changes[CHANGES_MAX];
	char path[1024];

	if (directory_fd < 0)
		prepare();
	for (size_t i = 0; i < change_count; i++) {
		changes[i].place = fuzz_u16(&bytes);
		changes[i].value = fuzz_u32(&bytes);
	}
	jobs_done = 0;
	life_begin();
	strcpy(path, mstat_root.path);
	for (; fuzz_left(&bytes) && calls < cut; calls++)
		call(&bytes);
	directory_check(true);
	uint8_t *before = file_copy(path, &len);
	call(&bytes);
	uint8_t *image = file_copy(path, &len);
	if (flags & FLAG_TORN)
		stores_undo(image, before, len, seed);
	for (size_t i = 0; flags & FLAG_CHANGED && i < change_count; i++)
		if ((changes[i].place + 1u) * 4 <= len)
			memcpy(image + changes[i].place * 4, &changes[i].value, 4);
	death(path, image, len);
	bool sound = !(flags & (FLAG_TORN | FLAG_CHANGED));
	directory_check(sound);
	life_begin();
	fuzz_require(!sound || !strcmp(path, mstat_root.path));
	for (; fuzz_left(&bytes) && calls < CALLS_MAX; calls++)
		call(&bytes);
	directory_check(sound);
	life_end();
	directory_check(sound);
	directory_empty();
	free(image);
	free(before);
	return 0;
}
