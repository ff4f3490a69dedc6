/* SPDX-License-Identifier: MIT */
/* The web configuration of a running agent: mutual TLS, passwords, the rate limit, and files that change under it; with
 * curl, openssl and a real Prometheus as clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "prometheus.h"
#include "scrape.h"
#include "web_fixture.h"

#define MUTUAL                                                                                                         \
	"tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n"              \
	"  client_auth_type: RequireAndVerifyClientCert\n"
#define CLIENT "--cert client.crt --key client.key "

static bool tools_missing(void)
{
	return web_program_missing("openssl") || web_program_missing("curl");
}

static void start(struct daemon *agent, const struct scratch *scratch)
{
	char flag[160];
	snprintf(flag, sizeof(flag), "--web.config.file=%s/web.yml", scratch->path);
	agent_start(agent, scratch, flag, "--collector.disable-defaults");
}

/* The status code of a GET by curl; 0: there was no answer. */
static int code_of(const struct daemon *agent, const struct scratch *scratch, const char *scheme, const char *flags,
		   const char *path)
{
	const char *output;
	web_run(scratch->path, &output,
		"curl -s -m 30 --cacert ca.crt %s -o /dev/null -w '%%{http_code}' %s://127.0.0.1:%u%s", flags, scheme,
		agent->port, path);
	return atoi(output);
}

#define expect_code(agent, scratch, scheme, flags, code)                                                               \
	assert_int_equal(code_of((agent), (scratch), (scheme), (flags), "/health"), (code))

/* The agent looks at its files each second. */
static void await_code(const struct daemon *agent, const struct scratch *scratch, const char *scheme, const char *flags,
		       int code)
{
	int found = -1;
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(100000)) {
		found = code_of(agent, scratch, scheme, flags, "/health");
		if (found == code)
			return;
	}
	fail_msg("%s %s: %d instead of %d", scheme, flags, found, code);
}

static void test_only_clients_with_the_right_certificate_come_in(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	if (tools_missing())
		skip();
	web_certificates_make(scratch->path);
	web_file_write(scratch->path, "web.yml", MUTUAL "  client_allowed_sans: [nobody, scraper]\n");
	start(&agent, scratch);
	expect_code(&agent, scratch, "https", CLIENT, 200);
	expect_code(&agent, scratch, "https", CLIENT "--tls-max 1.2 ", 200);
	expect_code(&agent, scratch, "https", "", 0);
	expect_code(&agent, scratch, "https", "--tls-max 1.2", 0);
	expect_code(&agent, scratch, "https", CLIENT "--tls-max 1.1 ", 0);
	expect_code(&agent, scratch, "https", "--cert other.crt --key other.key", 0);
	expect_code(&agent, scratch, "https", "--cert stranger.crt --key stranger.key", 0);
	expect_code(&agent, scratch, "http", "", 0);
	assert_int_equal(code_of(&agent, scratch, "https", CLIENT, "/metrics"), 200);
	const char *page;
	assert_int_equal(web_run(scratch->path, &page,
				 "curl -s --cacert ca.crt " CLIENT "https://127.0.0.1:%u/metrics | grep certificate",
				 agent.port),
			 0);
	assert_non_null(strstr(page, "mstat_http_connections_closed_total{reason=\"client_certificate\"} 4\n"));
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_other_policies_ask_for_less(void **state)
{
	const struct scratch *scratch = *state;
	static const struct {
		const char *policy;
		int none, stranger, good;
	} policies[] = {{"RequestClientCert", 200, 200, 200},
			{"RequireAnyClientCert", 0, 200, 200},
			{"VerifyClientCertIfGiven\n  client_ca_file: ca.crt", 200, 0, 200},
			{"NoClientCert", 200, 200, 200}};
	struct daemon agent = {0};
	if (tools_missing())
		skip();
	web_certificates_make(scratch->path);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		web_file_write(scratch->path, "web.yml",
			       "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
			       "  client_auth_type: %s\n",
			       policies[i].policy);
		start(&agent, scratch);
		expect_code(&agent, scratch, "https", "", policies[i].none);
		expect_code(&agent, scratch, "https", "--cert stranger.crt --key stranger.key", policies[i].stranger);
		expect_code(&agent, scratch, "https", CLIENT, policies[i].good);
		assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
	}
}

static void test_only_the_ciphers_and_versions_that_are_named_are_spoken(void **state)
{
	const struct scratch *scratch = *state;
	static const char ask[] = "openssl s_client -connect 127.0.0.1:%u -tls1_%d %s < /dev/null";
	const char *output;
	struct daemon agent = {0};
	if (tools_missing())
		skip();
	web_certificates_make(scratch->path);
	web_file_write(
		scratch->path, "web.yml",
		"tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
		"  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  curve_preferences: [CurveP384]\n");
	start(&agent, scratch);
	web_run(scratch->path, &output, ask, agent.port, 2, "");
	assert_non_null(strstr(output, "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"));
	assert_non_null(strstr(output, "Server Temp Key: ECDH, secp384r1"));
	assert_int_not_equal(
		web_run(scratch->path, &output, ask, agent.port, 2, "-cipher ECDHE-ECDSA-AES128-GCM-SHA256"), 0);
	/* Those of TLS 1.3 are always there. */
	assert_int_equal(web_run(scratch->path, &output, ask, agent.port, 3, "-ciphersuites TLS_AES_128_GCM_SHA256"),
			 0);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_every_path_wants_name_and_password(void **state)
{
	const struct scratch *scratch = *state;
	static const char *const paths[] = {"/", "/metrics", "/health", "/ready", "/sd", "/nowhere"};
	const char *output;
	struct daemon agent = {0};
	if (web_program_missing("curl"))
		skip();
	web_file_write(scratch->path, "web.yml",
		       "http_server_config: {headers: {X-Frame-Options: deny, X-Content-Type-Options: nosniff}}\n"
		       "basic_auth_users: {alice: %s}\n",
		       web_hash("secret", 5));
	start(&agent, scratch);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(code_of(&agent, scratch, "http", "", paths[i]), 401);
		assert_int_equal(code_of(&agent, scratch, "http", "-u alice:secre", paths[i]), 401);
		assert_int_equal(code_of(&agent, scratch, "http", "-u bob:secret", paths[i]), 401);
		assert_int_equal(code_of(&agent, scratch, "http", "-u alice:secret", paths[i]), i < 5 ? 200 : 404);
	}
	web_run(scratch->path, &output, "curl -si http://127.0.0.1:%u/metrics", agent.port);
	assert_non_null(strstr(output, "\r\nWWW-Authenticate: Basic "));
	/* Headers are on shared answers and on pages, each once. */
	web_run(scratch->path, &output,
		"for i in 1 2 3; do curl -si -u alice:secret http://127.0.0.1:%u/metrics; done | "
		"grep -ciE '^(x-frame-options: deny|x-content-type-options: nosniff)'",
		agent.port);
	assert_string_equal(output, "6\n");
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_requests_are_answered_while_passwords_are_checked(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	pid_t guesses[6];
	int status, unfinished = 0;
	if (web_program_missing("curl"))
		skip();
	web_file_write(scratch->path, "web.yml", "basic_auth_users: {alice: %s}\n", web_hash("secret", 12));
	start(&agent, scratch);
	expect_code(&agent, scratch, "http", "-u alice:secret", 200);
	for (int i = 0; i < 6; i++) {
		guesses[i] = fork();
		assert_true(guesses[i] >= 0);
		if (!guesses[i]) {
			char flags[32];
			snprintf(flags, sizeof(flags), "-u alice:guess%d", i);
			_exit(code_of(&agent, scratch, "http", flags, "/health") == 401 ? 0 : 1);
		}
		process_remember(guesses[i]);
	}
	/* All of them together wait for six checks; these wait for none. */
	usleep(100000);
	expect_code(&agent, scratch, "http", "-u alice:secret", 200);
	expect_code(&agent, scratch, "http", "", 401);
	for (int i = 0; i < 6; i++) {
		const siginfo_t none = {.si_pid = 0};
		siginfo_t ended = none;
		assert_int_equal(waitid(P_PID, (id_t)guesses[i], &ended, WEXITED | WNOHANG | WNOWAIT), 0);
		unfinished += !ended.si_pid;
	}
	assert_true(unfinished > 0);
	for (int i = 0; i < 6; i++) {
		status = process_wait(guesses[i]);
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_the_rate_limit_comes_before_passwords(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	if (web_program_missing("curl"))
		skip();
	web_file_write(scratch->path, "web.yml",
		       "rate_limit: {interval: 1h, burst: 3}\nbasic_auth_users: {alice: %s}\n", web_hash("secret", 4));
	start(&agent, scratch);
	expect_code(&agent, scratch, "http", "-u alice:secret", 200);
	expect_code(&agent, scratch, "http", "", 401);
	expect_code(&agent, scratch, "http", "-u alice:secret", 200);
	expect_code(&agent, scratch, "http", "", 429);
	expect_code(&agent, scratch, "http", "-u alice:secret", 429);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_changes_of_the_files_count_without_a_restart(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	const char *output;
	if (tools_missing())
		skip();
	web_certificates_make(scratch->path);
	web_file_write(scratch->path, "web.yml", "basic_auth_users: {alice: %s}\n", web_hash("secret", 4));
	start(&agent, scratch);
	expect_code(&agent, scratch, "http", "-u alice:secret", 200);
	/* Another password: the old one is forgotten. */
	web_file_write(scratch->path, "web.yml", "basic_auth_users: {alice: %s}\n", web_hash("other", 4));
	await_code(&agent, scratch, "http", "-u alice:secret", 401);
	expect_code(&agent, scratch, "http", "-u alice:other", 200);
	/* A bad file: nobody is let in by the old one. */
	web_file_write(scratch->path, "web.yml", "basic_auth_users:\n  alice: none\n");
	await_code(&agent, scratch, "http", "-u alice:other", 500);
	/* TLS comes. */
	web_file_write(scratch->path, "web.yml", MUTUAL);
	await_code(&agent, scratch, "https", CLIENT, 200);
	expect_code(&agent, scratch, "http", "", 0);
	/* Another certificate. */
	web_server_certificate_make(scratch->path, 0x77);
	for (const int64_t end_ms = clock_ms() + WAIT_MS; clock_ms() < end_ms; usleep(100000)) {
		web_run(scratch->path, &output,
			"openssl s_client -connect 127.0.0.1:%u " CLIENT "< /dev/null 2>/dev/null | "
			"openssl x509 -noout -serial",
			agent.port);
		if (!strcmp(output, "serial=77\n"))
			break;
	}
	assert_string_equal(output, "serial=77\n");
	/* The key goes away: no handshake; and comes back. */
	assert_int_equal(web_run(scratch->path, NULL, "mv server.key kept.key"), 0);
	await_code(&agent, scratch, "https", CLIENT, 0);
	assert_int_equal(web_run(scratch->path, NULL, "mv kept.key server.key"), 0);
	await_code(&agent, scratch, "https", CLIENT, 200);
	/* TLS goes. */
	web_file_write(scratch->path, "web.yml", "{}\n");
	await_code(&agent, scratch, "http", "", 200);
	char *log = daemon_log(&agent);
	assert_non_null(strstr(log, "level=error msg=\"the web configuration is bad, requests are refused\""));
	assert_non_null(strstr(log, "web.yml:2: basic_auth_users: \\\"alice\\\": not a bcrypt hash"));
	assert_non_null(strstr(log, "msg=\"web configuration reloaded\""));
	free(log);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

static void test_a_bad_file_stops_the_start(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0};
	char program[512], flag[160];
	int status;
	web_file_write(scratch->path, "web.yml", "tls_server_config:\n  cert: x\n  nonsense: y\n");
	program_path("mstatd", program, sizeof(program));
	snprintf(flag, sizeof(flag), "--web.config.file=%s/web.yml", scratch->path);
	daemon_spawn(&agent, scratch, "agent.log", (const char *const[]){program, flag, NULL});
	assert_false(daemon_listens(&agent, &status));
	assert_int_equal(WEXITSTATUS(status), 2);
	char *log = daemon_log(&agent);
	assert_non_null(strstr(log, "web.yml:3: tls_server_config.nonsense: unknown key; known are cert, key"));
	free(log);
}

static void test_prometheus_scrapes_over_mutual_tls_with_a_password(void **state)
{
	const struct scratch *scratch = *state;
	struct daemon agent = {0}, prometheus = {0};
	char job[1024];
	if (tools_missing() || prometheus_missing())
		skip();
	web_certificates_make(scratch->path);
	web_file_write(scratch->path, "web.yml",
		       MUTUAL "  client_allowed_sans: ['spiffe://x/y']\n  min_version: TLS13\n"
			      "basic_auth_users: {prometheus: %s}\n",
		       web_hash("scrape me", 10));
	start(&agent, scratch);
	snprintf(job, sizeof(job),
		 "  scheme: https\n  tls_config: {ca_file: %s/ca.crt, cert_file: %s/client.crt, key_file: "
		 "%s/client.key}\n"
		 "  basic_auth: {username: prometheus, password: scrape me}\n",
		 scratch->path, scratch->path, scratch->path);
	prometheus_start_job(&prometheus, scratch, agent.port, NULL, job);
	prometheus_await(&prometheus, now_s());
	prometheus_await(&prometheus, now_s());
	prometheus_expect(&prometheus, "up{job=\"mstat\"}", "1");
	assert_true(prometheus_number(&prometheus, "mstat_http_requests_total{path=\"metrics\",code=\"200\"}") >= 1);
	daemon_stop(&prometheus, SIGTERM);
	assert_int_equal(daemon_stop(&agent, SIGTERM), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_only_clients_with_the_right_certificate_come_in),
		TEST(test_other_policies_ask_for_less),
		TEST(test_only_the_ciphers_and_versions_that_are_named_are_spoken),
		TEST(test_every_path_wants_name_and_password),
		TEST(test_requests_are_answered_while_passwords_are_checked),
		TEST(test_the_rate_limit_comes_before_passwords),
		TEST(test_changes_of_the_files_count_without_a_restart),
		TEST(test_a_bad_file_stops_the_start),
		TEST(test_prometheus_scrapes_over_mutual_tls_with_a_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
