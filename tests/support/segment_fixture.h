/* SPDX-License-Identifier: MIT */
/* A directory on a tmpfs with one segment file in it, and the reader's object for it. */
#ifndef TESTS_SEGMENT_FIXTURE_H
#define TESTS_SEGMENT_FIXTURE_H

#include "segment/reader.h"
#include "segment_image.h"

struct segment_fixture {
	char path[64];
	int directory_fd;
	char name[64]; /* shop.UID.0 */
	struct segment_image image;
	struct segment *segment;
	int lock_fd; /* holds the locks of fixture_lock(); -1 while there are none */
};

/* cmocka's set-up and tear-down: *state is a struct segment_fixture with an empty tiny image, nothing written yet. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Starts again with an image of other limits. */
void fixture_image(struct segment_fixture *fixture, const struct image_limits *limits);

/* Writes the image and reads it. */
enum segment_state fixture_read(struct segment_fixture *fixture);

/* Takes an OFD write lock on a byte of the file, as a living writer does; fixture_unlock() drops all. */
void fixture_lock(struct segment_fixture *fixture, uint64_t byte);
void fixture_unlock(struct segment_fixture *fixture);

/* Fills the image with a little of everything: counters u64 and f64 with labels, an overflow series, gauges of all
 * merge rules, two processes. */
void fixture_fill(struct segment_fixture *fixture);

/* Adds what has buckets or a list: a histogram "latency_seconds" of integers with an exemplar, a summary "answer" of
 * doubles, a gauge histogram "ages", a state set "phase", an info "build". */
void fixture_fill_shapes(struct segment_fixture *fixture);

/* Looks at every family, label and value of what was read: what a consumer would do. Returns a sum, so that nothing of
 * it can be left out by the compiler. */
uint64_t fixture_consume(struct segment *segment);

uint64_t bits_of(double value);

#endif
