/* SPDX-License-Identifier: MIT */
/* A host of our own making. */
#include "host_fixture.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FALLBACK_TEXT(text) (text)
#define FALLBACK_PATTERN(text) (text)
#define FALLBACK_TEXTS(text) NULL
#define FALLBACK_SWITCH(text) (*(text) == 't')
#define FALLBACK_COUNT(text) strtoll((text), NULL, 10)
/* Milliseconds or seconds: what the defaults are given in. */
#define FALLBACK_DURATION(text) (strtoll((text), NULL, 10) * (strstr((text), "ms") ? 1000000 : 1000000000))

void host_fixture_init(struct host_fixture *fixture)
{
	static const char *const names[HOST_ROOT_COUNT] = {"proc", "sys", "root", "udev"};
	*fixture = (struct host_fixture){
		.directory = "/dev/shm/mstat-test-host-XXXXXX",
		.options =
			{
				.deadline_ns = INT64_C(10000000000),
#define COLLECTOR_OPTION(option, field, type, fallback, ...) .field = FALLBACK_##type(fallback),
#include "collect/collector_options.def"
			},
	};
	assert_non_null(mkdtemp(fixture->directory));
	for (size_t i = 0; i < HOST_ROOT_COUNT; i++) {
		snprintf(fixture->paths[i], sizeof(fixture->paths[i]), "%s/%s", fixture->directory, names[i]);
		assert_int_equal(mkdir(fixture->paths[i], 0755), 0);
		fixture->options.paths[i] = fixture->paths[i];
	}
	fixture->catalog = catalog_new(100000);
	assert_non_null(fixture->catalog);
	fixture->builder = builder_new(fixture->catalog);
	assert_non_null(fixture->builder);
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void host_fixture_fini(struct host_fixture *fixture)
{
	snapshot_unref(fixture->snapshot);
	host_set_free(fixture->set);
	builder_free(fixture->builder);
	catalog_free(fixture->catalog);
	nftw(fixture->directory, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

const char *host_fixture_path(struct host_fixture *fixture, const char *path)
{
	static char full[4096];
	assert_true(snprintf(full, sizeof(full), "%s/%s", fixture->directory, path) < (int)sizeof(full));
	return full;
}

static void parents_make(char *full)
{
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(full, 0755) && errno != EEXIST)
			fail_msg("mkdir %s: %s", full, strerror(errno));
		*slash = '/';
	}
}

void host_fixture_write_bytes(struct host_fixture *fixture, const char *path, const void *bytes, size_t len)
{
	char *full = strdup(host_fixture_path(fixture, path));
	parents_make(full);
	unlink(full);
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	free(full);
}

void host_fixture_write(struct host_fixture *fixture, const char *path, const char *text)
{
	host_fixture_write_bytes(fixture, path, text, strlen(text));
}

void host_fixture_link(struct host_fixture *fixture, const char *path, const char *target)
{
	char *full = strdup(host_fixture_path(fixture, path));
	parents_make(full);
	assert_int_equal(symlink(target, full), 0);
	free(full);
}

void host_fixture_mkdir(struct host_fixture *fixture, const char *path)
{
	char *full = strdup(host_fixture_path(fixture, path));
	parents_make(full);
	if (mkdir(full, 0755) && errno != EEXIST)
		fail_msg("mkdir %s: %s", full, strerror(errno));
	free(full);
}

void host_fixture_remove(struct host_fixture *fixture, const char *path)
{
	assert_int_equal(nftw(host_fixture_path(fixture, path), entry_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void host_fixture_start(struct host_fixture *fixture, enum host_index index)
{
	fixture->options.enabled[index] = true;
	assert_int_equal(host_set_new(&fixture->options, &fixture->set), 0);
}

void host_fixture_collect(struct host_fixture *fixture)
{
	snapshot_unref(fixture->snapshot);
	builder_begin(fixture->builder);
	host_set_collect(fixture->set, fixture->builder);
	fixture->snapshot = builder_freeze(fixture->builder);
	assert_non_null(fixture->snapshot);
}

static bool series_find(struct host_fixture *fixture, const char *series, struct number *number)
{
	for (size_t i = 0; i < snapshot_sample_count(fixture->snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(fixture->snapshot, i);
		if (sample.text_len != strlen(series) || memcmp(sample.text, series, sample.text_len))
			continue;
		*number = sample.number;
		return true;
	}
	return false;
}

bool host_fixture_has(struct host_fixture *fixture, const char *series)
{
	struct number number;
	return series_find(fixture, series, &number);
}

double host_fixture_value(struct host_fixture *fixture, const char *series)
{
	struct number number;
	if (!series_find(fixture, series, &number))
		fail_msg("no series %s", series);
	return number.type == NUMBER_F64   ? number.f64
	       : number.type == NUMBER_I64 ? (double)number.i64
					   : (double)number.u64;
}

size_t host_fixture_count(struct host_fixture *fixture, const char *prefix)
{
	size_t count = 0;
	for (size_t i = 0; i < snapshot_sample_count(fixture->snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(fixture->snapshot, i);
		count += sample.text_len >= strlen(prefix) && !memcmp(sample.text, prefix, strlen(prefix));
	}
	return count;
}

struct host_fixture test_host;

int host_fixture_setup(void **state)
{
	(void)state;
	host_fixture_init(&test_host);
	return 0;
}

int host_fixture_teardown(void **state)
{
	(void)state;
	host_fixture_fini(&test_host);
	return 0;
}
