/* SPDX-License-Identifier: MIT */
/* Negotiation: every header that scrapers are known to send, and some that they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "expose/negotiate.h"

#define PROTOBUF "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

struct accept_case {
	const char *header;
	enum format format;
	enum escaping escaping;
};

static void assert_accepts(const struct accept_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct negotiation negotiation = NEGOTIATION_INIT;
		negotiate_accept(&negotiation, cases[i].header, strlen(cases[i].header));
		if (negotiation.format != cases[i].format || negotiation.escaping != cases[i].escaping)
			fail_msg("format %d, escaping %d for: %s", (int)negotiation.format, (int)negotiation.escaping,
				 cases[i].header);
	}
}
#define ASSERT_ACCEPTS(cases) assert_accepts((cases), sizeof(cases) / sizeof(*(cases)))

static void test_negotiate_gives_known_scrapers_what_they_like_best(void **state)
{
	(void)state;
	static const struct accept_case cases[] = {
		/* Prometheus 2.42 */
		{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 FORMAT_OPENMETRICS_1_0, ESCAPING_NONE},
		/* the same with native histograms */
		{PROTOBUF ",application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;"
			  "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		 FORMAT_PROTOBUF, ESCAPING_NONE},
		/* Prometheus 3 */
		{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;"
		 "version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;"
		 "q=0.3,*/*;q=0.2",
		 FORMAT_OPENMETRICS_1_0, ESCAPING_ALLOW_UTF8},
		/* the same with native histograms */
		{PROTOBUF ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
			  "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
			  "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		 FORMAT_PROTOBUF, ESCAPING_NONE},
		/* vmagent 1.79 */
		{"text/plain;version=0.0.4;q=1,*/*;q=0.1", FORMAT_TEXT, ESCAPING_NONE},
		/* curl, a browser, nobody */
		{"*/*", FORMAT_TEXT, ESCAPING_NONE},
		{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FORMAT_TEXT, ESCAPING_NONE},
		{"", FORMAT_TEXT, ESCAPING_NONE},
	};
	ASSERT_ACCEPTS(cases);
}

static void test_negotiate_follows_q_and_of_equal_ones_the_first(void **state)
{
	(void)state;
	static const struct accept_case cases[] = {
		{"text/plain;q=0.3,application/openmetrics-text;version=1.0.0;q=0.4", FORMAT_OPENMETRICS_1_0, 0},
		{"text/plain;q=0.4,application/openmetrics-text;version=1.0.0;q=0.4", FORMAT_TEXT, 0},
		{"application/openmetrics-text;version=1.0.0;q=0.400,text/plain;q=0.401", FORMAT_TEXT, 0},
		{"application/openmetrics-text;version=1.0.0;q=0,text/plain;version=1.0.0;q=0.001", FORMAT_TEXT_1_0, 0},
		{"application/openmetrics-text;q=0.000", FORMAT_TEXT, 0},
		{"text/plain;version=1.0.0;q=1.000," PROTOBUF ";q=0.999", FORMAT_TEXT_1_0, 0},
	};
	ASSERT_ACCEPTS(cases);
}

static void test_negotiate_ignores_a_clause_whose_q_is_no_number(void **state)
{
	(void)state;
	static const char *const bad[] = {"2", "1.1", "1.001", "-1", "0.1234", "a", "", ".5", "0,5", "1e0", "0x1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char header[128];
		struct negotiation negotiation = NEGOTIATION_INIT;
		snprintf(header, sizeof(header), "application/openmetrics-text;version=1.0.0;q=%s", bad[i]);
		negotiate_accept(&negotiation, header, strlen(header));
		if (negotiation.format != FORMAT_TEXT)
			fail_msg("q=%s was taken", bad[i]);
	}
}

static void test_negotiate_matches_versions_and_parameters(void **state)
{
	(void)state;
	static const struct accept_case cases[] = {
		{"application/openmetrics-text", FORMAT_OPENMETRICS_0_0_1, 0},
		{"application/openmetrics-text;version=0.0.1", FORMAT_OPENMETRICS_0_0_1, 0},
		{"application/openmetrics-text;version=2.0.0", FORMAT_OPENMETRICS_2_0, 0},
		{"application/openmetrics-text;version=3.0.0", FORMAT_TEXT, 0},
		{"text/plain;version=1.0.0", FORMAT_TEXT_1_0, 0},
		{"text/plain;version=0.0.3,application/openmetrics-text;q=0.1", FORMAT_OPENMETRICS_0_0_1, 0},
		{PROTOBUF, FORMAT_PROTOBUF, 0},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", FORMAT_TEXT,
		 0},
		{"application/vnd.google.protobuf;proto=other;encoding=delimited", FORMAT_TEXT, 0},
		{"application/vnd.google.protobuf", FORMAT_TEXT, 0},
		{"application/json", FORMAT_TEXT, 0},
		{"application/*", FORMAT_TEXT, 0},
		{"text/*", FORMAT_TEXT, 0},
	};
	ASSERT_ACCEPTS(cases);
}

static void test_negotiate_reads_blanks_quotes_and_capitals(void **state)
{
	(void)state;
	static const struct accept_case cases[] = {
		{" application/openmetrics-text ; version=1.0.0 ;\tq=0.5 , text/plain;q=0.1", FORMAT_OPENMETRICS_1_0,
		 0},
		{"application/openmetrics-text;version=\"1.0.0\"", FORMAT_OPENMETRICS_1_0, 0},
		{"Application/OpenMetrics-Text;Version=1.0.0;Q=1", FORMAT_OPENMETRICS_1_0, 0},
		{"text/x;a=\"q,;=\\\"\";q=1,application/openmetrics-text;version=1.0.0;q=0.1", FORMAT_OPENMETRICS_1_0,
		 0},
		{",,,;;,=,application/openmetrics-text;version=1.0.0;;", FORMAT_OPENMETRICS_1_0, 0},
		{"application/openmetrics-text;version=\"1.0.0", FORMAT_TEXT, 0},
	};
	ASSERT_ACCEPTS(cases);
}

static void test_negotiate_escaping_is_that_of_the_clause_that_wins(void **state)
{
	(void)state;
	static const struct accept_case cases[] = {
		{"text/plain;escaping=dots", FORMAT_TEXT, ESCAPING_DOTS},
		{"text/plain;escaping=underscores", FORMAT_TEXT, ESCAPING_UNDERSCORES},
		{"text/plain;escaping=values", FORMAT_TEXT, ESCAPING_VALUES},
		{"text/plain;escaping=allow-utf-8", FORMAT_TEXT, ESCAPING_ALLOW_UTF8},
		{"text/plain;escaping=whatever", FORMAT_TEXT, ESCAPING_NONE},
		{"text/plain;escaping=dots;q=0.1,application/openmetrics-text;q=0.2", FORMAT_OPENMETRICS_0_0_1,
		 ESCAPING_NONE},
		{"*/*;escaping=dots", FORMAT_TEXT, ESCAPING_NONE},
	};
	ASSERT_ACCEPTS(cases);
}

static void test_negotiate_takes_several_headers_as_one(void **state)
{
	(void)state;
	static const char one[] = "text/plain;q=0.3", other[] = "application/openmetrics-text;version=1.0.0;q=0.4";
	struct negotiation negotiation = NEGOTIATION_INIT;
	negotiate_accept(&negotiation, one, strlen(one));
	negotiate_accept(&negotiation, other, strlen(other));
	assert_int_equal(negotiation.format, FORMAT_OPENMETRICS_1_0);
}

static void test_negotiate_reads_no_more_than_its_limits(void **state)
{
	(void)state;
	static const char wanted[] = "application/openmetrics-text;version=1.0.0";
	char header[NEGOTIATE_BYTES_MAX + 256];
	struct negotiation negotiation = NEGOTIATION_INIT;
	memset(header, ' ', sizeof(header));
	memcpy(header + NEGOTIATE_BYTES_MAX, wanted, sizeof(wanted) - 1);
	negotiate_accept(&negotiation, header, sizeof(header));
	assert_int_equal(negotiation.format, FORMAT_TEXT);

	char many[256] = "";
	for (unsigned i = 0; i < NEGOTIATE_CLAUSES_MAX; i++)
		strcat(many, "a/b,");
	negotiate_accept(&negotiation, many, strlen(many));
	negotiate_accept(&negotiation, wanted, strlen(wanted));
	assert_int_equal(negotiation.format, FORMAT_TEXT);
}

static void test_negotiate_encoding_by_q_and_preference(void **state)
{
	(void)state;
	static const struct {
		const char *header; /* NULL: none */
		enum encoding encoding;
	} cases[] = {
		{NULL, ENCODING_IDENTITY},
		{"", ENCODING_IDENTITY},
		{"gzip", ENCODING_GZIP},
		{"GZIP", ENCODING_GZIP},
		{"x-gzip", ENCODING_GZIP},
		{"zstd", ENCODING_ZSTD},
		{"gzip, zstd", ENCODING_ZSTD},
		{"gzip, deflate, br, zstd", ENCODING_ZSTD},
		{"gzip;q=0.9, zstd;q=0.8", ENCODING_GZIP},
		{"gzip;q=0", ENCODING_IDENTITY},
		{"gzip;q=0.5", ENCODING_GZIP},
		{"gzip;q=0, zstd;q=0", ENCODING_IDENTITY},
		{"identity", ENCODING_IDENTITY},
		{"identity, gzip", ENCODING_GZIP},
		{"identity;q=1, gzip;q=0.5", ENCODING_IDENTITY},
		{"identity;q=0.5, gzip;q=1.0", ENCODING_GZIP},
		{"*", ENCODING_ZSTD},
		{"*;q=0", ENCODING_IDENTITY},
		{"*;q=0, gzip", ENCODING_GZIP},
		{"gzip;q=0, *", ENCODING_ZSTD},
		{"zstd;q=0, *;q=0.3", ENCODING_GZIP},
		{"identity;q=0", ENCODING_IDENTITY},
		{"deflate, br", ENCODING_IDENTITY},
		{" gzip ; q=0.001 ", ENCODING_GZIP},
		{"gzip;q=2", ENCODING_IDENTITY},
		{"gzipp", ENCODING_IDENTITY},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct negotiation negotiation = NEGOTIATION_INIT;
		if (cases[i].header)
			negotiate_accept_encoding(&negotiation, cases[i].header, strlen(cases[i].header));
		if (negotiated_encoding(&negotiation) != cases[i].encoding)
			fail_msg("%s for: %s", encoding_token(negotiated_encoding(&negotiation)), cases[i].header);
	}
}

static void test_negotiate_survives_any_bytes(void **state)
{
	(void)state;
	static const char alphabet[] = "agtzip/*;,=q0.15\"\\ \tvers-\x80\xff";
	const unsigned seed = (unsigned)time(NULL);
	print_message("seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 20000; round++) {
		const size_t len = (size_t)random() % 64;
		char *header = malloc(len + 1); /* of this length exactly, so that a sanitizer sees what is beyond */
		for (size_t i = 0; i < len; i++)
			header[i] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
		struct negotiation negotiation = NEGOTIATION_INIT;
		negotiate_accept(&negotiation, header, len);
		negotiate_accept_encoding(&negotiation, header, len);
		assert_true(negotiation.format < FORMAT_COUNT && negotiated_encoding(&negotiation) < ENCODING_COUNT);
		free(header);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negotiate_gives_known_scrapers_what_they_like_best),
		cmocka_unit_test(test_negotiate_follows_q_and_of_equal_ones_the_first),
		cmocka_unit_test(test_negotiate_ignores_a_clause_whose_q_is_no_number),
		cmocka_unit_test(test_negotiate_matches_versions_and_parameters),
		cmocka_unit_test(test_negotiate_reads_blanks_quotes_and_capitals),
		cmocka_unit_test(test_negotiate_escaping_is_that_of_the_clause_that_wins),
		cmocka_unit_test(test_negotiate_takes_several_headers_as_one),
		cmocka_unit_test(test_negotiate_reads_no_more_than_its_limits),
		cmocka_unit_test(test_negotiate_encoding_by_q_and_preference),
		cmocka_unit_test(test_negotiate_survives_any_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
