/* SPDX-License-Identifier: MIT */
/* Selectors of the inspector: what they understand, what they match, what they say about mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/mstat/match.h"

static const struct label labels[] = {{"method", "GET"}, {"service", "shop"}, {"status", "503"}};
#define LABEL_COUNT (sizeof(labels) / sizeof(*labels))

/* Whether up to three selectors (NULL: fewer) select http_requests_total{method="GET",service="shop",status="503"}. */
static bool selects(const char *one, const char *two, const char *three)
{
	char *selectors[] = {(char *)one, (char *)two, (char *)three};
	size_t count = one ? two ? three ? 3 : 2 : 1 : 0;
	struct query *query;
	char *error = NULL;
	if (query_parse(selectors, count, &query, &error) != 0)
		fail_msg("refused: %s", error);
	bool matches = query_matches(query, "http_requests_total", "http_requests", labels, LABEL_COUNT);
	query_free(query);
	return matches;
}

static void assert_refused(const char *selector, const char *message)
{
	char *selectors[] = {(char *)selector};
	struct query *untouched = (struct query *)selectors, *query = untouched;
	char *error = NULL;
	assert_true(query_parse(selectors, 1, &query, &error) < 0);
	assert_ptr_equal(query, untouched);
	assert_string_equal(error, message);
	free(error);
}

static void test_no_selector_selects_everything(void **state)
{
	(void)state;
	assert_true(selects(NULL, NULL, NULL));
}

static void test_a_glob_fits_the_exposed_name_or_the_name_of_the_family(void **state)
{
	(void)state;
	assert_true(selects("http_requests_total", NULL, NULL));
	assert_true(selects("http_requests", NULL, NULL));
	assert_true(selects("http_*", NULL, NULL));
	assert_true(selects("[!g]ttp_request?", NULL, NULL));
	assert_false(selects("http", NULL, NULL));
	assert_false(selects("*_seconds", NULL, NULL));
}

static void test_the_four_operators_compare_as_in_promql(void **state)
{
	(void)state;
	assert_true(selects("http_requests_total{method=\"GET\"}", NULL, NULL));
	assert_false(selects("http_requests_total{method=\"POST\"}", NULL, NULL));
	assert_true(selects("{method!=\"POST\"}", NULL, NULL));
	assert_false(selects("{method!=\"GET\"}", NULL, NULL));
	assert_true(selects("{status=~\"5..\"}", NULL, NULL));
	assert_false(selects("{status=~\"4..\"}", NULL, NULL));
	assert_true(selects("{status!~\"4..|2..\"}", NULL, NULL));
	assert_false(selects("{status!~\"4..|5..\"}", NULL, NULL));
}

static void test_a_regular_expression_matches_the_whole_value(void **state)
{
	(void)state;
	assert_false(selects("{status=~\"5\"}", NULL, NULL));
	assert_false(selects("{status=~\"03\"}", NULL, NULL));
	assert_false(selects("{status=~\"5|0\"}", NULL, NULL));
	assert_true(selects("{status=~\"5.*\"}", NULL, NULL));
}

static void test_an_absent_label_is_an_empty_one(void **state)
{
	(void)state;
	assert_true(selects("{zone=\"\"}", NULL, NULL));
	assert_true(selects("{zone!=\"eu\"}", NULL, NULL));
	assert_true(selects("{zone=~\".*\"}", NULL, NULL));
	assert_false(selects("{zone=~\".+\"}", NULL, NULL));
	assert_false(selects("{zone=\"eu\"}", NULL, NULL));
}

static void test_all_matchers_in_braces_must_fit(void **state)
{
	(void)state;
	assert_true(selects("http_*{ method = \"GET\" , status=~\"5..\", }", NULL, NULL));
	assert_false(selects("http_*{method=\"GET\",status=\"200\"}", NULL, NULL));
	assert_false(selects("grpc_*{method=\"GET\"}", NULL, NULL));
	assert_true(selects("http_*{}", NULL, NULL));
}

static void test_one_of_the_names_must_fit_and_all_bare_matchers(void **state)
{
	(void)state;
	assert_true(selects("grpc_*", "http_*", NULL));
	assert_true(selects("grpc_*", "http_*", "service=shop"));
	assert_false(selects("grpc_*", "http_*", "service=bank"));
	assert_false(selects("service=shop", "status=200", NULL));
	assert_true(selects("service=shop", "status!~[1-4]..", "method=\"GET\""));
}

static void test_the_name_is_a_label_too(void **state)
{
	(void)state;
	assert_true(selects("__name__=~http_.*", NULL, NULL));
	assert_false(selects("{__name__=\"http\"}", NULL, NULL));
}

static void test_quoted_values_may_hold_escapes_and_braces(void **state)
{
	(void)state;
	static const struct label odd[] = {{"path", "a\"b\\\n}"}};
	static const char *const selectors[] = {"{path=\"a\\\"b\\\\\\n}\"}", "path='a\"b\\\\\\n}'",
						"x{path=`a\"b\\\n}`}"};
	for (size_t i = 0; i < sizeof(selectors) / sizeof(*selectors); i++) {
		struct query *query;
		char *error = NULL;
		assert_int_equal(query_parse((char *const *)&selectors[i], 1, &query, &error), 0);
		assert_true(query_matches(query, "x", NULL, odd, 1));
		assert_false(query_matches(query, "x", NULL, labels, LABEL_COUNT));
		query_free(query);
	}
}

static void test_a_mistake_is_named_with_its_place(void **state)
{
	(void)state;
	assert_refused("x{a=\"b\"", "'x{a=\"b\"': at character 8: a comma or a closing brace is missing");
	assert_refused("x{a=b}", "'x{a=b}': at character 5: the value must stand in quotes");
	assert_refused("x{=\"b\"}", "'x{=\"b\"}': at character 3: a label name is missing");
	assert_refused("x{a>\"b\"}", "'x{a>\"b\"}': at character 4: an operator is missing: = != =~ !~");
	assert_refused("x{a=\"b}", "'x{a=\"b}': at character 8: the closing quote is missing");
	assert_refused("a=\"\\d\"", "'a=\"\\d\"': at character 4: unknown escape; use \\\\ \\\" \\' \\n \\t \\r");
	assert_refused("a=\"b\"c", "'a=\"b\"c': at character 6: nothing may follow the value");
	assert_refused("x{}y", "'x{}y': at character 4: nothing may follow the closing brace");
	assert_refused("9a=b",
		       "'9a=b': at character 3: not a metric name, a glob, name{label=\"value\"} or label=value");
	assert_refused("a=~(", "'a=~(': at character 5: bad regular expression: Unmatched ( or \\(");
}

static void test_a_mistake_after_good_selectors_leaks_nothing_and_refuses_all(void **state)
{
	(void)state;
	char *selectors[] = {"http_*{status=~\"5..\"}", "a=~b", "x{y=~\"[\"}"};
	struct query *query = NULL;
	char *error = NULL;
	assert_true(query_parse(selectors, 3, &query, &error) < 0);
	assert_null(query);
	assert_non_null(strstr(error, "x{y=~"));
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_selector_selects_everything),
		cmocka_unit_test(test_a_glob_fits_the_exposed_name_or_the_name_of_the_family),
		cmocka_unit_test(test_the_four_operators_compare_as_in_promql),
		cmocka_unit_test(test_a_regular_expression_matches_the_whole_value),
		cmocka_unit_test(test_an_absent_label_is_an_empty_one),
		cmocka_unit_test(test_all_matchers_in_braces_must_fit),
		cmocka_unit_test(test_one_of_the_names_must_fit_and_all_bare_matchers),
		cmocka_unit_test(test_the_name_is_a_label_too),
		cmocka_unit_test(test_quoted_values_may_hold_escapes_and_braces),
		cmocka_unit_test(test_a_mistake_is_named_with_its_place),
		cmocka_unit_test(test_a_mistake_after_good_selectors_leaks_nothing_and_refuses_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
