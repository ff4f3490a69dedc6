/* SPDX-License-Identifier: MIT */
/* The log and the journal: entries with fields, and what happens where no journal listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "journal.h"
#include "log.h"

static char journal_path[128];
static int journal_fd = -1;

static void journal_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(journal_path, sizeof(journal_path), "%s/journal", child_directory);
	memcpy(address.sun_path, journal_path, strlen(journal_path) + 1);
	unlink(journal_path);
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(journal_fd >= 0 && !bind(journal_fd, (const struct sockaddr *)&address, sizeof(address)));
	journal_set_path(journal_path);
}

/* The next entry, with a NUL behind it; NULL if there is none. */
static const char *entry_next(size_t *entry_len)
{
	static char entry[16384];
	const ssize_t len = recv(journal_fd, entry, sizeof(entry) - 1, 0);
	if (len < 0)
		return NULL;
	entry[len] = '\0';
	*entry_len = (size_t)len;
	return entry;
}

/* Standard error of the log, as a file. */
static int log_to_file(void)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/log", child_directory);
	const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	check(fd >= 0);
	log_set_fd(fd);
	return fd;
}

static size_t file_bytes(int fd)
{
	struct stat status;
	check(!fstat(fd, &status));
	return (size_t)status.st_size;
}

CHILD_TEST(test_journal_entries_have_message_priority_and_a_field_each)
{
	size_t len;
	journal_listen();
	const int fd = log_to_file();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_warn("it is late", LOG_TEXT("address", "127.0.0.1:9466"), LOG_TEXT("why", "two words"), LOG_INT("n", -3));
	const char *entry = entry_next(&len);
	check(entry);
	check(!strcmp(entry, "PRIORITY=4\nSYSLOG_IDENTIFIER=mstatd\n"
			     "MESSAGE=it is late address=127.0.0.1:9466 why=\"two words\" n=-3\n"
			     "MSTAT_ADDRESS=127.0.0.1:9466\nMSTAT_WHY=two words\nMSTAT_N=-3\n"));
	check_equal(file_bytes(fd), 0);
	log_debug("hidden");
	check(!entry_next(&len));
}

/* A field of many lines must not become several fields. */
CHILD_TEST(test_journal_fields_with_newlines_go_with_their_length)
{
	static const char value[] = "a\nPRIORITY=0\n";
	static const char head[] = "\nMSTAT_TEXT\n";
	uint64_t value_len;
	size_t len;
	journal_listen();
	log_to_file();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	log_info("m", LOG_TEXT("text", value));
	const char *entry = entry_next(&len);
	check(entry);
	const char *at = memmem(entry, len, head, sizeof(head) - 1);
	check(at);
	memcpy(&value_len, at + sizeof(head) - 1, sizeof(value_len));
	check_equal(le64toh(value_len), sizeof(value) - 1);
	check(!memcmp(at + sizeof(head) - 1 + 8, value, sizeof(value) - 1));
	check_equal(at + sizeof(head) - 1 + 8 + sizeof(value) - 1 + 1 - entry, len);
}

CHILD_TEST(test_journal_that_went_away_gets_nothing_and_standard_error_gets_it_all)
{
	size_t len;
	journal_listen();
	const int fd = log_to_file();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	close(journal_fd);
	const uint64_t lost = log_lines_lost(), written = log_lines(LOG_LEVEL_INFO);
	log_info("one");
	check(file_bytes(fd) > 0);
	unlink(journal_path);
	log_info("two");
	check_equal(log_lines_lost(), lost);
	check_equal(log_lines(LOG_LEVEL_INFO), written + 2);
	/* It came back. */
	journal_listen();
	const size_t bytes = file_bytes(fd);
	log_info("three");
	check(entry_next(&len));
	check_equal(file_bytes(fd), bytes);
}

CHILD_TEST(test_journal_that_is_full_costs_a_moment_and_no_line)
{
	journal_listen();
	const int fd = log_to_file();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	for (int i = 0; i < 10000 && !file_bytes(fd); i++)
		log_info("nobody reads");
	check(file_bytes(fd) > 0);
	check_equal(log_lines_lost(), 0);
}

CHILD_TEST(test_journal_asked_for_where_there_is_none_is_told_of)
{
	char text[512] = "";
	const int fd = log_to_file();
	journal_set_path("/nonexistent/journal");
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	check(pread(fd, text, sizeof(text) - 1, 0) > 0);
	check(strstr(text, "level=warn") && strstr(text, "no journal"));
}

CHILD_TEST(test_log_goes_to_the_journal_by_itself_where_standard_error_leads_there)
{
	struct stat status;
	char stream[64];
	size_t len;
	journal_listen();
	const int fd = log_to_file();
	check(!fstat(fd, &status));
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)status.st_dev, (unsigned long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
	log_info("to the journal");
	check(entry_next(&len));
	check_equal(file_bytes(fd), 0);
	/* Standard error leads elsewhere. */
	static const char *const others[] = {"1:1", "", "x", "8:1x", "99999999999999999999:1"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		setenv("JOURNAL_STREAM", others[i], 1);
		log_setup(LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
		const size_t bytes = file_bytes(fd);
		log_info("to the file");
		check(!entry_next(&len));
		check(file_bytes(fd) > bytes);
	}
}

CHILD_TEST(test_journal_entry_never_outgrows_its_limit)
{
	static char text[4 * LOG_LINE_MAX];
	size_t len;
	journal_listen();
	log_to_file();
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JOURNAL);
	for (size_t filled = 0; filled < sizeof(text) - 1; filled += 501) {
		memset(text, filled % 2 ? '\n' : 'a', filled);
		text[filled] = '\0';
		log_info(text, LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_TEXT("c", text), LOG_INT("n", 1));
		check(entry_next(&len));
		check(len <= 2 * LOG_LINE_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_entries_have_message_priority_and_a_field_each),
		cmocka_unit_test(test_journal_fields_with_newlines_go_with_their_length),
		cmocka_unit_test(test_journal_that_went_away_gets_nothing_and_standard_error_gets_it_all),
		cmocka_unit_test(test_journal_that_is_full_costs_a_moment_and_no_line),
		cmocka_unit_test(test_journal_asked_for_where_there_is_none_is_told_of),
		cmocka_unit_test(test_log_goes_to_the_journal_by_itself_where_standard_error_leads_there),
		cmocka_unit_test(test_journal_entry_never_outgrows_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
