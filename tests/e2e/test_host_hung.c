/* SPDX-License-Identifier: MIT */
/* Sources that hang or lie, below a real agent: they cost themselves, and the page has all else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "hung_mount.h"
#include "sanitized.h"
#include "scrape.h"

#if SANITIZED
/* The leak checker cannot look into a process of another namespace than the one it began in. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static int namespaces_error;

static void skip_for(const char *what, int error)
{
	print_message("skipped: %s: %s\n", what, strerror(-error));
	skip();
}

static unsigned entries_count(pid_t pid, const char *what)
{
	char path[64];
	unsigned count = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory));)
		count += *entry->d_name != '.';
	closedir(directory);
	return count;
}

static unsigned threads_count(const struct daemon *agent)
{
	return entries_count(agent->pid, "task");
}

/* The page of a scrape that gives the agent so long. */
static char *page_within(uint16_t port, const char *timeout_s)
{
	char path[128];
	usleep(120000); /* pages are shared for 100 ms */
	/* The rest of the request line becomes the value of a header of no meaning. */
	snprintf(path, sizeof(path),
		 "/metrics HTTP/1.1\r\nX-Prometheus-Scrape-Timeout-Seconds: %s\r\nX-Rest:", timeout_s);
	char *answer = http_ask(port, "GET", path);
	assert_non_null(answer);
	assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
	char *page = strdup(http_body(answer));
	free(answer);
	return page;
}

/* What has nothing to do with what hangs. */
static void assert_others_there(const char *page)
{
	static const char *const series[] = {"node_load1",
					     "node_memory_MemTotal_bytes",
					     "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"}",
					     "node_scrape_collector_success{collector=\"stat\"}",
					     "node_scrape_collector_success{collector=\"netclass\"}",
					     "node_scrape_collector_success{collector=\"textfile\"}"};
	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++)
		if (!page_value(page, series[i]))
			fail_msg("%s is not on the page:\n%s", series[i], page);
}

/* ---- a file system that never answers --------------------------------------------------------------------------- */

static void filesystem_series(char *series, size_t size, const char *family, const char *point, const char *type)
{
	snprintf(series, size, "node_filesystem_%s{device=\"%s\",fstype=\"%s\",mountpoint=\"%s\"}", family,
		 strcmp(type, "fuse") ? "other" : "hung", type, point);
}

struct hung_place {
	char hung[96];
	char other[96];
	char error_of_hung[256];
	char size_of_other[256];
	struct hung_mount mount;
};
static struct hung_place place;

/* What the default leaves out: the test's directory is below /dev. */
#define MOUNT_POINTS "--collector.filesystem.mount-points-exclude=^/(proc|sys)($|/)"

static void place_make(const struct scratch *scratch)
{
	snprintf(place.hung, sizeof(place.hung), "%s/hung", scratch->path);
	snprintf(place.other, sizeof(place.other), "%s/other", scratch->path);
	assert_int_equal(mkdir(place.hung, 0700), 0);
	assert_int_equal(mkdir(place.other, 0700), 0);
	filesystem_series(place.error_of_hung, sizeof(place.error_of_hung), "device_error", place.hung, "fuse");
	filesystem_series(place.size_of_other, sizeof(place.size_of_other), "size_bytes", place.other, "tmpfs");
	if (namespaces_error)
		skip_for("namespaces", namespaces_error);
}

static void place_hang(void)
{
	const int r = hung_mount_open(&place.mount, place.hung);
	if (r)
		skip_for("mount of a FUSE", r);
	assert_int_equal(mount("other", place.other, "tmpfs", 0, "size=64k"), 0);
}

static void place_end(void)
{
	hung_mount_close(&place.mount);
	umount2(place.other, MNT_DETACH);
}

static void test_hung_file_system_costs_one_thread_and_its_own_series(void **state)
{
	struct daemon agent;
	place_make(*state);
	agent_start(&agent, *state, MOUNT_POINTS, "--collector.filesystem.mount-timeout=50ms",
		    "--collector.deadline=10s");
	page_await(agent.port, "mstat_collector_stale{collector=\"filesystem\"}", "0");
	const unsigned threads = threads_count(&agent), fds = entries_count(agent.pid, "fd");
	place_hang();
	page_await(agent.port, place.error_of_hung, "1");
	for (int i = 0; i < 20; i++) {
		char *page = page_fresh(agent.port);
		assert_page(page, place.error_of_hung, "1");
		assert_page(page, place.size_of_other, "65536");
		assert_page(page, "mstat_collector_stale{collector=\"filesystem\"}", "0");
		assert_page(page, "node_scrape_collector_success{collector=\"filesystem\"}", "1");
		assert_others_there(page);
		free(page);
	}
	/* The one that hangs, and the one that asks the others. */
	assert_true(threads_count(&agent) <= threads + 2);
	assert_true(entries_count(agent.pid, "fd") <= fds + 1);
	place_end();
	page_await(agent.port, place.error_of_hung, NULL);
	assert_true(WIFEXITED(daemon_stop(&agent, SIGTERM)));
}

static void test_scrape_timeout_is_the_deadline_of_what_hangs(void **state)
{
	struct daemon agent;
	place_make(*state);
	/* Nothing but the scrape's own timeout ends the wait before the test's. */
	agent_start(&agent, *state, MOUNT_POINTS, "--collector.filesystem.mount-timeout=10m",
		    "--collector.deadline=10m");
	page_await(agent.port, "mstat_collector_stale{collector=\"filesystem\"}", "0");
	place_hang();
	for (int i = 0; i < 3; i++) {
		char *page = page_within(agent.port, "0.3");
		assert_page(page, "mstat_collector_stale{collector=\"filesystem\"}", "1");
		assert_page(page, "node_scrape_collector_success{collector=\"filesystem\"}", "0");
		assert_page(page, "mstat_collector_stale{collector=\"netclass\"}", "0");
		assert_non_null(strstr(page, "\nnode_filesystem_size_bytes{")); /* from before */
		assert_others_there(page);
		free(page);
	}
	place_end();
	page_await(agent.port, "mstat_collector_stale{collector=\"filesystem\"}", "0");
	assert_true(WIFEXITED(daemon_stop(&agent, SIGTERM)));
}

static void test_agent_stops_while_a_file_system_hangs(void **state)
{
	struct daemon agent;
	place_make(*state);
	place_hang();
	agent_start(&agent, *state, MOUNT_POINTS, "--collector.filesystem.mount-timeout=50ms");
	page_await(agent.port, place.error_of_hung, "1");
	/* A process whose thread hangs in the kernel is not gone before that thread is; it has to have asked to go. */
	assert_int_equal(kill(agent.pid, SIGTERM), 0);
	for (bool down = false; !down; usleep(10000)) {
		const int fd = http_connect(agent.port);
		down = fd < 0;
		if (fd >= 0)
			close(fd);
	}
	place_end();
	process_wait(agent.pid);
}

/* ---- a textfile directory of traps ------------------------------------------------------------------------------ */

static void text_write(const char *directory, const char *name, const char *text)
{
	char path[192];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_refused(const char *page, const char *directory, const char *name, const char *reason)
{
	char series[384];
	snprintf(series, sizeof(series), "mstat_textfile_refused{file=\"%s/%s\",reason=\"%s\"}", directory, name,
		 reason);
	assert_page(page, series, "0"); /* no line of it is at fault */
}

static void test_fifo_device_and_link_in_the_textfile_directory_are_refused(void **state)
{
	const struct scratch *scratch = *state;
	char directory[96], path[192], flag[160];
	struct daemon agent;
	snprintf(directory, sizeof(directory), "%s/text", scratch->path);
	snprintf(flag, sizeof(flag), "--collector.textfile.directory=%s", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	text_write(directory, "a.prom", "# HELP good Good.\n# TYPE good gauge\ngood 1\n");
	text_write(scratch->path, "outside.prom", "# HELP outside Bad.\n# TYPE outside gauge\noutside 1\n");
	snprintf(path, sizeof(path), "%s/fifo.prom", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/link.prom", directory);
	assert_int_equal(symlink("../outside.prom", path), 0);
	snprintf(path, sizeof(path), "%s/zero.prom", directory);
	assert_int_equal(symlink("/dev/zero", path), 0);
	snprintf(path, sizeof(path), "%s/device.prom", directory);
	const bool has_device = !mknod(path, S_IFCHR | 0600, makedev(1, 5)); /* not in a user namespace */
	agent_start(&agent, scratch, flag);
	char *page = page_fresh(agent.port);
	assert_page(page, "good", "1");
	assert_page(page, "node_textfile_scrape_error", "1");
	assert_page(page, "outside", NULL);
	assert_refused(page, directory, "fifo.prom", "it is not a regular file");
	assert_refused(page, directory, "link.prom", "it is a link out of its directory: copy the file");
	assert_refused(page, directory, "zero.prom", "it is not a regular file");
	if (has_device)
		assert_refused(page, directory, "device.prom", "it is not a regular file");
	assert_others_there(page);
	free(page);
	daemon_stop(&agent, SIGTERM);
}

/* A test that failed half-way must not hang in what it has mounted. */
static int hung_teardown(void **state)
{
	place_end();
	return scratch_teardown(state);
}

#define E2E_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, hung_teardown)

int main(void)
{
	namespaces_error = namespaces_enter();
	const struct CMUnitTest tests[] = {
		E2E_TEST(test_hung_file_system_costs_one_thread_and_its_own_series),
		E2E_TEST(test_scrape_timeout_is_the_deadline_of_what_hangs),
		E2E_TEST(test_agent_stops_while_a_file_system_hangs),
		E2E_TEST(test_fifo_device_and_link_in_the_textfile_directory_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
