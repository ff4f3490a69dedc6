/* SPDX-License-Identifier: MIT */
/* The service manager's side: what it is told, what the watchdog believes, the sockets that it hands over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "notify.h"
#include "sockets.h"
#include "watchdog.h"

/* ---- notify ---- */

static int manager_fd = -1;

static void manager_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", child_directory);
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	check(manager_fd >= 0 && !bind(manager_fd, (const struct sockaddr *)&address, sizeof(address)));
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

/* Datagrams arrive before the call that sent them returns. */
static void expect_message(const char *expected)
{
	char message[4096];
	const ssize_t len = recv(manager_fd, message, sizeof(message) - 1, 0);
	check(len > 0);
	message[len] = '\0';
	if (strncmp(message, expected, strlen(expected))) {
		fprintf(stderr, "have: %s\nwant: %s\n", message, expected);
		_exit(1);
	}
}

static void tell_all(void)
{
	char long_status[3000];
	manager_listen();
	notify_ready("Serving on 127.0.0.1:9466");
	expect_message("READY=1\nSTATUS=Serving on 127.0.0.1:9466");
	notify_reloading();
	expect_message("RELOADING=1\nMONOTONIC_USEC=");
	notify_stopping();
	expect_message("STOPPING=1");
	notify_alive();
	expect_message("WATCHDOG=1");
	/* Text from outside cannot say more than it should. */
	notify_status("x\nMAINPID=1");
	char message[64];
	check_equal(recv(manager_fd, message, sizeof(message), 0), strlen("STATUS=x"));
	memset(long_status, 'a', sizeof(long_status) - 1);
	long_status[sizeof(long_status) - 1] = '\0';
	notify_status(long_status);
	expect_message("STATUS=aaaa");
}

CHILD_TEST(test_the_service_manager_is_told_what_happens)
{
	tell_all();
}

CHILD_TEST(test_without_a_service_manager_nothing_is_told_and_nothing_fails)
{
	unsetenv("NOTIFY_SOCKET");
	notify_ready("x");
	notify_alive();
	check_equal(notify_alive_interval_us(), 0);
	/* One that is gone. */
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	notify_ready("x");
	notify_stopping();
}

CHILD_TEST(test_the_watchdog_interval_is_what_the_service_manager_asks_of_this_process)
{
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_USEC", "3000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	check_equal(notify_alive_interval_us(), 3000000);
	setenv("WATCHDOG_PID", "1", 1);
	check_equal(notify_alive_interval_us(), 0);
}

/* ---- watchdog ---- */

#define SECOND INT64_C(1000000000)

static void test_watchdog_lives_while_there_is_nothing_to_do(void **state)
{
	(void)state;
	struct watchdog watchdog;
	watchdog_init(&watchdog, 10000000, 5 * SECOND);
	assert_int_equal(watchdog_period_us(&watchdog), 5000000);
	for (int64_t s = 5; s < 1000; s += 5)
		assert_true(watchdog_look(&watchdog, false, 7, s * SECOND));
	/* A collection begins after a long silence. */
	assert_true(watchdog_look(&watchdog, true, 8, 1005 * SECOND));
}

static void test_watchdog_bears_a_slow_collection_that_moves(void **state)
{
	(void)state;
	struct watchdog watchdog;
	watchdog_init(&watchdog, 10000000, 0);
	/* A collector every nine seconds, for an hour. */
	for (int64_t s = 0; s < 3600; s++)
		assert_true(watchdog_look(&watchdog, true, (uint64_t)(s / 9), s * SECOND));
}

static void test_watchdog_does_not_hide_a_stuck_collector(void **state)
{
	(void)state;
	struct watchdog watchdog;
	watchdog_init(&watchdog, 10000000, 0);
	assert_true(watchdog_look(&watchdog, true, 3, 1 * SECOND));
	assert_true(watchdog_look(&watchdog, true, 3, 11 * SECOND));
	assert_false(watchdog.stuck);
	assert_false(watchdog_look(&watchdog, true, 3, 12 * SECOND));
	assert_true(watchdog.stuck);
	/* It was only very slow. */
	assert_true(watchdog_look(&watchdog, true, 4, 13 * SECOND));
	assert_false(watchdog.stuck);
}

/* ---- sockets ---- */

static int tcp_socket(bool listening)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	check(fd >= 0 && !bind(fd, (const struct sockaddr *)&address, sizeof(address)));
	check(!listening || !listen(fd, 8));
	return fd;
}

/* Puts `fd` where announced descriptors are. */
static void announce(int fd, const char *names)
{
	char pid[16];
	if (fd != 3) {
		check_equal(dup2(fd, 3), 3);
		close(fd);
	}
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

CHILD_TEST(test_sockets_that_are_handed_over_are_taken_once)
{
	struct sockets sockets = {.count = 9};
	char *error = NULL;
	announce(tcp_socket(true), "http");
	check_equal(sockets_take(&sockets, &error), 0);
	check_equal(sockets.count, 1);
	check_equal(sockets.fds[0], 3);
	check(fcntl(3, F_GETFL) & O_NONBLOCK);
	check(fcntl(3, F_GETFD) & FD_CLOEXEC);
	check(!getenv("LISTEN_FDS"));
	check_equal(sockets_take(&sockets, &error), 0);
	check_equal(sockets.count, 0);
}

static void expect_refusal(const char *reason)
{
	struct sockets sockets = {.count = 0};
	char *error = NULL;
	check_equal(sockets_take(&sockets, &error), -EINVAL);
	check_equal(sockets.count, 0);
	check(strstr(error, "http") && strstr(error, reason) && strstr(error, "ListenStream"));
	free(error);
}

CHILD_TEST(test_sockets_that_do_not_listen_are_refused_by_name)
{
	announce(tcp_socket(false), "http");
	expect_refusal("not a listening stream socket");
}

CHILD_TEST(test_sockets_of_other_families_are_refused_by_name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/http", child_directory);
	check(!bind(fd, (const struct sockaddr *)&address, sizeof(address)) && !listen(fd, 1));
	announce(fd, "http");
	expect_refusal("not a TCP socket");
}

CHILD_TEST(test_sockets_meant_for_another_process_are_left_alone)
{
	struct sockets sockets = {.count = 0};
	char *error = NULL;
	announce(tcp_socket(true), "http");
	setenv("LISTEN_PID", "1", 1);
	check_equal(sockets_take(&sockets, &error), 0);
	check_equal(sockets.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_service_manager_is_told_what_happens),
		cmocka_unit_test(test_without_a_service_manager_nothing_is_told_and_nothing_fails),
		cmocka_unit_test(test_the_watchdog_interval_is_what_the_service_manager_asks_of_this_process),
		cmocka_unit_test(test_watchdog_lives_while_there_is_nothing_to_do),
		cmocka_unit_test(test_watchdog_bears_a_slow_collection_that_moves),
		cmocka_unit_test(test_watchdog_does_not_hide_a_stuck_collector),
		cmocka_unit_test(test_sockets_that_are_handed_over_are_taken_once),
		cmocka_unit_test(test_sockets_that_do_not_listen_are_refused_by_name),
		cmocka_unit_test(test_sockets_of_other_families_are_refused_by_name),
		cmocka_unit_test(test_sockets_meant_for_another_process_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
