/* SPDX-License-Identifier: MIT */
/* A directory on a tmpfs with one segment file: see segment_fixture.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "segment_fixture.h"

int fixture_setup(void **state)
{
	struct segment_fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	strcpy(fixture->path, "/dev/shm/mstat-test-XXXXXX");
	if (!mkdtemp(fixture->path))
		return -1;
	fixture->directory_fd = open(fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture->lock_fd = -1;
	snprintf(fixture->name, sizeof(fixture->name), "shop.%u.0", (unsigned)getuid());
	image_init(&fixture->image, &image_limits_tiny);
	fixture->segment = segment_new(fixture->name);
	*state = fixture;
	return fixture->segment && fixture->directory_fd >= 0 ? 0 : -1;
}

static void directory_empty(int directory_fd)
{
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream)
		return;
	for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") &&
		    unlinkat(directory_fd, entry->d_name, 0))
			unlinkat(directory_fd, entry->d_name, AT_REMOVEDIR);
	closedir(stream);
}

int fixture_teardown(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_unlock(fixture);
	segment_free(fixture->segment);
	image_fini(&fixture->image);
	directory_empty(fixture->directory_fd);
	close(fixture->directory_fd);
	rmdir(fixture->path);
	free(fixture);
	return 0;
}

void fixture_image(struct segment_fixture *fixture, const struct image_limits *limits)
{
	image_fini(&fixture->image);
	image_init(&fixture->image, limits);
}

enum segment_state fixture_read(struct segment_fixture *fixture)
{
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	return segment_read(fixture->segment, fixture->directory_fd, NULL);
}

void fixture_lock(struct segment_fixture *fixture, uint64_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};

	if (fixture->lock_fd < 0)
		fixture->lock_fd = openat(fixture->directory_fd, fixture->name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fixture->lock_fd < 0 || fcntl(fixture->lock_fd, F_OFD_SETLK, &lock))
		abort();
}

void fixture_unlock(struct segment_fixture *fixture)
{
	if (fixture->lock_fd >= 0)
		close(fixture->lock_fd);
	fixture->lock_fd = -1;
}

static void fill_counters(struct segment_image *image)
{
	uint32_t requests = image_family(image, &(struct image_family){.name = "requests",
								       .help = "Requests served.",
								       .kind = MSTAT_SHM_COUNTER,
								       .value = MSTAT_SHM_U64,
								       .merge = MSTAT_SHM_MERGE_SUM,
								       .labels = {"method", "status"}});
	uint32_t seconds = image_family(image, &(struct image_family){.name = "busy_seconds",
								      .unit = "seconds",
								      .kind = MSTAT_SHM_COUNTER,
								      .value = MSTAT_SHM_F64,
								      .merge = MSTAT_SHM_MERGE_SUM});
	uint32_t get = image_series(image, requests, (const char *const[]){"GET", "200", NULL});
	image_series(image, requests, NULL);
	uint32_t busy = image_series(image, seconds, (const char *const[]){NULL});
	*image_series_cell(image, 0, get) = 40;
	*image_series_cell(image, 2, get) = 2;
	*image_series_cell(image, 0, busy) = bits_of(0.25);
	*image_series_cell(image, 1, busy) = bits_of(1.5);
}

static void fill_gauges(struct segment_image *image)
{
	static const uint8_t merges[] = {MSTAT_SHM_MERGE_SUM, MSTAT_SHM_MERGE_LAST, MSTAT_SHM_MERGE_EACH};
	static const char *const names[] = {"depth", "version", "memory_bytes"};

	for (int i = 0; i < 3; i++) {
		uint32_t family = image_family(image, &(struct image_family){.name = names[i],
									     .kind = MSTAT_SHM_GAUGE,
									     .value = MSTAT_SHM_I64,
									     .merge = merges[i]});
		uint32_t series = image_series(image, family, (const char *const[]){NULL});
		*image_series_cell(image, 1, series) = mstat_shm_gauge_from_i64(-5);
	}
}

void fixture_fill(struct segment_fixture *fixture)
{
	fill_counters(&fixture->image);
	fill_gauges(&fixture->image);
	image_claim(&fixture->image, 0, (uint32_t)getpid(), 1, 2, 0);
	image_claim(&fixture->image, 2, 7, 1, 2, MSTAT_SHM_PROCESS_LOCKED);
}

static uint32_t add_histogram(struct segment_image *image)
{
	static const double bounds[] = {0.001, 0.01};
	const struct mstat_shm_buckets buckets = {.flags = MSTAT_SHM_BUCKETS_EXPLICIT, .bound_count = 2, .scale = 1e-9};
	uint32_t off = image_buckets(image, &buckets, bounds);
	uint32_t family = image_family(image, &(struct image_family){.name = "latency_seconds",
								     .kind = MSTAT_SHM_HISTOGRAM,
								     .value = MSTAT_SHM_U64,
								     .ttl_s = 60,
								     .buckets = off});
	return image_series(image, family, (const char *const[]){NULL});
}

/* Two exponential buckets: (1, 2] and (2, 4]; the median and the maximum. */
static uint32_t add_summary(struct segment_image *image)
{
	const uint64_t quantiles[] = {bits_of(0.5), bits_of(1)};
	const struct mstat_shm_buckets buckets = {
		.flags = MSTAT_SHM_BUCKETS_EXPONENTIAL, .schema = 0, .first = 1, .count = 2, .scale = 1};
	uint32_t off = image_buckets(image, &buckets, NULL), list = image_list(image, quantiles, 2);
	uint32_t family = image_family(image, &(struct image_family){.name = "answer",
								     .kind = MSTAT_SHM_SUMMARY,
								     .value = MSTAT_SHM_F64,
								     .buckets = off,
								     .list = list,
								     .window_s = 600});
	return image_series(image, family, (const char *const[]){NULL});
}

static void fill_gauge_shapes(struct segment_image *image)
{
	static const double bounds[] = {10, 100};
	const struct mstat_shm_buckets buckets = {.flags = MSTAT_SHM_BUCKETS_EXPLICIT, .bound_count = 2, .scale = 1};
	uint32_t off = image_buckets(image, &buckets, bounds);
	const uint64_t states[] = {image_string(image, "up"), image_string(image, "down")};
	uint32_t list = image_list(image, states, 2);
	const struct image_family families[] = {
		{.name = "ages", .kind = MSTAT_SHM_GAUGE_HISTOGRAM, .merge = MSTAT_SHM_MERGE_SUM, .buckets = off},
		{.name = "phase", .kind = MSTAT_SHM_STATE_SET, .merge = MSTAT_SHM_MERGE_MAX, .list = list},
		{.name = "build", .kind = MSTAT_SHM_INFO, .merge = MSTAT_SHM_MERGE_MAX}};
	uint64_t *cells[3];

	for (int i = 0; i < 3; i++) {
		struct image_family family = families[i];
		family.value = MSTAT_SHM_I64;
		uint32_t series = image_series(image, image_family(image, &family), (const char *const[]){NULL});
		cells[i] = image_series_cell(image, 1, series);
	}
	for (int i = 0; i < 4; i++)
		cells[0][i] = mstat_shm_gauge_from_i64(i ? i : 321);
	*cells[1] = mstat_shm_gauge_from_i64(2);
	*cells[2] = mstat_shm_gauge_from_i64(1);
}

void fixture_fill_shapes(struct segment_fixture *fixture)
{
	struct segment_image *image = &fixture->image;
	uint32_t histogram = add_histogram(image), summary = add_summary(image);

	fill_gauge_shapes(image);
	for (uint32_t row = 0; row < 2; row++) {
		uint64_t *cells = image_series_cell(image, row, histogram);
		cells[0] = 5500000;
		cells[1] = 1;
		cells[2] = 1 + row;
		cells = image_series_cell(image, row, summary);
		cells[0] = cells[3] = bits_of(1.5);
		cells[5] = 3;
	}
	image_exemplar(image, 0, histogram, 2, 5000000, "trace_id=\"00f067aa0ba902b7\"");
}

static uint64_t consume_text(const char *text)
{
	return text ? strlen(text) + (unsigned char)*text : 0;
}

static uint64_t consume_series(struct segment *segment, uint32_t series)
{
	const struct segment_family *family = &segment->families[segment->series[series].family];
	const char *const *labels = segment_labels(segment, series);
	struct segment_value value = segment_value(segment, series);
	struct segment_distribution distribution = segment_distribution(segment, series);
	uint64_t sum = value.bits + value.time_ns + value.present + distribution.sum + distribution.present;

	for (uint32_t i = 0; i < distribution.bucket_count; i++)
		sum += distribution.buckets[i];
	for (uint32_t i = 0; labels && i < family->label_count; i++)
		sum += consume_text(labels[i]);
	for (uint32_t i = 0; i < segment->process_count; i++)
		sum += segment_value_of_process(segment, series, i).bits;
	return sum;
}

static uint64_t consume_family(const struct segment_family *family)
{
	uint64_t sum = consume_text(family->name) + consume_text(family->help) + consume_text(family->unit);

	for (uint32_t label = 0; label < family->label_count; label++)
		sum += consume_text(family->label_names[label]);
	for (uint32_t i = 0; i < family->item_count; i++)
		sum += family->states ? consume_text(family->states[i]) : bits_of(family->quantiles[i]);
	for (uint32_t i = 0; family->buckets && i < family->buckets->bound_count; i++)
		sum += bits_of(family->buckets->bounds[i]);
	return sum;
}

static uint64_t consume_exemplars(const struct segment *segment)
{
	const struct segment_exemplar *exemplars;
	size_t count = segment_exemplars(segment, &exemplars);
	uint64_t sum = count;

	for (size_t i = 0; i < count; i++) {
		const struct segment_series *series = &segment->series[exemplars[i].series];
		const struct segment_family *family = &segment->families[series->family];
		sum += bits_of(exemplars[i].value) + family->cells / (family->cells - exemplars[i].bucket);
		for (uint32_t k = 0; k < exemplars[i].labels_len; k++)
			sum += (unsigned char)exemplars[i].labels[k];
	}
	return sum;
}

uint64_t fixture_consume(struct segment *segment)
{
	uint64_t sum = consume_text(segment->service) + consume_text(segment->version);

	for (uint32_t i = 0; i < segment->family_count; i++)
		sum += consume_family(&segment->families[i]);
	for (uint32_t i = 0; i < segment->series_count; i++)
		sum += consume_series(segment, i);
	for (uint32_t i = 0; i < segment->process_count; i++)
		sum += segment->processes[i].pid + segment->processes[i].live;
	return sum + consume_exemplars(segment) + segment_memory_bytes(segment);
}

uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}
