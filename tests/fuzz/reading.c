/* SPDX-License-Identifier: MIT */
/* A reader over bytes in memory: see reading.h. */
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mstat/bucket.h>

#include "fuzz.h"
#include "reading.h"
#include "segment/private.h"
#include "segment_fixture.h"

const struct segment_limits reading_limits = {
	.file_bytes_max = READING_BYTES_MAX,
	.memory_bytes_max = 256 << 10,
	.rows_bytes_max = 1 << 20,
	.series_max = 512,
	.string_bytes_max = 1024,
};

int reading_fd(void)
{
	static int fd = -1;
	char path[32], zeros[4096] = {0};

	if (fd >= 0)
		return fd;
	fd = memfd_create("segment", MFD_CLOEXEC);
	fuzz_require(fd >= 0);
	/* Written, so that no part of it looks like a hole. */
	for (size_t i = 0; i < READING_BYTES_MAX; i += sizeof(zeros))
		fuzz_require(write(fd, zeros, sizeof(zeros)) == sizeof(zeros));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = MSTAT_SHM_LOCK_TREE, .l_len = 1};
	int writer_fd = open(path, O_RDWR | O_CLOEXEC);
	fuzz_require(writer_fd >= 0 && !fcntl(writer_fd, F_OFD_SETLK, &lock));
	return fd;
}

struct segment *reading_new(ssize_t (*read_at)(int fd, void *buffer, size_t len, off_t offset))
{
	struct segment *segment = segment_new("fuzz.0.0");

	fuzz_require(segment);
	segment->private->read_at = read_at;
	return segment;
}

static void family_check(const struct segment_family *family)
{
	fuzz_require(name_is_metric(family->name) && name_has_unit(family->name, family->unit));
	fuzz_require(text_is_utf8(family->help, strlen(family->help)));
	fuzz_require(family->kind >= MSTAT_SHM_COUNTER && family->kind <= MSTAT_SHM_STATE_SET);
	for (uint32_t i = 0; i < family->label_count; i++)
		fuzz_require(name_is_label(family->label_names[i]) &&
			     (!i || strcmp(family->label_names[i - 1], family->label_names[i]) < 0));
	fuzz_require(!family->buckets == !mstat_shm_kind_has_buckets(family->kind));
	fuzz_require(!family->quantiles == (family->kind != MSTAT_SHM_SUMMARY));
	fuzz_require(!family->states == (family->kind != MSTAT_SHM_STATE_SET));
	fuzz_require(family->cells > family->sums && family->cells <= MSTAT_PARTITION_MAX + MSTAT_SHM_SUMS_F64);
	if (family->buckets)
		fuzz_require(mstat_buckets_valid(family->buckets, family->buckets->record.bytes, family->value));
}

static void series_check(struct segment *segment, uint32_t index)
{
	const struct segment_series *series = &segment->series[index];
	fuzz_require(series->family < segment->family_count);
	const struct segment_family *family = &segment->families[series->family];
	const char *const *labels = segment_labels(segment, index);
	struct segment_distribution distribution = segment_distribution(segment, index);

	fuzz_require(!series->readable || (series->state & MSTAT_SHM_STATE_MASK) == MSTAT_SHM_STATE_LIVE);
	if (!series->readable)
		fuzz_require(!segment_value(segment, index).present && !distribution.present);
	for (uint32_t i = 0; labels && i < family->label_count; i++)
		fuzz_require(text_is_utf8(labels[i], strlen(labels[i])));
	fuzz_require(!labels || !labels[family->label_count]);
	fuzz_require(!distribution.present || (family->buckets && distribution.bucket_count));
	if (distribution.present && family->kind == MSTAT_SHM_GAUGE_HISTOGRAM)
		for (uint32_t i = 0; i < distribution.bucket_count; i++)
			fuzz_require((int64_t)distribution.buckets[i] >= 0);
}

static void exemplars_check(const struct segment *segment)
{
	const struct segment_exemplar *exemplars;
	size_t count = segment_exemplars(segment, &exemplars);

	for (size_t i = 0; i < count; i++) {
		fuzz_require(exemplars[i].series < segment->series_count);
		const struct segment_family *family = &segment->families[segment->series[exemplars[i].series].family];
		fuzz_require(exemplars[i].bucket < family->cells - family->sums);
		fuzz_require(exemplar_labels_sound(exemplars[i].labels, exemplars[i].labels_len));
	}
}

void reading_check(struct segment *segment)
{
	fuzz_require(segment->state >= SEGMENT_LIVE && segment->state <= SEGMENT_CORRUPT);
	fuzz_require(segment->refusal < SEGMENT_REFUSAL_COUNT);
	fuzz_require(!segment->refusal || refusal_state(segment->refusal) == segment->state);
	if (!segment->refusal) {
		fuzz_require(segment->service && segment->version);
		fuzz_require(text_is_utf8(segment->service, strlen(segment->service)));
	}
	for (uint32_t i = 0; i < segment->family_count; i++)
		family_check(&segment->families[i]);
	for (uint32_t i = 0; i < segment->series_count; i++)
		series_check(segment, i);
	if (!segment->refusal)
		exemplars_check(segment);
	fuzz_require(segment->series_count <= reading_limits.series_max);
	/* A few to spare in each array, and what an earlier refusal has left. */
	fuzz_require(segment_memory_bytes(segment) <= 2 * reading_limits.memory_bytes_max);
	fixture_consume(segment);
}

/* ---- values, computed once more and from the rules of segment.h alone ---- */

static uint64_t word_at(const uint8_t *image, size_t len, uint64_t at)
{
	uint64_t word = 0;
	fuzz_require(at <= len && len - at >= 8);
	memcpy(&word, image + at, 8);
	return word;
}

static bool bits_equal_f64(uint64_t one, uint64_t other)
{
	return one == other || (isnan(mstat_f64_of_bits(one)) && isnan(mstat_f64_of_bits(other)));
}

/* R3: the sum of a cell over all rows that have it. */
static uint64_t cell_sum(const struct segment *segment, const uint8_t *image, size_t len, uint32_t cell, bool f64)
{
	const struct mstat_shm_header *header = &segment->header;
	const struct mstat_shm_region *states = region_of(segment, MSTAT_SHM_REGION_ROW_STATES);
	const struct mstat_shm_region *rows = region_of(segment, MSTAT_SHM_REGION_ROWS);
	uint64_t sum = 0;

	for (uint64_t row = 0; row < (uint64_t)header->cpu_count + header->shared_row_count; row++) {
		if (word_at(image, len, states->offset + row * states->stride) <= cell)
			continue;
		uint64_t bits = word_at(image, len, rows->offset + row * rows->stride + cell * 8ull);
		sum = f64 ? mstat_f64_bits(mstat_f64_of_bits(sum) + mstat_f64_of_bits(bits)) : sum + bits;
	}
	return sum;
}

/* A lying file may give one cell to several series; it is added up as a double if one of them says so. */
static bool cell_is_f64(const struct segment *segment, uint32_t cell)
{
	for (uint32_t i = 0; i < segment->series_count; i++) {
		const struct segment_series *series = &segment->series[i];
		const struct segment_family *family = &segment->families[series->family];
		if (series->readable && mstat_shm_kind_in_rows(family->kind) && family->value == MSTAT_SHM_F64 &&
		    cell >= series->cell && cell - series->cell < (family->sums ? family->sums : 1))
			return true;
	}
	return false;
}

static void cell_check(const struct segment *segment, const uint8_t *image, size_t len, uint32_t cell, uint64_t bits)
{
	bool f64 = cell_is_f64(segment, cell);
	uint64_t sum = cell_sum(segment, image, len, cell, f64);

	fuzz_require(f64 ? bits_equal_f64(sum, bits) : sum == bits);
}

void reading_check_values(struct segment *segment, const uint8_t *image, size_t len)
{
	for (uint32_t i = 0; i < segment->series_count && i < 64; i++) {
		const struct segment_series *series = &segment->series[i];
		const struct segment_family *family = &segment->families[series->family];
		struct segment_distribution distribution = segment_distribution(segment, i);
		if (!series->readable || !mstat_shm_kind_in_rows(family->kind))
			continue;
		if (!family->buckets)
			cell_check(segment, image, len, series->cell, segment_value(segment, i).bits);
		for (uint32_t k = 0; k < distribution.bucket_count && k < 16; k++)
			cell_check(segment, image, len, series->cell + family->sums + k, distribution.buckets[k]);
	}
}
