/* SPDX-License-Identifier: MIT */
/* Features of the bpf collector that are about the network and disks, on this machine's own kernel. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf_fixture.h"

/* ---- the network ------------------------------------------------------------------------------------------------ */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

/* A listening socket and its address. */
static int listen_open(int backlog, struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*address = loopback(0);
	assert_true(fd >= 0 && !bind(fd, (const struct sockaddr *)address, len));
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

static int connect_open(const struct sockaddr_in *address, int flags)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	assert_true(fd >= 0);
	connect(fd, (const struct sockaddr *)address, sizeof(*address));
	return fd;
}

static void test_connections_are_timed_and_their_states_counted(void **state)
{
	(void)state;
	struct sockaddr_in address;
	BPF_START(tcp);
	const double connects = bpf_value("node_bpf_tcp_connect_seconds{result=\"established\"}");
	const double failures = bpf_value("node_bpf_tcp_connect_seconds{result=\"failed\"}");
	const double established = bpf_value("node_bpf_tcp_state_transitions_total{state=\"established\"}");
	const double round_trips = bpf_value("node_bpf_tcp_round_trip_seconds");
	const double resets = bpf_value("node_bpf_tcp_resets_total{direction=\"sent\"}");
	const int listener = listen_open(8, &address);
	for (int i = 0; i < 5; i++) {
		const int client = connect_open(&address, 0), server = accept(listener, NULL, NULL);
		assert_true(server >= 0);
		close(client);
		close(server);
	}
	close(listener);
	/* Nobody listens any more: the answer is a reset. */
	close(connect_open(&address, 0));
	bpf_collect();
	assert_grown("node_bpf_tcp_connect_seconds{result=\"established\"}", connects, 5);
	assert_grown("node_bpf_tcp_connect_seconds{result=\"failed\"}", failures, 1);
	assert_grown("node_bpf_tcp_state_transitions_total{state=\"established\"}", established, 10);
	assert_grown("node_bpf_tcp_round_trip_seconds", round_trips, 5);
	assert_grown("node_bpf_tcp_resets_total{direction=\"sent\"}", resets, 1);
}

/* With the accept queue full, who connects is not answered and asks again a second later. */
static void test_segments_that_are_sent_again_are_counted(void **state)
{
	(void)state;
	static const char series[] = "node_bpf_tcp_retransmits_total{family=\"ipv4\",type=\"segment\"}";
	struct sockaddr_in address;
	int clients[8];
	BPF_START(tcp);
	const double before = bpf_value(series);
	const int listener = listen_open(0, &address);
	for (int i = 0; i < 8; i++)
		clients[i] = connect_open(&address, SOCK_NONBLOCK);
	for (int i = 0; i < 100 && bpf_value(series) == before; i++) {
		usleep(100000);
		bpf_collect();
	}
	assert_grown(series, before, 1);
	for (int i = 0; i < 8; i++)
		close(clients[i]);
	close(listener);
}

static void test_accept_queues_are_told_with_what_they_refused(void **state)
{
	(void)state;
	struct sockaddr_in address;
	char length[96], limit[96], drops[96];
	int clients[8];
	const int listener = listen_open(1, &address);
	const unsigned port = ntohs(address.sin_port);
	snprintf(length, sizeof(length), "node_bpf_tcp_accept_queue_length{port=\"%u\"}", port);
	snprintf(limit, sizeof(limit), "node_bpf_tcp_accept_queue_limit{port=\"%u\"}", port);
	snprintf(drops, sizeof(drops), "node_bpf_tcp_accept_queue_drops_total{port=\"%u\"}", port);
	BPF_START(tcp_listen);
	assert_true(host_fixture_has(&test_host, length));
	assert_true(bpf_value(length) == 0 && bpf_value(limit) == 1 && bpf_value(drops) == 0);
	for (int i = 0; i < 8; i++)
		clients[i] = connect_open(&address, SOCK_NONBLOCK);
	bpf_collect();
	assert_true(bpf_value(length) == 2); /* one more than the limit: so the kernel counts */
	assert_true(bpf_value(drops) >= 6);
	for (int i = 0; i < 8; i++)
		close(clients[i]);
	close(listener);
	bpf_collect();
	assert_false(host_fixture_has(&test_host, length));
}

/* A datagram that nobody waits for. */
static void datagram_send(void)
{
	struct sockaddr_in address;
	close(listen_open(0, &address)); /* a port that is free for TCP is most often free for UDP */
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&address, sizeof(address)), 1);
	close(fd);
}

static void test_dropped_packets_are_counted_by_reason(void **state)
{
	(void)state;
	BPF_START(packet_drops);
	const double before = bpf_value("node_bpf_packet_drops_total{reason=\"no_socket\"}");
	for (int i = 0; i < 5; i++)
		datagram_send();
	bpf_collect();
	assert_grown("node_bpf_packet_drops_total{reason=\"no_socket\"}", before, 5);
}

static void test_softirqs_are_timed_by_vector(void **state)
{
	(void)state;
	BPF_START(softirq);
	const double services = bpf_value("node_bpf_softirq_service_seconds{vector=\"net_rx\"}");
	const double waits = bpf_value("node_bpf_softirq_wait_seconds{vector=\"net_rx\"}");
	for (int i = 0; i < 5; i++)
		datagram_send();
	bpf_collect();
	/* One softirq may take several packets. */
	assert_grown("node_bpf_softirq_service_seconds{vector=\"net_rx\"}", services, 1);
	assert_grown("node_bpf_softirq_wait_seconds{vector=\"net_rx\"}", waits, 1);
}

/* ---- disks ------------------------------------------------------------------------------------------------------ */

#define DISK_DIRECTORY "/var/tmp"

static char disk_path[] = DISK_DIRECTORY "/mstat-test-XXXXXX";

/* A file on a disk; skips the test where there is none. */
static int disk_open(bool ext4)
{
	struct stat status;
	struct statfs system;
	memcpy(disk_path + strlen(disk_path) - 6, "XXXXXX", 6);
	if (stat(DISK_DIRECTORY, &status) || statfs(DISK_DIRECTORY, &system) || status.st_dev >> 8 == 0)
		skip_because(DISK_DIRECTORY " is not on a disk");
	if (ext4 && system.f_type != EXT4_SUPER_MAGIC)
		skip_because(DISK_DIRECTORY " is not on ext4");
	const int fd = mkstemp(disk_path);
	assert_true(fd >= 0);
	return fd;
}

static void disk_sync(int fd)
{
	static char block[65536];
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pwrite(fd, block, sizeof(block), (off_t)sizeof(block) * i), sizeof(block));
		assert_int_equal(fsync(fd), 0);
	}
}

static void test_block_requests_are_timed_and_sized_by_device_and_operation(void **state)
{
	(void)state;
	BPF_START(block_io);
	const double before = bpf_family_value("node_bpf_block_io_latency_seconds{");
	const int fd = disk_open(false);
	disk_sync(fd);
	close(fd);
	unlink(disk_path);
	bpf_collect();
	assert_true(bpf_family_value("node_bpf_block_io_latency_seconds{") >= before + 4);
	assert_true(bpf_family_value("node_bpf_block_io_size_bytes{") >= before + 4);
	bool writes = false;
	for (size_t i = 0; i < snapshot_sample_count(test_host.snapshot); i++) {
		const struct snapshot_sample sample = snapshot_sample(test_host.snapshot, i);
		writes |= memmem(sample.text, sample.text_len, "operation=\"write\"", strlen("operation=\"write\"")) &&
			  sample.composite;
	}
	assert_true(writes);
}

static void test_interrupts_of_the_disk_are_timed(void **state)
{
	(void)state;
	BPF_START(irq);
	const double before = bpf_family_value("node_bpf_irq_service_seconds");
	const int fd = disk_open(false);
	disk_sync(fd);
	close(fd);
	unlink(disk_path);
	bpf_collect();
	assert_true(bpf_family_value("node_bpf_irq_service_seconds") > before);
}

static void test_operations_of_ext4_are_timed(void **state)
{
	(void)state;
	static const char *const operations[] = {"sync", "unlink", "truncate", "fallocate"};
	char series[4][96];
	double before[4];
	BPF_START(ext4);
	for (int i = 0; i < 4; i++) {
		snprintf(series[i], sizeof(series[i]), "node_bpf_ext4_latency_seconds{operation=\"%s\"}",
			 operations[i]);
		before[i] = bpf_value(series[i]);
	}
	const int fd = disk_open(true);
	disk_sync(fd);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(fallocate(fd, 0, 0, 1 << 20), 0);
	close(fd);
	unlink(disk_path);
	bpf_collect();
	for (int i = 0; i < 4; i++)
		assert_grown(series[i], before[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BPF_TEST(test_connections_are_timed_and_their_states_counted),
		BPF_TEST(test_segments_that_are_sent_again_are_counted),
		BPF_TEST(test_accept_queues_are_told_with_what_they_refused),
		BPF_TEST(test_dropped_packets_are_counted_by_reason),
		BPF_TEST(test_softirqs_are_timed_by_vector),
		BPF_TEST(test_block_requests_are_timed_and_sized_by_device_and_operation),
		BPF_TEST(test_interrupts_of_the_disk_are_timed),
		BPF_TEST(test_operations_of_ext4_are_timed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
