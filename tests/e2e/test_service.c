/* SPDX-License-Identifier: MIT */
/* The agent under a service manager that the test plays: readiness, reloads, signs of life, sockets, privileges. A real
 * one is in test_service_machine.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mstat/mstat.h>

#include "daemon.h"
#include "hung_mount.h"
#include "sanitized.h"
#include "scrape.h"

static int namespaces_error;
static int manager_fd = -1;
static struct hung_mount hung_place;

/* ---- the service manager ---------------------------------------------------------------------------------------- */

static void manager_listen(const struct scratch *scratch)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", scratch->path);
	manager_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(manager_fd >= 0);
	assert_int_equal(bind(manager_fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

static int service_teardown(void **state)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID",
					    "LISTEN_FDNAMES"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	if (manager_fd >= 0)
		close(manager_fd);
	manager_fd = -1;
	hung_mount_close(&hung_place);
	return scratch_teardown(state);
}

/* The next message within so long, or NULL. */
static const char *message_within(int wait_ms)
{
	static char message[4096];
	struct pollfd ready = {.fd = manager_fd, .events = POLLIN};
	if (poll(&ready, 1, wait_ms) != 1)
		return NULL;
	const ssize_t len = recv(manager_fd, message, sizeof(message) - 1, 0);
	assert_true(len >= 0);
	message[len] = '\0';
	return message;
}

/* Waits for a message that begins so; passes others over. */
static const char *message_await(const char *beginning)
{
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms;) {
		const char *message = message_within(WAIT_MS);
		if (message && !strncmp(message, beginning, strlen(beginning)))
			return message;
	}
	fail_msg("no message \"%s\" within %d ms", beginning, WAIT_MS);
	return NULL;
}

/* ---- what it is told -------------------------------------------------------------------------------------------- */

static void test_agent_tells_when_it_serves_reloads_and_stops(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	char place[64];
	manager_listen(scratch);
	agent_start(&agent, scratch);
	snprintf(place, sizeof(place), "READY=1\nSTATUS=Serving on 127.0.0.1:%u", agent.port);
	assert_string_equal(message_within(WAIT_MS), place);
	/* What it said is true. */
	free(page_now(agent.port));
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	assert_non_null(strstr(message_within(WAIT_MS), "RELOADING=1\nMONOTONIC_USEC="));
	assert_string_equal(message_within(WAIT_MS), place);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	assert_non_null(strstr(message_within(WAIT_MS), "STOPPING=1"));
	assert_null(message_within(0));
}

static void test_agent_that_cannot_start_is_never_ready(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon first, second = {0};
	char program[PATH_MAX], directory[128];
	const char *words[] = {program, directory, "--web.listen-address=127.0.0.1:0", NULL};
	int status;
	agent_start(&first, scratch);
	manager_listen(scratch);
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	daemon_spawn(&second, scratch, "second.log", words);
	assert_false(daemon_listens(&second, &status));
	assert_null(message_within(0));
	daemon_stop(&first, SIGTERM);
}

static void test_failed_reload_leaves_the_agent_ready_and_says_so(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	char path[128], flag[160];
	snprintf(path, sizeof(path), "%s/config.yaml", scratch->path);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	manager_listen(scratch);
	agent_start(&agent, scratch, flag);
	message_await("READY=1");
	unlink(path);
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	message_await("RELOADING=1");
	assert_non_null(strstr(message_await("READY=1"), "reload failed"));
	free(page_now(agent.port));
	daemon_stop(&agent, SIGTERM);
}

/* ---- signs of life ---------------------------------------------------------------------------------------------- */

static void test_agent_gives_signs_of_life_while_nobody_asks_for_anything(void **state)
{
	struct daemon agent;
	manager_listen(*state);
	setenv("WATCHDOG_USEC", "200000", 1);
	agent_start(&agent, (const struct scratch *)*state);
	for (int i = 0; i < 5; i++)
		message_await("WATCHDOG=1");
	daemon_stop(&agent, SIGTERM);
}

/* A file of the host that a fast collector reads, in a directory that hangs when it is mounted over. */
static void procfs_make(const struct scratch *scratch, char *directory, size_t size)
{
	char path[256];
	static const char *const below[] = {"proc", "proc/sys", "proc/sys/fs"};
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch->path, below[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(directory, size, "%s/proc/sys/fs", scratch->path);
	snprintf(path, sizeof(path), "%s/file-nr", directory);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "10\t0\t100\n", 9), 9);
	close(fd);
}

static void test_stuck_collector_ends_the_signs_of_life(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	char directory[128], flag[160];
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
	if (namespaces_error) {
		print_message("skipped: no namespaces for a mount: %s\n", strerror(-namespaces_error));
		skip();
	}
	procfs_make(scratch, directory, sizeof(directory));
	snprintf(flag, sizeof(flag), "--path.procfs=%s/proc", scratch->path);
	manager_listen(scratch);
	setenv("WATCHDOG_USEC", "300000", 1);
	agent_start(&agent, scratch, flag);
	page_await(agent.port, "node_filefd_allocated", "10");
	const int r = hung_mount_open(&hung_place, directory);
	if (r) {
		print_message("skipped: FUSE cannot be mounted: %s\n", strerror(-r));
		skip();
	}
	usleep(150000); /* pages are shared for 100 ms */
	const int connection = http_connect(agent.port);
	assert_int_equal(send(connection, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	message_await("STATUS=Stuck in collector host.");
	/* The agent itself is well, and yet it gives no sign; one that was under way may still come. */
	char *health = http_ask(agent.port, "GET", "/health");
	assert_non_null(strstr(health, "200"));
	free(health);
	assert_null(message_within(1500));
	hung_mount_close(&hung_place);
	assert_non_null(strstr(message_await("READY=1"), "Serving"));
	message_await("WATCHDOG=1");
	close(connection);
	daemon_stop(&agent, SIGTERM);
}

/* ---- sockets ---------------------------------------------------------------------------------------------------- */

static int tcp_listen(uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* Starts the agent as systemd does: the socket as descriptor 3, announced to its pid. */
static void agent_start_handed(struct daemon *agent, const struct scratch *scratch, int fd, const char *flag)
{
	char program[PATH_MAX], directory[128], pid[16];
	int status;
	program_path("mstatd", program, sizeof(program));
	snprintf(directory, sizeof(directory), "--segment.dir=%s", scratch->segments);
	snprintf(agent->log, sizeof(agent->log), "%s/agent.log", scratch->path);
	unlink(agent->log);
	const int log = open(agent->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	agent->pid = fork();
	assert_true(agent->pid >= 0);
	if (!agent->pid) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_FDNAMES", "http", 1);
		dup2(log, 2);
		/* dup2() onto itself would leave it to be closed by execve(). */
		if (fd == 3)
			fcntl(fd, F_SETFD, 0);
		else
			dup2(fd, 3);
		execl(program, program, directory, flag, (char *)NULL);
		_exit(127);
	}
	close(log);
	process_remember(agent->pid);
	assert_true(daemon_listens(agent, &status));
}

static void assert_serves(uint16_t port)
{
	char *answer = http_ask(port, "GET", "/health");
	assert_non_null(answer);
	assert_non_null(strstr(answer, "200"));
	free(answer);
}

static void test_agent_serves_the_socket_that_it_is_given_instead_of_its_default(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	uint16_t port;
	const int fd = tcp_listen(&port);
	manager_listen(scratch);
	agent_start_handed(&agent, scratch, fd, NULL);
	assert_int_equal(agent.port, port);
	char *log = daemon_log(&agent);
	assert_null(strstr(strstr(log, "msg=listening") + 1, "msg=listening"));
	free(log);
	assert_serves(port);
	/* A reload leaves it open: nobody else could open it again. */
	message_await("READY=1");
	assert_int_equal(kill(agent.pid, SIGHUP), 0);
	message_await("READY=1");
	assert_serves(port);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	/* Whoever asks meanwhile waits in the socket, and is served by the next agent. */
	const int waiting = http_connect(port);
	assert_true(waiting >= 0);
	agent_start_handed(&agent, scratch, fd, NULL);
	assert_serves(port);
	close(waiting);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	close(fd);
}

static void test_agent_serves_the_socket_beside_the_addresses_that_it_is_told(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	uint16_t port;
	const int fd = tcp_listen(&port);
	agent_start_handed(&agent, scratch, fd, "--web.listen-address=127.0.0.1:0");
	assert_serves(port);
	char *log = daemon_log(&agent);
	const char *other = strstr(strstr(log, "msg=listening") + 1, "address=127.0.0.1:");
	assert_non_null(other);
	assert_serves((uint16_t)atoi(other + strlen("address=127.0.0.1:")));
	free(log);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	close(fd);
}

static void test_address_that_is_the_sockets_own_is_the_socket(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	uint16_t port;
	char flag[64];
	const int fd = tcp_listen(&port);
	snprintf(flag, sizeof(flag), "--web.listen-address=127.0.0.1:%u", port);
	agent_start_handed(&agent, scratch, fd, flag);
	assert_serves(port);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	close(fd);
}

/* ---- privileges ------------------------------------------------------------------------------------------------- */

static unsigned long long field(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 16);
}

/* Calls `check` with the status of every thread; returns how many there are. */
static unsigned threads_check(pid_t pid, void (*check)(const char *status, unsigned long long expected),
			      unsigned long long expected)
{
	char path[64], text[4096];
	unsigned count = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (const struct dirent *entry; (entry = readdir(directory));) {
		if (*entry->d_name == '.')
			continue;
		char file[512];
		snprintf(file, sizeof(file), "%s/%s/status", path, entry->d_name);
		const int fd = open(file, O_RDONLY | O_CLOEXEC);
		const ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (len <= 0)
			continue; /* it ended */
		text[len] = '\0';
		check(text, expected);
		count++;
	}
	closedir(directory);
	return count;
}

static void expect_capabilities(const char *status, unsigned long long expected)
{
	assert_int_equal(field(status, "CapPrm:"), expected);
	assert_int_equal(field(status, "CapEff:"), expected);
	assert_int_equal(field(status, "CapInh:"), 0);
	assert_int_equal(field(status, "CapAmb:"), 0);
	assert_int_equal(field(status, "NoNewPrivs:"), 1);
	if (!geteuid())
		assert_int_equal(field(status, "CapBnd:"), 0);
}

static void test_no_thread_of_the_agent_has_a_capability_when_it_serves(void **state)
{
	struct daemon agent;
	if (SANITIZED) {
		print_message("skipped: a sanitizer's own thread is there before main()\n");
		skip();
	}
	agent_start(&agent, (const struct scratch *)*state, "--privileges.keep=none");
	free(page_now(agent.port));
	assert_true(threads_check(agent.pid, expect_capabilities, 0) > 1);
	daemon_stop(&agent, SIGTERM);
}

MSTAT_COUNTER(things, "things_total", "Things of another user.");

/* As root it keeps one capability, to read what it may not by its user alone. */
static void test_root_reads_the_segments_of_another_user(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent;
	if (geteuid()) {
		print_message("skipped: needs root\n");
		skip();
	}
	assert_int_equal(chmod(scratch->path, 0755) || chmod(scratch->segments, 01777), 0);
	const pid_t pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		const struct mstat_options options = {
			.size = sizeof(options), .service = "other", .directory = scratch->segments};
		mstat_open(&options);
		mstat_add(mstat_counter_with(&things), 5);
		_exit(0);
	}
	assert_int_equal(process_wait(pid), 0);
	agent_start(&agent, scratch);
	char *page = page_now(agent.port);
	assert_page(page, "things_total{service=\"other\"}", "5");
	free(page);
	if (!SANITIZED)
		threads_check(agent.pid, expect_capabilities, 1u << 2);
	daemon_stop(&agent, SIGTERM);
}

static void test_capabilities_that_are_kept_by_name_stay_and_no_others(void **state)
{
	struct daemon agent;
	char own[4096];
	const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	const ssize_t len = read(fd, own, sizeof(own) - 1);
	close(fd);
	assert_true(len > 0);
	own[len] = '\0';
	if (SANITIZED || !(field(own, "CapEff:") & 1u << 19)) {
		print_message("skipped: needs CAP_SYS_PTRACE, and no sanitizer\n");
		skip();
	}
	agent_start(&agent, (const struct scratch *)*state, "--privileges.keep=CAP_SYS_PTRACE");
	free(page_now(agent.port));
	threads_check(agent.pid, expect_capabilities, 1u << 19);
	daemon_stop(&agent, SIGTERM);
}

static void test_unknown_capability_is_refused_by_name(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char program[PATH_MAX];
	const char *words[] = {program, "--privileges.keep=CAP_EVERYTHING", NULL};
	int status;
	program_path("mstatd", program, sizeof(program));
	daemon_spawn(&agent, scratch, "agent.log", words);
	assert_false(daemon_listens(&agent, &status));
	assert_int_equal(WEXITSTATUS(status), 2);
	char *log = daemon_log(&agent);
	assert_non_null(strstr(log, "privileges.keep: \"CAP_EVERYTHING\""));
	free(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, service_teardown)

int main(void)
{
	namespaces_error = namespaces_enter();
	const struct CMUnitTest tests[] = {
		TEST(test_agent_tells_when_it_serves_reloads_and_stops),
		TEST(test_agent_that_cannot_start_is_never_ready),
		TEST(test_failed_reload_leaves_the_agent_ready_and_says_so),
		TEST(test_agent_gives_signs_of_life_while_nobody_asks_for_anything),
		TEST(test_stuck_collector_ends_the_signs_of_life),
		TEST(test_agent_serves_the_socket_that_it_is_given_instead_of_its_default),
		TEST(test_agent_serves_the_socket_beside_the_addresses_that_it_is_told),
		TEST(test_address_that_is_the_sockets_own_is_the_socket),
		TEST(test_no_thread_of_the_agent_has_a_capability_when_it_serves),
		TEST(test_root_reads_the_segments_of_another_user),
		TEST(test_capabilities_that_are_kept_by_name_stay_and_no_others),
		TEST(test_unknown_capability_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
