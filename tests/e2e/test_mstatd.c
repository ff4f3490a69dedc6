/* SPDX-License-Identifier: MIT */
/* The daemon as its users run it: exit codes, messages, reload, stop. Its log is read through a pipe, which also tells
 * the port that it got for port 0. */
#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000 /* only a daemon that hangs needs it */
#define LISTENING "msg=listening address=127.0.0.1:"

extern char **environ;

static char program[PATH_MAX];
static char directory[] = "/dev/shm/mstat-test-mstatd-XXXXXX";
static char config_path[96], segments_flag[96], config_flag[128];

/* ---- the daemon ----------------------------------------------------------------------------------------------- */

struct daemon {
	pid_t pid;
	FILE *log;
	char line[8192];
};

static void daemon_start(struct daemon *daemon, const char *one, const char *two)
{
	const char *words[] = {program, segments_flag, one, two, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	assert_int_equal(posix_spawn(&daemon->pid, program, &actions, NULL, (char **)words, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	daemon->log = fdopen(ends[0], "r");
	/* Unbuffered, so that poll() sees whatever has not been read. */
	setvbuf(daemon->log, NULL, _IONBF, 0);
}

/* Reads log lines until one holds `text`. */
static void daemon_expect(struct daemon *daemon, const char *text)
{
	for (;;) {
		struct pollfd ready = {.fd = fileno(daemon->log), .events = POLLIN};
		assert_int_equal(poll(&ready, 1, WAIT_MS), 1);
		if (!fgets(daemon->line, sizeof(daemon->line), daemon->log))
			fail_msg("the daemon ended before it said: %s", text);
		if (strstr(daemon->line, text))
			return;
	}
}

static uint16_t daemon_port(struct daemon *daemon)
{
	daemon_expect(daemon, LISTENING);
	return (uint16_t)atoi(strstr(daemon->line, LISTENING) + strlen(LISTENING));
}

/* Waits for the end and returns the exit code. */
static int daemon_end(struct daemon *daemon)
{
	int status;
	while (fgets(daemon->line, sizeof(daemon->line), daemon->log))
		;
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	fclose(daemon->log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int daemon_stop(struct daemon *daemon, int number)
{
	kill(daemon->pid, number);
	return daemon_end(daemon);
}

static void config_write(const char *text)
{
	FILE *file = fopen(config_path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* ---- a client ------------------------------------------------------------------------------------------------- */

/* The whole answer to a GET, or NULL if nobody listens. Valid until the next call. */
static const char *get(uint16_t port, const char *path)
{
	static char answer[1 << 20];
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char request[256];
	size_t len = 0;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return NULL;
	}
	const int request_len =
		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
	assert_int_equal(send(fd, request, (size_t)request_len, MSG_NOSIGNAL), request_len);
	for (ssize_t n; (n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0;)
		len += (size_t)n;
	close(fd);
	answer[len] = '\0';
	return answer;
}

/* ---- tests ---------------------------------------------------------------------------------------------------- */

static void expect_refusal(const char *flag, const char *message)
{
	struct daemon daemon;
	daemon_start(&daemon, flag, NULL);
	daemon_expect(&daemon, "mstatd: ");
	assert_string_equal(daemon.line, message);
	assert_int_equal(daemon_end(&daemon), 2);
}

static void test_mstatd_refuses_bad_flags_and_files_with_exit_code_2(void **state)
{
	(void)state;
	char message[512];
	expect_refusal("--log.level=loud", "mstatd: --log.level=loud: expected one of debug|info|warn|error\n");
	config_write("log:\n  level: info\n  level: info\n");
	snprintf(message, sizeof(message), "mstatd: %s:3: log.level: duplicate key, first on line 2; remove one\n",
		 config_path);
	expect_refusal(config_flag, message);
}

static void test_mstatd_that_cannot_listen_ends_with_exit_code_1(void **state)
{
	(void)state;
	struct daemon daemon;
	/* An address of the documentation's network, which no machine has. */
	daemon_start(&daemon, "--web.listen-address=192.0.2.1:1", NULL);
	daemon_expect(&daemon, "msg=\"cannot start\" reason=\"--web.listen-address=192.0.2.1:1: ");
	assert_int_equal(daemon_end(&daemon), 1);
}

static void test_mstatd_serves_all_its_pages_and_stops_on_either_signal(void **state)
{
	(void)state;
	static const int numbers[] = {SIGTERM, SIGINT};
	for (int i = 0; i < 2; i++) {
		struct daemon daemon;
		daemon_start(&daemon, "--web.listen-address=127.0.0.1:0", NULL);
		const uint16_t port = daemon_port(&daemon);
		static const char *const paths[] = {"/", "/metrics", "/health", "/ready"};
		for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
			assert_memory_equal(get(port, paths[k]), "HTTP/1.1 200 OK\r\n", 17);
		assert_non_null(strstr(get(port, "/metrics"), "\nmstat_build_info{version="));
		assert_int_equal(daemon_stop(&daemon, numbers[i]), 0);
	}
}

static void test_mstatd_reload_applies_a_good_file_and_refuses_a_bad_one(void **state)
{
	(void)state;
	struct daemon daemon;
	char expected[256];
	config_write("web:\n  listen-address: [\"127.0.0.1:0\"]\n");
	daemon_start(&daemon, config_flag, NULL);
	const uint16_t first = daemon_port(&daemon);
	daemon_expect(&daemon, "msg=\"reading segments\"");

	config_write("web:\n  listen-address: [\"127.0.0.2:0\", \"127.0.0.1:0\"]\nsegment: {keep-dead: 1h}\n");
	kill(daemon.pid, SIGHUP);
	daemon_expect(&daemon, "msg=\"the new value needs a restart\" key=segment.keep-dead");
	daemon_expect(&daemon, "msg=\"configuration reloaded\"");

	config_write("web:\n  listen-address: [\"127.0.0.1:0\"]\nsegment: {keep-dead: 1}\n");
	kill(daemon.pid, SIGHUP);
	snprintf(expected, sizeof(expected), "reason=\"%s:3: segment.keep-dead: ", config_path);
	daemon_expect(&daemon, expected);

	const char *page = get(first, "/metrics");
	assert_non_null(page);
	assert_non_null(strstr(page, "\nmstat_config_reloads_total{result=\"success\"} 1\n"));
	assert_non_null(strstr(page, "\nmstat_config_reloads_total{result=\"failure\"} 1\n"));

	config_write("web:\n  listen-address: [\"127.0.0.2:0\"]\n");
	kill(daemon.pid, SIGHUP);
	daemon_expect(&daemon, "msg=\"configuration reloaded\"");
	assert_null(get(first, "/metrics"));
	assert_int_equal(daemon_stop(&daemon, SIGTERM), 0);
}

static void test_mstatd_refuses_a_directory_that_another_agent_owns_with_exit_code_3(void **state)
{
	(void)state;
	struct daemon first, second;
	char path[96];
	daemon_start(&first, "--web.listen-address=127.0.0.1:0", NULL);
	daemon_start(&second, "--web.listen-address=127.0.0.1:0", NULL);
	daemon_expect(&first, "msg=\"reading segments\"");
	daemon_expect(&second, "msg=\"reading segments\"");
	/* Both wait for it; one of them gets it. */
	snprintf(path, sizeof(path), "%s/segments", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	struct pollfd ready[2] = {{.fd = fileno(first.log), .events = POLLIN},
				  {.fd = fileno(second.log), .events = POLLIN}};
	assert_true(poll(ready, 2, WAIT_MS) > 0);
	struct daemon *loser = ready[0].revents ? &first : &second, *winner = loser == &first ? &second : &first;
	daemon_expect(loser, "another agent owns");
	assert_int_equal(daemon_end(loser), 3);

	/* And one that comes later finds it taken. */
	struct daemon third;
	daemon_start(&third, "--web.listen-address=127.0.0.1:0", NULL);
	daemon_expect(&third, "msg=\"cannot start\" reason=");
	assert_int_equal(daemon_end(&third), 3);
	assert_int_equal(daemon_stop(winner, SIGTERM), 0);
}

static void test_mstatd_outlives_the_reader_of_its_log(void **state)
{
	(void)state;
	struct daemon daemon;
	int status;
	daemon_start(&daemon, "--web.listen-address=127.0.0.1:0", NULL);
	const uint16_t port = daemon_port(&daemon);
	daemon_expect(&daemon, "msg=\"reading segments\"");
	fclose(daemon.log);
	kill(daemon.pid, SIGHUP); /* makes it write */
	while (strstr(get(port, "/metrics"), "\nmstat_log_lines_lost_total 0\n"))
		usleep(10000);
	kill(daemon.pid, SIGTERM);
	assert_int_equal(waitpid(daemon.pid, &status, 0), daemon.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- set-up --------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	const char *bin = getenv("MSTAT_BIN_DIR");
	if (bin) {
		snprintf(program, sizeof(program), "%s/mstatd", bin);
	} else {
		/* The tests lie two directories below the programs. */
		const ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 32);
		assert_true(len > 0);
		program[len] = '\0';
		strcpy(strrchr(program, '/'), "/../../mstatd");
	}
	if (!mkdtemp(directory))
		return -1;
	snprintf(config_path, sizeof(config_path), "%s/mstat.yml", directory);
	snprintf(config_flag, sizeof(config_flag), "--config.file=%s", config_path);
	snprintf(segments_flag, sizeof(segments_flag), "--segment.dir=%s/segments", directory);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mstatd_refuses_bad_flags_and_files_with_exit_code_2),
		cmocka_unit_test(test_mstatd_that_cannot_listen_ends_with_exit_code_1),
		cmocka_unit_test(test_mstatd_serves_all_its_pages_and_stops_on_either_signal),
		cmocka_unit_test(test_mstatd_reload_applies_a_good_file_and_refuses_a_bad_one),
		cmocka_unit_test(test_mstatd_refuses_a_directory_that_another_agent_owns_with_exit_code_3),
		cmocka_unit_test(test_mstatd_outlives_the_reader_of_its_log),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
