/* SPDX-License-Identifier: MIT */
/* Web configurations, good and bad ones, beside what promtool thinks of them; and when they are read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon.h"
#include "expose/tls.h"
#include "expose/web_config.h"
#include "web_fixture.h"

#define PAIR "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
#define HASH "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

/* What promtool says: the same; nothing (it does not know the key yet); or the opposite, for the reason given. */
enum judge { SAME, NEWER, LAXER };

static const struct {
	const char *text;
	const char *error; /* behind the file's name; NULL: good */
	enum judge judge;
} cases[] = {
	{"", NULL, SAME},
	{"{}\n", NULL, SAME},
	{"tls_server_config:\nbasic_auth_users:\n", NULL, SAME},
	{PAIR, NULL, SAME},
	{PAIR "  min_version: TLS12\n  max_version: TLS13\n  prefer_server_cipher_suites: no\n", NULL, SAME},
	{PAIR "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n", NULL, SAME},
	{PAIR "  curve_preferences: [X25519, CurveP256, CurveP384, CurveP521]\n", NULL, SAME},
	{PAIR "  client_auth_type: NoClientCert\n", NULL, SAME},
	{PAIR "  client_auth_type: RequestClientCert\n", NULL, SAME},
	{PAIR "  client_auth_type: RequireAnyClientCert\n", NULL, SAME},
	{PAIR "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n", NULL, SAME},
	{PAIR "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n", NULL, SAME},
	{PAIR "  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [scraper]\n", NULL, NEWER},
	{"http_server_config:\n  http2: true\n  headers: {X-Frame-Options: deny, X-XSS-Protection: '1; mode=block', "
	 "X-Content-Type-Options: nosniff, Content-Security-Policy: \"default-src 'self'\", "
	 "Strict-Transport-Security: max-age=1}\n",
	 NULL, SAME},
	{"basic_auth_users:\n  alice: " HASH "\n  bob: " HASH "\n", NULL, SAME},
	{"rate_limit: {interval: 1m1.5s, burst: 20}\n", NULL, NEWER},
	{"rate_limit: {interval: 0, burst: 0}\n", NULL, NEWER},

	{"tls_config: {}\n", ":1: tls_config: unknown key; known are tls_server_config, ", SAME},
	{PAIR "  cert_fil: x\n", ":4: tls_server_config.cert_fil: unknown key; known are cert, key, cert_file", SAME},
	{PAIR "  cert_file: server.crt\n", ":4: cert_file: duplicate key, first on line 2; remove one", SAME},
	{"basic_auth_users: {}\nbasic_auth_users: {}\n", ":2: basic_auth_users: duplicate key, first on line 1", SAME},
	{"basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n", ":3: basic_auth_users: \"a\": duplicate key", SAME},
	{"http_server_config:\n  http2: \"\n", ": not YAML: ", SAME},
	{"- a\n", ":1: expected a mapping of sections (tls_server_config:), found a list", SAME},
	{"tls_server_config: [a]\n", ":1: tls_server_config: expected a mapping of keys, found a list", SAME},
	{"http_server_config: {http2: maybe}\n", ":1: http2: \"maybe\": expected true or false", SAME},
	{"http_server_config: {headers: {Server: x}}\n", ":1: headers: \"Server\": may not be set; ", SAME},
	{"http_server_config: {headers: {X-Frame-Options: allow}}\n", "expected one of: deny sameorigin", SAME},
	{"http_server_config: {headers: {X-Content-Type-Options: ''}}\n", "expected one of: nosniff", SAME},
	{"basic_auth_users:\n  alice: secret\n", ":2: basic_auth_users: \"alice\": not a bcrypt hash; make one", SAME},
	{"basic_auth_users: [alice]\n", ":1: basic_auth_users: expected a mapping (NAME: VALUE), found a list", SAME},
	{"tls_server_config: {cert_file: server.crt}\n", ":1: tls_server_config: the private key is missing", SAME},
	{"tls_server_config: {key_file: server.key}\n", ":1: tls_server_config: the certificate is missing", SAME},
	{"tls_server_config: {cert_file: none.crt, key_file: server.key}\n", "/none.crt: No such file or dir", SAME},
	{"tls_server_config: {cert_file: server.crt, key_file: client.key}\n",
	 ":1: key_file: this private key is not the certificate's", SAME},
	{"tls_server_config: {cert_file: server.key, key_file: server.key}\n",
	 ":1: cert_file: no certificate in PEM form", SAME},
	{"tls_server_config: {cert_file: server.crt, key_file: server.crt}\n",
	 ":1: key_file: no private key in PEM form", SAME},
	{PAIR "  min_version: TLS14\n", ":4: min_version: \"TLS14\": expected TLS10, TLS11, TLS12 or TLS13", SAME},
	{PAIR "  cipher_suites: [TLS_NONE]\n", ":4: cipher_suites: \"TLS_NONE\": unknown", SAME},
	{PAIR "  curve_preferences: [CurveP1]\n", ":4: curve_preferences: \"CurveP1\": expected CurveP256", SAME},
	{PAIR "  client_auth_type: Sometimes\n", ":4: client_auth_type: \"Sometimes\": expected NoClientCert", SAME},
	{PAIR "  client_ca_file: ca.crt\n", ":4: client authorities without a client_auth_type", SAME},
	{PAIR "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: none.crt\n", "/none.crt: No such file",
	 SAME},
	{PAIR "  client_auth_type: VerifyClientCertIfGiven\n  client_allowed_sans: [x]\n",
	 ":5: client_allowed_sans: only with client_auth_type Require", NEWER},
	{PAIR "  cert: x\n", ":2: cert and cert_file are both there; remove one", NEWER},
	{"rate_limit: {interval: soon, burst: 1}\n", ":1: interval: \"soon\": expected a duration", NEWER},
	{"rate_limit: {interval: 1s}\n", ":1: rate_limit: without a burst of 1 or more every request", NEWER},

	/* Go finds out when it serves, or serves less than was asked for. */
	{"tls_server_config: {min_version: TLS12}\n", ":1: tls_server_config: the certificate is missing", LAXER},
	{PAIR "  min_version: TLS13\n  max_version: TLS12\n", ":5: min_version is above max_version", LAXER},
	{PAIR "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n",
	 ":5: cipher_suites: none of them goes with the certificate's key", LAXER},
	{PAIR "  cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]\n", "unknown, or without forward secrecy", LAXER},
	{PAIR "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n",
	 ":5: client_ca_file: no certificate in PEM form", LAXER},
	{"basic_auth_users:\n  a: $2y$31$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n", "in 4 to 14", LAXER},
};

static int load(const struct scratch *scratch, struct web_stamps *stamps, struct web_config **config, char **error)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/web.yml", scratch->path);
	return web_config_load(path, stamps, config, error);
}

static void expect_case(const struct scratch *scratch, size_t i)
{
	struct web_config *config = NULL;
	char *error = NULL;
	web_file_write(scratch->path, "web.yml", "%s", cases[i].text);
	const int r = load(scratch, NULL, &config, &error);
	if (cases[i].error ? !r || !error || !strstr(error, cases[i].error) : r != 0)
		fail_msg("case %zu:\n%s\n%s (expected: %s)", i, cases[i].text, error ? error : "good",
			 cases[i].error ? cases[i].error : "good");
	assert_true(r || config);
	web_config_put(config);
	free(error);
}

static void test_good_files_are_taken_and_bad_ones_refused_with_their_line(void **state)
{
	if (web_program_missing("openssl"))
		skip();
	const struct scratch *scratch = *state;
	web_certificates_make(scratch->path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_case(scratch, i);
}

static void test_promtool_agrees(void **state)
{
	if (web_program_missing("openssl") || web_program_missing("promtool"))
		skip();
	const struct scratch *scratch = *state;
	web_certificates_make(scratch->path);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *output;
		if (cases[i].judge == NEWER)
			continue;
		web_file_write(scratch->path, "web.yml", "%s", cases[i].text);
		const bool bad = web_run(scratch->path, &output, "promtool check web-config web.yml");
		if (bad != (cases[i].error && cases[i].judge == SAME))
			fail_msg("case %zu:\n%s\n%s", i, cases[i].text, output);
	}
}

static void test_inline_pem_serves_as_files_do(void **state)
{
	if (web_program_missing("openssl"))
		skip();
	const struct scratch *scratch = *state;
	struct web_config *config = NULL;
	char *error = NULL;
	web_certificates_make(scratch->path);
	assert_int_equal(
		web_run(scratch->path, NULL,
			"{ echo tls_server_config:; for part in cert:server.crt key:server.key client_ca:ca.crt; "
			"do echo \"  ${part%%%%:*}: |\"; sed 's/^/    /' \"${part#*:}\"; done; "
			"echo '  client_auth_type: RequireAndVerifyClientCert'; } > web.yml"),
		0);
	if (load(scratch, NULL, &config, &error))
		fail_msg("%s", error);
	assert_non_null(config->tls);
	web_config_put(config);
}

static void test_values_arrive_as_they_stand_in_the_file(void **state)
{
	const struct scratch *scratch = *state;
	struct web_config *config = NULL;
	char *error = NULL;
	web_file_write(scratch->path, "web.yml",
		       "basic_auth_users: {alice: '" HASH "', 'b:b': '" HASH
		       "'}\nrate_limit: {interval: 250ms, burst: 7}\n"
		       "http_server_config: {headers: {X-Frame-Options: sameorigin}}\n");
	assert_int_equal(load(scratch, NULL, &config, &error), 0);
	assert_null(config->tls);
	assert_int_equal(config->user_count, 2);
	assert_string_equal(web_config_user(config, "alice")->hash, HASH);
	assert_null(web_config_user(config, "bob"));
	assert_int_equal(auth_hash_cost(config->decoy_hash), 10);
	assert_int_equal(config->limit.interval_ns, 250000000);
	assert_int_equal(config->limit.burst, 7);
	assert_int_equal(config->header_count, 1);
	assert_string_equal(config->headers[0].value, "sameorigin");
	web_config_put(config);
}

static void test_stamps_tell_when_any_of_the_files_changes(void **state)
{
	if (web_program_missing("openssl"))
		skip();
	const struct scratch *scratch = *state;
	struct web_stamps stamps = WEB_STAMPS_INIT, again = WEB_STAMPS_INIT;
	struct web_config *config = NULL;
	char *error = NULL;
	web_certificates_make(scratch->path);
	web_file_write(scratch->path, "web.yml", PAIR);
	/* Written just now: a further change in the same moment would not show. */
	assert_int_equal(load(scratch, &stamps, &config, &error), 0);
	assert_true(web_stamps_changed(&stamps));
	web_stamps_fini(&stamps);
	web_config_put(config);
	usleep(100000);
	assert_int_equal(load(scratch, &stamps, &config, &error), 0);
	assert_int_equal(stamps.count, 3);
	assert_false(web_stamps_changed(&stamps));
	web_server_certificate_make(scratch->path, 9);
	assert_true(web_stamps_changed(&stamps));
	web_config_put(config);
	assert_int_equal(load(scratch, &again, &config, &error), 0);
	assert_true(again.digest != stamps.digest);
	web_config_put(config);
	web_stamps_fini(&again);
	web_stamps_fini(&stamps);
	/* A file that is not there is waited for. */
	web_file_write(scratch->path, "web.yml", "tls_server_config: {cert_file: later.crt, key_file: server.key}\n");
	usleep(100000);
	assert_true(load(scratch, &stamps, &config, &error) < 0);
	assert_false(web_stamps_changed(&stamps));
	web_file_write(scratch->path, "later.crt", "x");
	assert_true(web_stamps_changed(&stamps));
	web_stamps_fini(&stamps);
	free(error);
}

static void test_what_is_no_file_is_an_error_and_no_hang(void **state)
{
	const struct scratch *scratch = *state;
	struct web_config *config = NULL;
	char *error = NULL;
	assert_true(load(scratch, NULL, &config, &error) < 0);
	assert_non_null(strstr(error, "/web.yml: No such file or directory; check --web.config.file"));
	free(error);
	assert_int_equal(web_run(scratch->path, NULL, "mkfifo web.yml"), 0);
	assert_true(load(scratch, NULL, &config, &error) < 0);
	assert_non_null(strstr(error, "not a regular file"));
	free(error);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_good_files_are_taken_and_bad_ones_refused_with_their_line),
		TEST(test_promtool_agrees),
		TEST(test_inline_pem_serves_as_files_do),
		TEST(test_values_arrive_as_they_stand_in_the_file),
		TEST(test_stamps_tell_when_any_of_the_files_changes),
		TEST(test_what_is_no_file_is_an_error_and_no_hang),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
