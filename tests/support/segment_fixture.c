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

static uint64_t consume_text(const char *text)
{
	return text ? strlen(text) + (unsigned char)*text : 0;
}

static uint64_t consume_series(struct segment *segment, uint32_t series)
{
	const struct segment_family *family = &segment->families[segment->series[series].family];
	const char *const *labels = segment_labels(segment, series);
	struct segment_value value = segment_value(segment, series);
	uint64_t sum = value.bits + value.time_ns + value.present;

	for (uint32_t i = 0; labels && i < family->label_count; i++)
		sum += consume_text(labels[i]);
	for (uint32_t i = 0; i < segment->process_count; i++)
		sum += segment_value_of_process(segment, series, i).bits;
	return sum;
}

uint64_t fixture_consume(struct segment *segment)
{
	uint64_t sum = consume_text(segment->service) + consume_text(segment->version);

	for (uint32_t i = 0; i < segment->family_count; i++) {
		const struct segment_family *family = &segment->families[i];
		sum += consume_text(family->name) + consume_text(family->help) + consume_text(family->unit);
		for (uint32_t label = 0; label < family->label_count; label++)
			sum += consume_text(family->label_names[label]);
	}
	for (uint32_t i = 0; i < segment->series_count; i++)
		sum += consume_series(segment, i);
	for (uint32_t i = 0; i < segment->process_count; i++)
		sum += segment->processes[i].pid + segment->processes[i].live;
	return sum + segment_memory_bytes(segment);
}

uint64_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}
