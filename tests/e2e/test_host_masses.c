/* SPDX-License-Identifier: MIT */
/* Much of everything, below a real agent: processes that come and go, ten thousand devices, thousands of scrapes.
 *
 *   MSTAT_TEST_SCRAPES   collections of the test of growth; 2000 unless told, 10000 is the long form
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "host_fixture.h"
#include "sanitized.h"
#include "scrape.h"

#define DEVICES 10000u
#define SCRAPES_USUAL 2000u

static struct host_fixture fixture;
static bool fixture_made;

static void fixture_make(void)
{
	host_fixture_init(&fixture);
	fixture_made = true;
}

/* Also after a test that failed half-way. */
static int masses_teardown(void **state)
{
	if (fixture_made)
		host_fixture_fini(&fixture);
	fixture_made = false;
	return scratch_teardown(state);
}

static unsigned lines_count(const char *page, const char *begin)
{
	const size_t len = strlen(begin);
	unsigned count = 0;
	for (const char *line = page; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		count += !strncmp(line, begin, len);
	}
	return count;
}

/* ---- processes -------------------------------------------------------------------------------------------------- */

/* Forks processes that end at once, until it is killed; counts them. */
static pid_t storm_start(uint64_t *count)
{
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid) {
		process_remember(pid);
		return pid;
	}
	signal(SIGCHLD, SIG_IGN); /* nobody waits for them */
	for (;;) {
		const pid_t child = vfork();
		if (!child)
			_exit(0);
		__atomic_add_fetch(count, child > 0, __ATOMIC_RELAXED);
	}
}

static void test_page_is_whole_in_a_storm_of_processes(void **state)
{
	struct daemon agent;
	uint64_t *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(count != MAP_FAILED);
	agent_start(&agent, *state, "--collector.processes");
	const pid_t storm = storm_start(count);
	for (int i = 0; i < 8; i++) {
		char *page = page_fresh(agent.port);
		assert_non_null(page_value(page, "node_processes_pids"));
		assert_true(lines_count(page, "node_processes_state{") > 0);
		assert_page(page, "node_scrape_collector_success{collector=\"processes\"}", "1");
		assert_page(page, "mstat_collector_stale{collector=\"processes\"}", "0");
		assert_non_null(page_value(page, "node_load1"));
		free(page);
	}
	assert_int_equal(kill(storm, SIGKILL), 0);
	process_wait(storm);
	print_message("%llu processes came and went\n", (unsigned long long)*count);
	assert_true(*count > 0);
	munmap(count, sizeof(*count));
	daemon_stop(&agent, SIGTERM);
}

/* ---- devices ---------------------------------------------------------------------------------------------------- */

static void disks_write(void)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	assert_non_null(file);
	for (unsigned i = 0; i < DEVICES; i++)
		fprintf(file, " %u %u disk%u %u 2 3 4 5 6 7 8 0 10 11 12 13 14 15 16 17\n", i / 256 + 8, i % 256, i, i);
	assert_int_equal(fclose(file), 0);
	host_fixture_write(&fixture, "proc/diskstats", text);
	free(text);
}

static void devices_write(void)
{
	char path[128], name[32];
	for (unsigned i = 0; i < DEVICES; i++) {
		snprintf(path, sizeof(path), "sys/class/net/net%u/operstate", i);
		host_fixture_write(&fixture, path, "up\n");
		snprintf(path, sizeof(path), "sys/class/net/net%u/mtu", i);
		host_fixture_write(&fixture, path, "1500\n");
	}
	for (unsigned i = 0; i < DEVICES / 10; i++) {
		snprintf(path, sizeof(path), "sys/class/hwmon/hwmon%u/name", i);
		snprintf(name, sizeof(name), "sensor%u\n", i);
		host_fixture_write(&fixture, path, name);
		snprintf(path, sizeof(path), "sys/class/hwmon/hwmon%u/temp1_input", i);
		host_fixture_write(&fixture, path, "41000\n");
		snprintf(path, sizeof(path), "sys/class/power_supply/battery%u/capacity", i);
		host_fixture_write(&fixture, path, "50\n");
		snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%u/type", i);
		host_fixture_write(&fixture, path, "cpu\n");
		snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%u/temp", i);
		host_fixture_write(&fixture, path, "42000\n");
	}
	host_fixture_write(&fixture, "proc/loadavg", "1 2 3 1/100 4711\n");
}

static void test_ten_thousand_devices_are_all_told(void **state)
{
	struct daemon agent;
	char proc[160], sys[160], root[160], udev[160];
	fixture_make();
	disks_write();
	devices_write();
	snprintf(proc, sizeof(proc), "--path.procfs=%s", fixture.paths[HOST_PROC]);
	snprintf(sys, sizeof(sys), "--path.sysfs=%s", fixture.paths[HOST_SYS]);
	snprintf(root, sizeof(root), "--path.rootfs=%s", fixture.paths[HOST_ROOTFS]);
	snprintf(udev, sizeof(udev), "--path.udev.data=%s", fixture.paths[HOST_UDEV]);
	/* As long as it takes here: a test asserts nothing on time. */
	agent_start(&agent, *state, proc, sys, root, udev, "--collector.deadline=60s");
	for (int i = 0; i < 2; i++) {
		char *page = page_fresh(agent.port);
		assert_page(page, "node_load15", "3");
		assert_page(page, "node_disk_reads_completed_total{device=\"disk9999\"}", "9999");
		assert_int_equal(lines_count(page, "node_disk_reads_completed_total{"), DEVICES);
		assert_int_equal(lines_count(page, "node_disk_info{"), DEVICES);
		assert_int_equal(lines_count(page, "node_network_mtu_bytes{"), DEVICES);
		assert_int_equal(lines_count(page, "node_network_up{"), DEVICES);
		assert_int_equal(lines_count(page, "node_hwmon_temp_celsius{"), DEVICES / 10);
		assert_int_equal(lines_count(page, "node_thermal_zone_temp{"), DEVICES / 10);
		assert_int_equal(lines_count(page, "node_power_supply_capacity{"), DEVICES / 10);
		assert_page(page, "mstat_collector_stale{collector=\"netclass\"}", "0");
		free(page);
	}
	daemon_stop(&agent, SIGTERM);
}

/* ---- scrapes ---------------------------------------------------------------------------------------------------- */

struct usage {
	unsigned fds;
	unsigned threads;
	unsigned long resident_kib;
};

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

static unsigned long resident_kib(pid_t pid)
{
	char path[64];
	unsigned long pages = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * ((unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static struct usage usage_of(pid_t pid)
{
	return (struct usage){.fds = entries_count(pid, "fd"),
			      .threads = entries_count(pid, "task"),
			      .resident_kib = resident_kib(pid)};
}

static void assert_no_growth(const char *what, struct usage before, struct usage after)
{
	print_message("%s: descriptors %u, then %u; threads %u, then %u; resident %lu KiB, then %lu KiB\n", what,
		      before.fds, after.fds, before.threads, after.threads, before.resident_kib, after.resident_kib);
	/* A connection, a file that is read again now and then, and the thread that another one waits for. */
	assert_true(after.fds <= before.fds + 3);
	assert_true(after.threads <= before.threads + 1);
	/* Memory that is freed is not all reused at once; a leak of a byte a series and scrape would be a megabyte. */
	if (!SANITIZED)
		assert_true(after.resident_kib <= before.resident_kib + 512);
}

static unsigned scrapes_wanted(void)
{
	const char *wanted = getenv("MSTAT_TEST_SCRAPES");
	return wanted ? (unsigned)strtoul(wanted, NULL, 10) : SCRAPES_USUAL;
}

/* The host itself by all collectors that are on by default, as fast as it goes. */
static void test_collections_leave_no_descriptor_thread_or_memory_behind(void **state)
{
	(void)state;
	fixture_make();
	fixture.options.paths[HOST_PROC] = "/proc";
	fixture.options.paths[HOST_SYS] = "/sys";
	fixture.options.paths[HOST_ROOTFS] = "/";
	fixture.options.paths[HOST_UDEV] = "/run/udev/data";
#define HOST_COLLECTOR(name, is_default, ...) fixture.options.enabled[HOST_INDEX_##name] = (is_default);
#include "collect/collectors.def"
	host_fixture_start(&fixture, HOST_INDEX_loadavg);
	for (unsigned i = 0; i < 200; i++)
		host_fixture_collect(&fixture);
	const struct usage before = usage_of(getpid());
	for (unsigned i = 0; i < scrapes_wanted(); i++)
		host_fixture_collect(&fixture);
	assert_no_growth("collections", before, usage_of(getpid()));
}

/* Pages are shared for 100 ms; questions for single collectors are as many pages. */
static void scrape_variants(uint16_t port, unsigned count)
{
	static const char *const names[] = {
#define HOST_COLLECTOR(name, is_default, ...) (is_default) ? #name : NULL,
#include "collect/collectors.def"
	};
	char path[128];
	for (unsigned i = 0; count; i = (i + 1) % (sizeof(names) / sizeof(names[0]))) {
		if (!names[i])
			continue;
		snprintf(path, sizeof(path), "/metrics?collect[]=%s", names[i]);
		char *answer = http_ask(port, "GET", path);
		assert_non_null(answer);
		assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
		free(answer);
		count--;
	}
}

static void test_scrapes_leave_no_descriptor_thread_or_memory_behind(void **state)
{
	struct daemon agent;
	agent_start(&agent, *state);
	scrape_variants(agent.port, 200);
	free(page_fresh(agent.port));
	const struct usage before = usage_of(agent.pid);
	scrape_variants(agent.port, scrapes_wanted());
	free(page_fresh(agent.port));
	assert_no_growth("scrapes", before, usage_of(agent.pid));
	daemon_stop(&agent, SIGTERM);
}

#define E2E_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, masses_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		E2E_TEST(test_page_is_whole_in_a_storm_of_processes),
		E2E_TEST(test_ten_thousand_devices_are_all_told),
		E2E_TEST(test_collections_leave_no_descriptor_thread_or_memory_behind),
		E2E_TEST(test_scrapes_leave_no_descriptor_thread_or_memory_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
