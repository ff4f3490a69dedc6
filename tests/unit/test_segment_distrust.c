/* SPDX-License-Identifier: MIT */
/* The reader survives what a file may hold or be: every changed byte, every length, every kind of file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/private.h"
#include "segment_fixture.h"

#define HEADER_AT(field) offsetof(struct mstat_shm_header, field)

static void assert_verdict(struct segment *segment)
{
	assert_in_range(segment->state, SEGMENT_LIVE, SEGMENT_CORRUPT);
	assert_in_range(segment->refusal, SEGMENT_REFUSED_NONE, SEGMENT_REFUSAL_COUNT - 1);
	assert_true(strlen(segment_state_word(segment->state)) > 0);
	if (segment->refusal)
		assert_int_equal(refusal_state(segment->refusal), segment->state);
	fixture_consume(segment);
}

static void read_changed(struct segment_fixture *fixture, int fd, size_t offset, unsigned char byte)
{
	struct segment *segment = segment_new(fixture->name);

	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
	segment_read(segment, fixture->directory_fd, NULL);
	assert_verdict(segment);
	segment_free(segment);
}

static void test_reader_survives_every_change_of_one_byte(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	assert_int_equal(fixture_read(fixture), SEGMENT_LIVE);
	for (size_t offset = 0; offset < fixture->image.len; offset++) {
		unsigned char byte = fixture->image.bytes[offset];
		for (int bit = 0; bit < 8; bit++)
			read_changed(fixture, fixture->lock_fd, offset, byte ^ (unsigned char)(1u << bit));
		read_changed(fixture, fixture->lock_fd, offset, 0x00);
		read_changed(fixture, fixture->lock_fd, offset, 0xff);
		read_changed(fixture, fixture->lock_fd, offset, (unsigned char)(byte + 1));
		assert_int_equal(pwrite(fixture->lock_fd, &byte, 1, (off_t)offset), 1);
	}
}

/* The same after a good read, when there is something to contradict, with the strings dropped now and then. */
static void test_reader_survives_changes_of_what_it_has_understood(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	fixture_lock(fixture, MSTAT_SHM_LOCK_TREE);
	for (size_t offset = 0; offset < fixture->image.len; offset++) {
		unsigned char changed = fixture->image.bytes[offset] ^ (offset % 3 ? 0x01 : 0xff);
		struct segment *segment = segment_new(fixture->name);
		image_write(&fixture->image, fixture->directory_fd, fixture->name);
		assert_int_equal(segment_read(segment, fixture->directory_fd, NULL), SEGMENT_LIVE);
		if (offset % 2)
			segment_drop_strings(segment);
		if (offset % 4 == 1)
			segment_want_strings(segment);
		assert_int_equal(pwrite(fixture->lock_fd, &changed, 1, (off_t)offset), 1);
		for (int i = 0; i < 2; i++) {
			segment_read(segment, fixture->directory_fd, NULL);
			assert_verdict(segment);
		}
		segment_free(segment);
	}
}

static void test_reader_survives_every_truncation(void **state)
{
	struct segment_fixture *fixture = *state;

	fixture_fill(fixture);
	fixture_fill_shapes(fixture);
	image_write(&fixture->image, fixture->directory_fd, fixture->name);
	for (off_t len = (off_t)fixture->image.len - 1; len >= 0; len--) {
		int fd = openat(fixture->directory_fd, fixture->name, O_RDWR | O_CLOEXEC);
		uint64_t said = (uint64_t)len;
		assert_int_equal(ftruncate(fd, len), 0);
		assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_CORRUPT);
		assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_SIZE);
		if (len >= (off_t)sizeof(struct mstat_shm_header)) {
			/* The header admits it: then a region reaches beyond the file. */
			assert_int_equal(pwrite(fd, &said, sizeof(said), HEADER_AT(file_bytes)), sizeof(said));
			segment_read(fixture->segment, fixture->directory_fd, NULL);
			assert_int_equal(fixture->segment->refusal, SEGMENT_REFUSED_REGION);
		}
		close(fd);
	}
}

static void assert_file_refused(struct segment_fixture *fixture, enum segment_refusal refusal)
{
	assert_int_equal(segment_read(fixture->segment, fixture->directory_fd, NULL), SEGMENT_UNREADABLE);
	assert_string_equal(segment_refusal_label(fixture->segment->refusal), segment_refusal_label(refusal));
	unlinkat(fixture->directory_fd, fixture->name, 0);
}

static void test_reader_refuses_what_is_not_a_file_of_its_owner(void **state)
{
	struct segment_fixture *fixture = *state;
	int at = fixture->directory_fd;

	image_write(&fixture->image, at, "real");
	assert_int_equal(symlinkat("real", at, fixture->name), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_OPEN);
	assert_int_equal(fixture->segment->error, ELOOP);
	assert_int_equal(linkat(at, "real", at, fixture->name, 0), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_LINKS);
	assert_int_equal(mkfifoat(at, fixture->name, 0600), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_NOT_REGULAR);
	assert_int_equal(mkdirat(at, fixture->name, 0700), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_NOT_REGULAR);
	unlinkat(at, fixture->name, AT_REMOVEDIR);
	image_write(&fixture->image, at, fixture->name);
	assert_int_equal(fchmodat(at, fixture->name, 0660, 0), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_MODE);
	image_write(&fixture->image, at, fixture->name);
	assert_int_equal(fchmodat(at, fixture->name, 0602, 0), 0);
	assert_file_refused(fixture, SEGMENT_REFUSED_MODE);
}

static void test_reader_refuses_a_name_with_another_owner(void **state)
{
	struct segment_fixture *fixture = *state;
	struct segment *segment = segment_new("shop.4294967.0");

	image_write(&fixture->image, fixture->directory_fd, segment->name);
	segment_read(segment, fixture->directory_fd, NULL);
	assert_int_equal(segment->refusal, SEGMENT_REFUSED_OWNER);
	segment_free(segment);
	segment = segment_new("noname");
	image_write(&fixture->image, fixture->directory_fd, segment->name);
	segment_read(segment, fixture->directory_fd, NULL);
	assert_int_equal(segment->refusal, SEGMENT_REFUSED_OWNER);
	segment_free(segment);
}

static void test_reader_opens_without_openat2_just_as_carefully(void **state)
{
	struct segment_fixture *fixture = *state;
	int at = fixture->directory_fd;

	image_write(&fixture->image, at, "real");
	assert_int_equal(symlinkat("real", at, "link"), 0);
	for (int plain = 0; plain < 2; plain++) {
		assert_int_equal(attach_open(at, "link", plain), -ELOOP);
		assert_int_equal(attach_open(at, "../etc", plain), -EINVAL);
		assert_int_equal(attach_open(at, "..", plain), -EINVAL);
		assert_int_equal(attach_open(at, "absent", plain), -ENOENT);
		int fd = attach_open(at, "real", plain);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_reader_survives_every_change_of_one_byte),
		TEST(test_reader_survives_changes_of_what_it_has_understood),
		TEST(test_reader_survives_every_truncation),
		TEST(test_reader_refuses_what_is_not_a_file_of_its_owner),
		TEST(test_reader_refuses_a_name_with_another_owner),
		TEST(test_reader_opens_without_openat2_just_as_carefully),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
