/* SPDX-License-Identifier: MIT */
/* Writes the segments of the corpus: small and valid, one for each kind of content. The layout's version is in them, so
 * a new one wants them written anew (make fuzz-seeds).
 *
 *     seeds CORPUS_DIRECTORY
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "segment_fixture.h"

static void file_write(const char *directory, const char *target, const char *name, const void *bytes, size_t len,
		       const char *tail, size_t tail_len)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	FILE *file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, len, file) != len || fwrite(tail, 1, tail_len, file) != tail_len ||
	    fclose(file)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* Two changes: series 0 is removed before the fourth read, a record changes its length before the seventh. */
static const char changes[] = {3, 2, 0, 1, 2, 0, 0, 0, 6, 2, 0x90, 1, 0xf0, 0, 0, 0, 2};

static void seed_write(const char *directory, const char *name, struct segment_image *image)
{
	file_write(directory, "reader", name, image->bytes, image->len, "", 0);
	file_write(directory, "double_fetch", name, image->bytes, image->len, changes, sizeof(changes));
	file_write(directory, "segments", name, image->bytes, image->len, "", 0);
}

/* As small as they come: the limits that the fixture's content needs, and no room behind it. */
static void image_shrink(struct segment_fixture *fixture)
{
	static const struct image_limits limits = {.file_bytes = 4800,
						   .cpu_count = 2,
						   .shared_row_count = 1,
						   .cell_max = 24,
						   .series_max = 12,
						   .process_max = 3,
						   .gauge_cell_max = 12,
						   .exemplar_max = 1};
	fixture_image(fixture, &limits);
}

int main(int argc, char **argv)
{
	void *state;

	if (argc != 2 || fixture_setup(&state)) {
		fputs("usage: seeds CORPUS_DIRECTORY\n", stderr);
		return 2;
	}
	struct segment_fixture *fixture = state;
	image_shrink(fixture);
	seed_write(argv[1], "empty", &fixture->image);
	fixture_fill(fixture);
	seed_write(argv[1], "counters_gauges", &fixture->image);
	image_shrink(fixture);
	fixture_fill_shapes(fixture);
	image_claim(&fixture->image, 0, 1, 1, 2, 0);
	seed_write(argv[1], "shapes_dead", &fixture->image);
	fixture_teardown(&state);
	fixture_setup(&state);
	fixture = state;
	fixture->image.header->uuid[15] = 1;
	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	seed_write(argv[1], "all_dead", &fixture->image);
	fixture->image.header->uuid[15] = 0;
	seed_write(argv[1], "all_live", &fixture->image);
	fixture_teardown(&state);
	return 0;
}
