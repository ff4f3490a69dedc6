/* SPDX-License-Identifier: MIT */
/* Passwords: credentials of a header, bcrypt hashes, the cache of outcomes; and the rate limit beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "expose/auth.h"
#include "expose/rate_limit.h"
#include "web_fixture.h"

static bool parsed(const char *value, struct auth_credentials *credentials)
{
	return auth_credentials_parse(value, strlen(value), credentials);
}

static void test_credentials_are_read_from_the_header(void **state)
{
	(void)state;
	struct auth_credentials credentials;
	assert_true(parsed("Basic YWxpY2U6c2VjcmV0", &credentials));
	assert_string_equal(auth_user(&credentials), "alice");
	assert_string_equal(auth_password(&credentials), "secret");
	assert_true(parsed("bASIC  YTpiOmM=", &credentials));
	assert_string_equal(auth_user(&credentials), "a");
	assert_string_equal(auth_password(&credentials), "b:c");
	assert_true(parsed("Basic Og==", &credentials));
	assert_string_equal(auth_user(&credentials), "");
	assert_string_equal(auth_password(&credentials), "");
}

static void test_credentials_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "Basic",
					  "Basic ",
					  "Bearer YTpi",
					  "Basic YTpi=",
					  "Basic YTp",
					  "Basic YT pi",
					  "Basic YWI=" /* no colon */,
					  "Basic YTpj*A==",
					  "Basic YTo=====",
					  "Basic =",
					  "Basic ====",
					  "Basic YToAYg==" /* NUL */,
					  "Basic YTpjA=A=",
					  "Basic YTpjZB==" /* bits beyond the end */};
	char longest[1200] = "Basic ";
	struct auth_credentials credentials;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parsed(bad[i], &credentials))
			fail_msg("'%s' was taken", bad[i]);
	memset(longest + 6, 'O', 1024); /* "8N88..." has no colon, and is too long first */
	assert_false(parsed(longest, &credentials));
}

static void test_hashes_of_bcrypt_are_known_and_others_refused(void **state)
{
	(void)state;
	char hash[AUTH_HASH_BYTES];
	snprintf(hash, sizeof(hash), "%s", web_hash("x", 4));
	assert_null(auth_hash_complaint(hash));
	memcpy(hash, "$2y$14", 6);
	assert_null(auth_hash_complaint(hash));
	memcpy(hash, "$2y$15", 6);
	assert_non_null(strstr(auth_hash_complaint(hash), "4 to 14"));
	memcpy(hash, "$2y$03", 6);
	assert_non_null(auth_hash_complaint(hash));
	memcpy(hash, "$2x$10", 6);
	assert_non_null(auth_hash_complaint(hash));
	memcpy(hash, "$2b$10", 6);
	hash[59] = '\0';
	assert_non_null(auth_hash_complaint(hash));
	assert_non_null(auth_hash_complaint("secret"));
	auth_hash_decoy(9, hash);
	assert_null(auth_hash_complaint(hash));
	assert_int_equal(auth_hash_cost(hash), 9);
}

static void test_passwords_are_verified(void **state)
{
	(void)state;
	/* A published vector of bcrypt. */
	static const char vector[] = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
	assert_true(auth_verify(vector, "U*U"));
	assert_false(auth_verify(vector, "U*V"));
	assert_false(auth_verify(vector, ""));
	char other[sizeof(vector)], longest[600];
	strcpy(other, vector);
	other[sizeof(other) - 2] ^= 1;
	assert_false(auth_verify(other, "U*U"));
	/* No more than 72 bytes count, and more than crypt_rn() takes are no error. */
	memset(longest, 'p', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	const char *hash = web_hash("pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp", 4);
	assert_true(auth_verify(hash, longest));
	auth_hash_decoy(4, other);
	assert_false(auth_verify(other, ""));
}

static struct auth_key key_of(struct auth_cache *cache, const char *user, const char *hash, const char *password)
{
	struct auth_key key;
	assert_int_equal(auth_key_make(cache, user, hash, password, &key), 0);
	return key;
}

static void test_cache_keys_tell_all_three_parts_apart(void **state)
{
	(void)state;
	struct auth_cache *cache = auth_cache_new(), *other = auth_cache_new();
	const struct auth_key key = key_of(cache, "ab", "c", "d");
	struct auth_key different[] = {key_of(cache, "a", "bc", "d"), key_of(cache, "ab", "cd", ""),
				       key_of(cache, "", "abc", "d"), key_of(cache, "ab", "c", "e"),
				       key_of(cache, "abc", "", "d"), key_of(other, "ab", "c", "d")};
	const struct auth_key same = key_of(cache, "ab", "c", "d");
	assert_true(auth_key_equal(&key, &same));
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		assert_false(auth_key_equal(&key, &different[i]));
	auth_cache_free(cache);
	auth_cache_free(other);
}

static void test_cache_is_bounded_and_guesses_do_not_push_out_the_good(void **state)
{
	(void)state;
	struct auth_cache *cache = auth_cache_new();
	const struct auth_key good = key_of(cache, "alice", "h", "right"), first = key_of(cache, "alice", "h", "0");
	char guess[16];
	assert_int_equal(auth_cache_find(cache, &good), AUTH_UNDECIDED);
	auth_cache_add(cache, &good, true);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(guess, sizeof(guess), "%u", i);
		const struct auth_key key = key_of(cache, "alice", "h", guess);
		auth_cache_add(cache, &key, false);
		assert_int_equal(auth_cache_find(cache, &key), AUTH_DENIED);
	}
	assert_int_equal(auth_cache_find(cache, &good), AUTH_GRANTED);
	assert_int_equal(auth_cache_find(cache, &first), AUTH_UNDECIDED);
	auth_cache_free(cache);
}

static void test_rate_limit_gives_the_burst_and_then_one_an_interval(void **state)
{
	(void)state;
	struct rate_limit limit = {.interval_ns = 100, .burst = 3}, none = {.interval_ns = 0};
	const int64_t start_ns = 1000000;
	for (int i = 0; i < 3; i++)
		assert_true(rate_limit_take(&limit, start_ns));
	assert_false(rate_limit_take(&limit, start_ns));
	assert_false(rate_limit_take(&limit, start_ns + 99));
	assert_true(rate_limit_take(&limit, start_ns + 100));
	assert_false(rate_limit_take(&limit, start_ns + 100));
	/* A long silence fills no more than the burst. */
	for (int i = 0; i < 3; i++)
		assert_true(rate_limit_take(&limit, start_ns + 100000));
	assert_false(rate_limit_take(&limit, start_ns + 100000));
	for (int i = 0; i < 100; i++)
		assert_true(rate_limit_take(&none, start_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials_are_read_from_the_header),
		cmocka_unit_test(test_credentials_that_are_none_are_refused),
		cmocka_unit_test(test_hashes_of_bcrypt_are_known_and_others_refused),
		cmocka_unit_test(test_passwords_are_verified),
		cmocka_unit_test(test_cache_keys_tell_all_three_parts_apart),
		cmocka_unit_test(test_cache_is_bounded_and_guesses_do_not_push_out_the_good),
		cmocka_unit_test(test_rate_limit_gives_the_burst_and_then_one_an_interval),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
