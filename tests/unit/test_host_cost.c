/* SPDX-License-Identifier: MIT */
/* What host collectors leave out to be cheap must not be missed: choices that are remembered, files that are read
 * seldom or once, sources that are not looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/host_absent.h"
#include "collect/host_choice.h"
#include "collect/host_private.h"
#include "host_files.h"

static void collect_times(unsigned count)
{
	while (count--)
		host_fixture_collect(&test_host);
}

/* ---- choices ---------------------------------------------------------------------------------------------------- */

static void names_choose(struct choice *choice, const char *const *names, size_t count, unsigned *asked)
{
	choice_begin(choice);
	*asked = 0;
	for (size_t i = 0; i < count; i++) {
		const bool taken = *names[i] == 'y';
		const enum choice_verdict verdict = choice_next(choice, names[i]);
		if (verdict == CHOICE_UNKNOWN) {
			choice_note(choice, names[i], taken);
			(*asked)++;
		} else {
			assert_int_equal(verdict, taken ? CHOICE_TAKEN : CHOICE_REFUSED);
		}
	}
}

static void test_choice_is_made_anew_from_the_first_name_that_changed(void **state)
{
	static const char *const names[] = {"yes", "no", "yet", "none"}, *const other[] = {"yes", "yes2", "no", "yet"};
	struct choice choice = {.count = 0};
	unsigned asked;
	(void)state;
	names_choose(&choice, names, 4, &asked);
	assert_int_equal(asked, 4);
	names_choose(&choice, names, 4, &asked);
	assert_int_equal(asked, 0);
	names_choose(&choice, other, 4, &asked);
	assert_int_equal(asked, 3);
	names_choose(&choice, other, 4, &asked);
	assert_int_equal(asked, 0);
	choice_fini(&choice);
}

static void test_fields_keep_their_values_when_their_lines_move(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/vmstat", "pgpgin 1\nother 2\npswpin 3\n");
	host_fixture_write(&test_host, "proc/net/netstat", "TcpExt: SyncookiesSent Other ListenDrops\nTcpExt: 1 2 3\n");
	host_fixture_write(&test_host, "proc/net/snmp", "Ip: Forwarding TTL\nIp: 1 64\n");
	host_fixture_write(&test_host, "proc/net/snmp6", "Ip6InOctets 5\nIp6Other 6\nUdp6InErrors 7\n");
	test_host.options.enabled[HOST_INDEX_vmstat] = true;
	run(HOST_INDEX_netstat);
	collect_times(2);
	assert_value("node_vmstat_pswpin", 3);
	assert_value("node_netstat_TcpExt_ListenDrops", 3);
	assert_value("node_netstat_Udp6_InErrors", 7);
	/* Another kernel's order, and more of them. */
	host_fixture_write(&test_host, "proc/vmstat", "other 20\npswpin 30\npgpgin 10\npgpgout 40\n");
	host_fixture_write(&test_host, "proc/net/netstat",
			   "IpExt: InOctets\nIpExt: 9\nTcpExt: ListenDrops ListenOverflows Other SyncookiesSent\n"
			   "TcpExt: 30 40 20 10\n");
	host_fixture_write(&test_host, "proc/net/snmp6", "Udp6InErrors 70\nIp6InOctets 50\n");
	collect_times(2);
	assert_value("node_vmstat_pgpgin", 10);
	assert_value("node_vmstat_pgpgout", 40);
	assert_value("node_vmstat_pswpin", 30);
	assert_value("node_netstat_IpExt_InOctets", 9);
	assert_value("node_netstat_TcpExt_ListenDrops", 30);
	assert_value("node_netstat_TcpExt_ListenOverflows", 40);
	assert_value("node_netstat_TcpExt_SyncookiesSent", 10);
	assert_value("node_netstat_Udp6_InErrors", 70);
	assert_value("node_netstat_Ip6_InOctets", 50);
	assert_int_equal(host_fixture_count(&test_host, "node_vmstat_"), 3);
}

static void test_pattern_gives_the_same_verdict_on_more_names_than_it_remembers(void **state)
{
	struct host_pattern *pattern;
	char why[128], name[32];
	(void)state;
	assert_int_equal(host_pattern_new("7$", &pattern, why, sizeof(why)), 0);
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < 40000; i++) {
			snprintf(name, sizeof(name), "device%u", i);
			assert_true(host_pattern_match(pattern, name) == (i % 10 == 7));
		}
	host_pattern_free(pattern);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static unsigned lines_of(const char *bytes, size_t len)
{
	unsigned count = 0;
	for (size_t i = 0; i < len; i++)
		count += bytes[i] == '\n';
	return count;
}

/* Until a read is empty; -1 where this kernel has no such file. */
static int lines_in_file(const char *path)
{
	static char bytes[1 << 20];
	char full[128];
	size_t len = 0;
	snprintf(full, sizeof(full), "/proc/%s", path);
	const int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (ssize_t n; len < sizeof(bytes) && (n = read(fd, bytes + len, sizeof(bytes) - len)) > 0;)
		len += (size_t)n;
	close(fd);
	return (int)lines_of(bytes, len);
}

/* Of all files of which one read is believed to be enough: also the kept descriptor's later reads. */
static void test_files_of_the_kernel_are_read_to_their_end(void **state)
{
	static const char *const paths[] = {
#define PROCFS_FILE(path, record_bytes) path,
#include "collect/host_procfs.def"
	};
	struct host_buffer buffer = {NULL, 0};
	struct host host = {.options = &test_host.options};
	struct text text;
	unsigned found = 0;
	(void)state;
	test_host.options.paths[HOST_PROC] = "/proc";
	assert_int_equal(host_private_new("test", &buffer, &host.own), 0);
	for (size_t i = 0; i < HOST_COUNT_OF(paths); i++) {
		const int expected = lines_in_file(paths[i]);
		for (int times = 0; times < 3 && !host_read(&host, HOST_PROC, paths[i], &text); times++) {
			/* Sockets and disks come and go; what is cut off lacks more. */
			const int lines = (int)lines_of(text.at, (size_t)(text.end - text.at));
			if (lines < expected - 2 || lines > expected + 2)
				fail_msg("%s has %d lines, %d were read", paths[i], expected, lines);
			found += !times;
		}
	}
	assert_true(found > 10);
	host_private_free(host.own);
	free(buffer.bytes);
}

static void test_another_os_release_is_seen_at_once(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
	run(HOST_INDEX_os);
	collect_times(3);
	assert_value("node_os_version{id=\"debian\",id_like=\"\",name=\"\"}", 12);
	host_fixture_write(&test_host, "root/etc/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
	host_fixture_collect(&test_host);
	assert_value("node_os_version{id=\"debian\",id_like=\"\",name=\"\"}", 13);
}

static void test_mount_table_of_a_fixture_is_read_each_time(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "proc/1/mounts", "a / ext4 rw 0 0\nb /gone ext4 ro 0 0\n");
	run(HOST_INDEX_filesystem);
	collect_times(2);
	assert_value("node_filesystem_readonly{device=\"b\",fstype=\"ext4\",mountpoint=\"/gone\"}", 1);
	assert_value("node_filesystem_device_error{device=\"b\",fstype=\"ext4\",mountpoint=\"/gone\"}", 1);
	assert_value("node_filesystem_device_error{device=\"a\",fstype=\"ext4\",mountpoint=\"/\"}", 0);
	/* Asked by probers: a file system of the network, and what lies below it. */
	host_fixture_mkdir(&test_host, "root/net/local");
	host_fixture_write(&test_host, "proc/1/mounts",
			   "c /net nfs rw 0 0\na / ext4 ro 0 0\nd /net/local tmpfs rw 0 0\ne /other fuse.x rw 0 0\n");
	host_fixture_collect(&test_host);
	assert_value("node_filesystem_readonly{device=\"a\",fstype=\"ext4\",mountpoint=\"/\"}", 1);
	assert_value("node_filesystem_device_error{device=\"c\",fstype=\"nfs\",mountpoint=\"/net\"}", 0);
	assert_value("node_filesystem_device_error{device=\"d\",fstype=\"tmpfs\",mountpoint=\"/net/local\"}", 0);
	assert_value("node_filesystem_device_error{device=\"e\",fstype=\"fuse.x\",mountpoint=\"/other\"}", 1);
	assert_false(host_fixture_has(&test_host,
				      "node_filesystem_readonly{device=\"b\",fstype=\"ext4\",mountpoint=\"/gone\"}"));
}

static void test_disks_that_change_places_keep_what_udev_knows_of_each(void **state)
{
	(void)state;
	host_fixture_write(&test_host, "udev/b8:0", "E:ID_MODEL=first\n");
	host_fixture_write(&test_host, "udev/b8:16", "E:ID_MODEL=second\n");
	host_fixture_write(&test_host, "proc/diskstats", " 8 0 sda 1\n 8 16 sdb 2\n");
	run(HOST_INDEX_diskstats);
	collect_times(2);
	host_fixture_write(&test_host, "proc/diskstats", " 8 16 sdb 2\n 8 0 sda 1\n");
	collect_times(2);
	assert_value("node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"first\",path=\"\",revision=\"\","
		     "serial=\"\",wwn=\"\"}",
		     1);
	assert_value("node_disk_info{device=\"sdb\",major=\"8\",minor=\"16\",model=\"second\",path=\"\",revision=\"\","
		     "serial=\"\",wwn=\"\"}",
		     1);
	/* What udev writes anew is seen after a while. */
	host_fixture_write(&test_host, "udev/b8:0", "E:ID_MODEL=third\n");
	collect_times(16);
	assert_value("node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"third\",path=\"\",revision=\"\","
		     "serial=\"\",wwn=\"\"}",
		     1);
}

/* ---- sources that are not there --------------------------------------------------------------------------------- */

static void test_source_that_comes_late_is_found(void **state)
{
	(void)state;
	test_host.options.enabled[HOST_INDEX_cpufreq] = true; /* slow */
	host_fixture_mkdir(&test_host, "sys/devices/system/cpu/cpu0");
	run(HOST_INDEX_entropy);
	assert_success("entropy", 0);
	assert_success("cpufreq", 1); /* as node_exporter says it */
	host_fixture_write(&test_host, "proc/sys/kernel/random/entropy_avail", "256\n");
	host_fixture_write(&test_host, "proc/sys/kernel/random/poolsize", "256\n");
	host_fixture_write(&test_host, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1000\n");
	collect_times(ABSENT_EVERY);
	assert_value("node_entropy_available_bits", 256);
	assert_value("node_cpu_frequency_max_hertz{cpu=\"0\"}", 1000000);
	assert_success("entropy", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice_is_made_anew_from_the_first_name_that_changed),
		NODE_TEST(test_fields_keep_their_values_when_their_lines_move),
		cmocka_unit_test(test_pattern_gives_the_same_verdict_on_more_names_than_it_remembers),
		NODE_TEST(test_files_of_the_kernel_are_read_to_their_end),
		NODE_TEST(test_another_os_release_is_seen_at_once),
		NODE_TEST(test_mount_table_of_a_fixture_is_read_each_time),
		NODE_TEST(test_disks_that_change_places_keep_what_udev_knows_of_each),
		NODE_TEST(test_source_that_comes_late_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
