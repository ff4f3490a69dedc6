/* SPDX-License-Identifier: MIT */
/* A host of our own making: a tree of proc, sys, root and udev files on tmpfs, and the host collectors upon it.
 *
 *     struct host_fixture fixture;
 *     host_fixture_init(&fixture);
 *     host_fixture_write(&fixture, "proc/loadavg", "0.1 0.2 0.3 1/2 3\n");
 *     host_fixture_start(&fixture, HOST_INDEX_loadavg);    // or set fixture.options first
 *     host_fixture_collect(&fixture);                      // any number of times
 *     assert_true(host_fixture_value(&fixture, "node_load1") == 0.1);
 *     host_fixture_fini(&fixture);
 *
 * Failures end the test (cmocka).
 */
#ifndef TESTS_SUPPORT_HOST_FIXTURE_H
#define TESTS_SUPPORT_HOST_FIXTURE_H

#include "collect/host_options.h"
#include "collect/host_set.h"
#include "snapshot/snapshot.h"

struct host_fixture {
	char directory[64];
	char paths[HOST_ROOT_COUNT][80];
	struct host_options options; /* the defaults of collector_options.def; no collector enabled */
	struct catalog *catalog;
	struct builder *builder;
	struct host_set *set;
	struct snapshot *snapshot; /* of the last collection */
};

/* One for the test that runs, made and removed around each (cmocka_unit_test_setup_teardown). */
extern struct host_fixture test_host;
int host_fixture_setup(void **state);
int host_fixture_teardown(void **state);

void host_fixture_init(struct host_fixture *fixture);
void host_fixture_fini(struct host_fixture *fixture);

/* Writes a file (path relative to the directory; parents are made), replacing an old one. */
void host_fixture_write(struct host_fixture *fixture, const char *path, const char *text);
void host_fixture_write_bytes(struct host_fixture *fixture, const char *path, const void *bytes, size_t len);
void host_fixture_link(struct host_fixture *fixture, const char *path, const char *target);
void host_fixture_mkdir(struct host_fixture *fixture, const char *path);
void host_fixture_remove(struct host_fixture *fixture, const char *path); /* with all below it */

/* The full path of a file in the tree, in a static buffer. */
const char *host_fixture_path(struct host_fixture *fixture, const char *path);

/* Starts the collectors enabled in fixture->options and `index`. */
void host_fixture_start(struct host_fixture *fixture, enum host_index index);
void host_fixture_collect(struct host_fixture *fixture);

/* A series by its text as exposed, labels in ascending order of name: `node_x_total{device="a"}`. */
bool host_fixture_has(struct host_fixture *fixture, const char *series);
double host_fixture_value(struct host_fixture *fixture, const char *series); /* fails the test where there is none */
/* How many series have names that begin like this. */
size_t host_fixture_count(struct host_fixture *fixture, const char *prefix);

#endif
