/* SPDX-License-Identifier: MIT */
/* A valid segment, made in memory from include/mstat/segment.h alone: what the reader is tested with, independent of
 * the library that writes real ones. Tests then break it in the place that they are about.
 *
 * Room is small and fixed; running out of it, or of memory, aborts the test.
 */
#ifndef TESTS_SEGMENT_IMAGE_H
#define TESTS_SEGMENT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mstat/segment.h>

struct image_limits {
	uint32_t file_bytes; /* 0: 6144 */
	uint32_t cpu_count;
	uint32_t shared_row_count;
	uint32_t cell_max;
	uint32_t series_max;
	uint32_t process_max;
	uint32_t gauge_cell_max;
	uint32_t exemplar_max;
	uint32_t header_bytes; /* 0: 1024 */
};

/* What fits into 6144 bytes. */
extern const struct image_limits image_limits_tiny;

struct segment_image {
	unsigned char *bytes;
	size_t len;
	struct mstat_shm_header *header;
	struct image_limits limits;
};

struct image_family {
	const char *name;
	const char *help;
	const char *unit;
	uint8_t kind;
	uint8_t value;
	uint8_t merge;
	uint8_t flags;
	const char *labels[4]; /* in ascending order; ends at the first NULL */
	uint32_t buckets;      /* of image_buckets() */
	uint32_t list;         /* of image_list() */
	uint32_t ttl_s;
	uint32_t window_s;
};

void image_init(struct segment_image *image, const struct image_limits *limits);
void image_fini(struct segment_image *image);

/* The region of a kind in the table of regions. */
struct mstat_shm_region *image_region(struct segment_image *image, uint32_t kind);

/* Appends a record (NULL body: zeros) and publishes it; returns its arena offset. */
uint32_t image_record(struct segment_image *image, uint16_t kind, const void *body, uint32_t body_bytes);
uint32_t image_string(struct segment_image *image, const char *text);
uint32_t image_family(struct segment_image *image, const struct image_family *family);

/* Appends a BUCKETS record like `buckets`, whose record part and bounds are not read, with these bounds; or a LIST. */
uint32_t image_buckets(struct segment_image *image, const struct mstat_shm_buckets *buckets, const double *bounds);
uint32_t image_list(struct segment_image *image, const uint64_t *items, uint32_t count);

/* Appends a live series with a cell of its own and publishes it; returns its index. `values` ends at the first NULL;
 * NULL makes the overflow series. */
uint32_t image_series(struct segment_image *image, uint32_t family, const char *const *values);

void *image_arena(struct segment_image *image, uint32_t off);
struct mstat_shm_entry *image_entry(struct segment_image *image, uint32_t index);
struct mstat_shm_series *image_series_record(struct segment_image *image, uint32_t index);
uint64_t *image_row_state(struct segment_image *image, uint32_t row);
uint64_t *image_cell(struct segment_image *image, uint32_t row, uint32_t cell);
uint64_t *image_gauge_cell(struct segment_image *image, uint32_t row, uint32_t cell);
struct mstat_shm_process *image_process(struct segment_image *image, uint32_t slot);

/* The cell of a series in a row, by its kind; the cells of its buckets follow its sums. */
uint64_t *image_series_cell(struct segment_image *image, uint32_t row, uint32_t index);

/* Fills an exemplar slot: right, until a test breaks it. `at` counts from the first cell of the series. */
void image_exemplar(struct segment_image *image, uint32_t slot, uint32_t index, uint32_t at, double value,
		    const char *labels);
struct mstat_shm_exemplar *image_exemplar_slot(struct segment_image *image, uint32_t slot);

/* Claims a process slot. */
void image_claim(struct segment_image *image, uint32_t slot, uint32_t pid, uint32_t pid_ns, uint64_t start_ticks,
		 uint32_t flags);

/* Writes the image as a file of mode 0640, in place if it exists. */
void image_write(const struct segment_image *image, int directory_fd, const char *name);

#endif
