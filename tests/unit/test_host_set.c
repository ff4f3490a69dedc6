/* SPDX-License-Identifier: MIT */
/* The frame of the host collectors: files that vanish, hostile contents, labels, collectors that are stuck. */
#include <dirent.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collect/host_private.h"
#include "collect/host_prober.h"
#include "collect/host_worker.h"
#include "host_fixture.h"

/* ---- files ------------------------------------------------------------------------------------------------------ */

static void test_host_file_that_vanishes_fails_alone_and_is_found_again(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/loadavg", "0.5 0.25 0.125 1/100 4711\n");
	host_fixture_write(&test_host, "proc/sys/fs/file-nr", "10\t0\t100\n");
	test_host.options.enabled[HOST_INDEX_filefd] = true;
	host_fixture_start(&test_host, HOST_INDEX_loadavg);
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_load5") == 0.25);
	assert_true(host_fixture_value(&test_host, "node_scrape_collector_success{collector=\"loadavg\"}") == 1);
	host_fixture_remove(&test_host, "proc/loadavg");
	host_fixture_collect(&test_host);
	assert_false(host_fixture_has(&test_host, "node_load5"));
	assert_true(host_fixture_value(&test_host, "node_scrape_collector_success{collector=\"loadavg\"}") == 0);
	assert_true(host_fixture_value(&test_host, "node_filefd_allocated") == 10);
	host_fixture_write(&test_host, "proc/loadavg", "9 8 7 1/100 4711\n");
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_load5") == 8);
}

static size_t fds_count(void)
{
	size_t count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_host_files_of_the_kernel_stay_open_and_are_not_opened_twice(void **state)
{
	(void)state;
	test_host.options.paths[HOST_PROC] = "/proc";
	host_fixture_start(&test_host, HOST_INDEX_loadavg);
	size_t before = fds_count();
	host_fixture_collect(&test_host);
	assert_int_equal(fds_count(), before + 1);
	for (int i = 0; i < 50; i++)
		host_fixture_collect(&test_host);
	assert_int_equal(fds_count(), before + 1);
	assert_true(host_fixture_has(&test_host, "node_load1"));
	host_set_free(test_host.set);
	test_host.set = NULL;
	assert_int_equal(fds_count(), before);
}

static void test_host_read_refuses_a_fifo_and_a_directory_at_once(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(host_fixture_path(&test_host, "proc/loadavg"), 0600), 0);
	host_fixture_mkdir(&test_host, "proc/sys/fs/file-nr");
	test_host.options.enabled[HOST_INDEX_filefd] = true;
	host_fixture_start(&test_host, HOST_INDEX_loadavg);
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_scrape_collector_success{collector=\"loadavg\"}") == 0);
	assert_true(host_fixture_value(&test_host, "node_scrape_collector_success{collector=\"filefd\"}") == 0);
}

static void test_host_read_cuts_a_huge_file_and_goes_on(void **state)
{
	(void)state;
	const size_t len = 3 * (size_t)HOST_FILE_BYTES_MAX;
	char *bytes = malloc(len);
	assert_non_null(bytes);
	memset(bytes, 'x', len);
	memcpy(bytes, "MemTotal: 4 kB\n", 15);
	host_fixture_write_bytes(&test_host, "proc/meminfo", bytes, len);
	free(bytes);
	host_fixture_start(&test_host, HOST_INDEX_meminfo);
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_memory_MemTotal_bytes") == 4096);
	assert_true(host_fixture_value(&test_host, "mstat_host_skipped_total{collector=\"meminfo\"}") >= 1);
}

/* Every text that a kernel could hand out is cut after each of its bytes, and has each of its bytes replaced. */
static void test_host_collectors_survive_every_cut_and_change_of_their_files(void **state)
{
	static const char *const files[][2] = {
		{"proc/stat", "cpu  1 2 3 4\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5 1\nctxt 7\nsoftirq 3 1 2\n"},
		{"proc/meminfo", "MemTotal: 16 kB\nActive(anon): 5 kB\nHugePages_Total: 1\n"},
		{"proc/vmstat", "pgfault 5\noom_kill 1\n"},
		{"proc/diskstats", " 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"},
		{"proc/net/netstat", "TcpExt: ListenDrops A\nTcpExt: 1 2\n"},
		{"proc/net/snmp", "Ip: Forwarding B\nIp: 1 64\n"},
		{"proc/net/snmp6", "Ip6InOctets  9\n"},
		{"proc/net/sockstat", "sockets: used 2\nTCP: inuse 1 mem 3\n"},
		{"proc/net/softnet_stat", "0000000a 00000001 00000002\n"},
		{"proc/interrupts", "  CPU0 CPU1\n 0: 1 2 IO-APIC  timer\nNMI: 3 4 Non-maskable\nERR: 0\n"},
		{"proc/pressure/cpu", "some avg10=0.00 total=7\n"},
		{"proc/schedstat", "version 15\ncpu0 1 2 3 4 5 6 7 8 9\n"},
		{"proc/loadavg", "1 2 3\n"},
		{"root/etc/os-release", "ID=\"a b\"\nVERSION_ID='1.2.3'\n"},
		{"udev/b8:0", "E:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=0\nE:DM_NAME=x\n"},
		{"sys/devices/system/cpu/isolated", "1,3-5\n"},
		{"proc/1/mounts", "/dev/a /x\\040y ext4 ro,a 0 0\n"},
	};
	static const enum host_index collectors[] = {HOST_INDEX_cpu,       HOST_INDEX_stat,      HOST_INDEX_meminfo,
						     HOST_INDEX_vmstat,    HOST_INDEX_diskstats, HOST_INDEX_netstat,
						     HOST_INDEX_sockstat,  HOST_INDEX_softnet,   HOST_INDEX_interrupts,
						     HOST_INDEX_pressure,  HOST_INDEX_os,        HOST_INDEX_loadavg,
						     HOST_INDEX_filesystem};
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		host_fixture_write(&test_host, files[i][0], files[i][1]);
	for (size_t i = 0; i < sizeof(collectors) / sizeof(collectors[0]); i++)
		test_host.options.enabled[collectors[i]] = true;
	host_fixture_start(&test_host, HOST_INDEX_schedstat);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t len = strlen(files[i][1]);
		for (size_t at = 0; at < len; at++) {
			char changed[256];
			static const char instead[] = {'\0', '\n', ' ', ':', '9', '\xff'};
			host_fixture_write_bytes(&test_host, files[i][0], files[i][1], at);
			host_fixture_collect(&test_host);
			memcpy(changed, files[i][1], len);
			changed[at] = instead[at % sizeof(instead)];
			host_fixture_write_bytes(&test_host, files[i][0], changed, len);
			host_fixture_collect(&test_host);
		}
		host_fixture_write(&test_host, files[i][0], files[i][1]);
	}
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_load1") == 1);
	assert_true(host_fixture_value(&test_host, "node_disk_read_bytes_total{device=\"sda\"}") == 3 * 512);
	assert_true(host_fixture_value(&test_host, "node_netstat_TcpExt_ListenDrops") == 1);
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static void test_host_sample_keeps_empty_labels_and_mends_bytes_that_are_not_utf8(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "root/etc/os-release", "ID=x\nNAME=\"a\xff\\\"b\"\nVERSION_ID=7\n");
	host_fixture_start(&test_host, HOST_INDEX_os);
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host,
				       "node_os_version{id=\"x\",id_like=\"\",name=\"a\xef\xbf\xbd\\\"b\"}") == 7);
}

static void test_host_series_follow_devices_that_come_and_go(void **state)
{
	(void)state;
	host_fixture_start(&test_host, HOST_INDEX_diskstats);
	host_fixture_write(&test_host, "proc/diskstats", " 8 0 sda 1\n 8 16 sdb 2\n 8 32 sdc 3\n");
	host_fixture_collect(&test_host);
	host_fixture_write(&test_host, "proc/diskstats", " 8 0 sda 1\n 8 32 sdc 4\n");
	host_fixture_collect(&test_host);
	assert_int_equal(host_fixture_count(&test_host, "node_disk_reads_completed_total"), 2);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sdc\"}") == 4);
	host_fixture_write(&test_host, "proc/diskstats", " 8 32 sdc 5\n 8 16 sdb 6\n 8 0 sda 7\n");
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sdc\"}") == 5);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sdb\"}") == 6);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sda\"}") == 7);
}

static void test_host_series_survive_retirement_of_the_catalog(void **state)
{
	(void)state;
	builder_set_retire_after(test_host.builder, 2);
	host_fixture_start(&test_host, HOST_INDEX_diskstats);
	host_fixture_write(&test_host, "proc/diskstats", " 8 16 sdb 2\n 8 0 sda 1\n");
	host_fixture_collect(&test_host);
	host_fixture_write(&test_host, "proc/diskstats", " 8 16 sdb 2\n");
	for (int i = 0; i < 8; i++)
		host_fixture_collect(&test_host);
	host_fixture_write(&test_host, "proc/diskstats", " 8 16 sdb 4\n 8 0 sda 3\n");
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sda\"}") == 3);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sdb\"}") == 4);
}

static void test_host_duplicates_count_once(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/diskstats", " 8 0 sda 5\n 8 0 sda 9\n 8 0 sda 2\n");
	host_fixture_start(&test_host, HOST_INDEX_diskstats);
	host_fixture_collect(&test_host);
	assert_true(host_fixture_value(&test_host, "node_disk_reads_completed_total{device=\"sda\"}") == 9);
}

/* ---- workers ---------------------------------------------------------------------------------------------------- */

static sem_t gate;
static sem_t entered;
static int round_number;

static int gated_collect(struct host *host)
{
	static const struct host_family family = HOST_GAUGE("slow", "Slow %s.", "a");
	sem_post(&entered);
	sem_wait(&gate);
	host_u64(host, &family, (uint64_t)__atomic_add_fetch(&round_number, 1, __ATOMIC_ACQ_REL), "x");
	return 0;
}
static const struct host_ops gated_ops = {.collect = gated_collect};

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct worker *worker_make(struct crew *crew, const struct host_ops *ops)
{
	struct worker *worker = NULL;
	struct host_shared *shared = host_shared_new(&test_host.options);
	assert_int_equal(worker_new("gated", ops, shared, crew, &worker), 0);
	host_shared_unref(shared);
	return worker;
}

static void worker_ask(struct crew *crew, struct worker *worker)
{
	worker_request(worker, 0);
	crew_start(crew);
}

#define STOP_NS INT64_C(200000000)

#define FOREVER_NS (monotonic_ns() + INT64_C(60000000000))

static void test_worker_that_is_late_is_served_from_its_last_round_and_comes_back(void **state)
{
	(void)state;
	sem_init(&gate, 0, 1);
	sem_init(&entered, 0, 0);
	round_number = 0;
	struct crew *crew = crew_new();
	struct worker *worker = worker_make(crew, &gated_ops);
	worker_ask(crew, worker);
	struct worker_result result = worker_harvest(worker, FOREVER_NS);
	assert_false(result.late);
	assert_int_equal(result.error, 0);
	size_t len = result.list->len;
	assert_true(len > 0);
	worker_ask(crew, worker);
	result = worker_harvest(worker, monotonic_ns() + 1000000); /* nobody opens the gate */
	assert_true(result.late);
	assert_int_equal(result.list->len, len);
	/* Late before: not waited for again. */
	worker_ask(crew, worker);
	result = worker_harvest(worker, FOREVER_NS);
	assert_true(result.late);
	sem_post(&gate);
	while (__atomic_load_n(&round_number, __ATOMIC_ACQUIRE) < 2)
		usleep(1000);
	do {
		sem_post(&gate);
		worker_ask(crew, worker);
		result = worker_harvest(worker, FOREVER_NS);
	} while (result.late);
	assert_int_equal(result.list->len, len);
	worker_free(worker);
	crew_free(crew, STOP_NS);
	sem_destroy(&gate);
}

static sem_t left;
static void gated_close(struct host *host)
{
	(void)host;
	sem_post(&left);
}

static void test_worker_that_is_stuck_at_the_end_is_left_behind_and_frees_itself(void **state)
{
	static const struct host_ops ops = {.collect = gated_collect, .close = gated_close};
	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&left, 0, 0);
	sem_init(&entered, 0, 0);
	struct crew *crew = crew_new();
	struct worker *worker = worker_make(crew, &ops);
	worker_ask(crew, worker);
	sem_wait(&entered);
	assert_true(worker_harvest(worker, monotonic_ns()).late);
	worker_free(worker);
	crew_free(crew, STOP_NS);
	assert_int_not_equal(sem_trywait(&left), 0);
	sem_post(&gate);
	sem_wait(&left);
	usleep(20000); /* for leak checkers: the thread frees the rest right after */
}

static int absent_rounds;

static int absent_collect(struct host *host)
{
	(void)host;
	__atomic_add_fetch(&absent_rounds, 1, __ATOMIC_RELEASE);
	return -ENODATA;
}

static void test_worker_without_a_source_is_woken_now_and_then_only(void **state)
{
	static const struct host_ops ops = {.collect = absent_collect};
	(void)state;
	absent_rounds = 0;
	struct crew *crew = crew_new();
	struct worker *worker = worker_make(crew, &ops);
	for (int i = 0; i < 33; i++) {
		worker_ask(crew, worker);
		assert_int_equal(worker_harvest(worker, FOREVER_NS).error, -ENODATA);
	}
	assert_int_equal(__atomic_load_n(&absent_rounds, __ATOMIC_ACQUIRE), 3);
	worker_free(worker);
	crew_free(crew, STOP_NS);
}

static int quick_collect(struct host *host)
{
	static const struct host_family family = HOST_GAUGE("quick", "Quick.");
	host_u64(host, &family, 1);
	return 0;
}

static unsigned threads_count(void)
{
	unsigned count = 0;
	DIR *tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	for (const struct dirent *entry; (entry = readdir(tasks));)
		count += *entry->d_name != '.';
	closedir(tasks);
	return count;
}

static void test_crew_gives_those_behind_a_stuck_one_a_thread_and_no_more(void **state)
{
	static const struct host_ops quick_ops = {.collect = quick_collect};
	(void)state;
	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	const unsigned before = threads_count();
	struct crew *crew = crew_new();
	struct worker *stuck = worker_make(crew, &gated_ops);
	struct worker *quick[3];
	for (size_t i = 0; i < 3; i++)
		quick[i] = worker_make(crew, &quick_ops);
	for (int round = 0; round < 3; round++) {
		worker_request(stuck, 0);
		for (size_t i = 0; i < 3; i++)
			worker_request(quick[i], 0);
		crew_start(crew);
		for (size_t i = 0; i < 3; i++) {
			const struct worker_result result = worker_harvest(quick[i], FOREVER_NS);
			assert_false(result.late);
			assert_true(result.list->len > 0);
		}
		assert_true(worker_harvest(stuck, monotonic_ns()).late);
		assert_int_equal(threads_count() - before, 2);
	}
	sem_post(&gate);
	/* Back again, it does not stay idle beside the other. */
	while (threads_count() - before != 1)
		usleep(1000);
	for (size_t i = 0; i < 3; i++)
		worker_free(quick[i]);
	worker_free(stuck);
	crew_free(crew, STOP_NS);
}

static void test_slow_collector_gives_the_same_samples_through_its_list(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "sys/class/thermal/thermal_zone0/type", "cpu\n");
	host_fixture_write(&test_host, "sys/class/thermal/thermal_zone0/temp", "-1500\n");
	host_fixture_start(&test_host, HOST_INDEX_thermal_zone);
	for (int i = 0; i < 3; i++) {
		host_fixture_collect(&test_host);
		assert_true(host_fixture_value(&test_host, "node_thermal_zone_temp{type=\"cpu\",zone=\"0\"}") == -1.5);
		assert_true(host_fixture_value(&test_host, "mstat_collector_stale{collector=\"thermal_zone\"}") == 0);
	}
}

/* ---- probers ---------------------------------------------------------------------------------------------------- */

static int calls_of_hung;

static int gated_statvfs(const char *path, struct statvfs *result)
{
	if (!strcmp(path, "/hung")) {
		__atomic_add_fetch(&calls_of_hung, 1, __ATOMIC_RELEASE);
		sem_wait(&gate);
	}
	*result = (struct statvfs){.f_blocks = strlen(path)};
	return 0;
}

static void test_prober_asks_the_others_when_one_mount_never_answers(void **state)
{
	char first[] = "/a", hung[] = "/hung", last[] = "/bcd";
	struct probe probes[] = {{.path = first}, {.path = hung}, {.path = last}};
	struct prober_set *set = prober_set_new(gated_statvfs);
	(void)state;
	sem_init(&gate, 0, 0);
	calls_of_hung = 0;
	for (int round = 0; round < 3; round++) {
		prober_set_ask(set, probes, 3, 20000000);
		assert_int_equal(probes[0].error, 0);
		assert_int_equal(probes[0].result.f_blocks, 2);
		assert_int_equal(probes[1].error, -ETIMEDOUT);
		assert_int_equal(probes[2].error, 0);
		assert_int_equal(probes[2].result.f_blocks, 4);
	}
	/* One thread is stuck, not one for each round. */
	assert_int_equal(__atomic_load_n(&calls_of_hung, __ATOMIC_ACQUIRE), 1);
	sem_post(&gate);
	do {
		sem_post(&gate);
		prober_set_ask(set, probes, 3, INT64_C(60000000000));
	} while (probes[1].error);
	assert_int_equal(probes[1].result.f_blocks, 5);
	prober_set_free(set);
	usleep(20000); /* for leak checkers */
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_fixture_setup, host_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_host_file_that_vanishes_fails_alone_and_is_found_again),
		HOST_TEST(test_host_files_of_the_kernel_stay_open_and_are_not_opened_twice),
		HOST_TEST(test_host_read_refuses_a_fifo_and_a_directory_at_once),
		HOST_TEST(test_host_read_cuts_a_huge_file_and_goes_on),
		HOST_TEST(test_host_collectors_survive_every_cut_and_change_of_their_files),
		HOST_TEST(test_host_sample_keeps_empty_labels_and_mends_bytes_that_are_not_utf8),
		HOST_TEST(test_host_series_follow_devices_that_come_and_go),
		HOST_TEST(test_host_series_survive_retirement_of_the_catalog),
		HOST_TEST(test_host_duplicates_count_once),
		HOST_TEST(test_worker_that_is_late_is_served_from_its_last_round_and_comes_back),
		HOST_TEST(test_worker_that_is_stuck_at_the_end_is_left_behind_and_frees_itself),
		HOST_TEST(test_worker_without_a_source_is_woken_now_and_then_only),
		HOST_TEST(test_crew_gives_those_behind_a_stuck_one_a_thread_and_no_more),
		HOST_TEST(test_slow_collector_gives_the_same_samples_through_its_list),
		HOST_TEST(test_prober_asks_the_others_when_one_mount_never_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
