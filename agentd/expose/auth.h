/* SPDX-License-Identifier: MIT */
/* Basic authentication: credentials of a request, bcrypt hashes by libxcrypt, and what has been found out before.
 *
 * A check costs 50 ms and more, on purpose; so its outcome is kept under a hash of user NUL hash NUL password. None of
 * the three can hold a NUL, so no two different triples give the same bytes: with a separator that may stand in a name,
 * one outcome could be taken for that of others (CVE-2022-46146). Good and bad outcomes are kept apart: whoever guesses
 * cannot push out those that were right.
 */
#ifndef AGENTD_EXPOSE_AUTH_H
#define AGENTD_EXPOSE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "$2b$10$", 22 characters of salt, 31 of hash, and a NUL. */
#define AUTH_HASH_BYTES 61
/* Costs double with each step: 14 means a second and more, in which no other password is checked and the agent cannot
 * stop. */
#define AUTH_COST_MIN 4
#define AUTH_COST_MAX 14

/* User name and password, each with a NUL behind it. */
struct auth_credentials {
	char text[512];
	size_t password_at;
};

/* Reads the value of a header Authorization: false if it is not "Basic" with base64 of NAME:PASSWORD, or has a NUL or
 * is longer than the room for it. Needs to be wiped, then and else. */
bool auth_credentials_parse(const char *value, size_t len, struct auth_credentials *credentials);
void auth_credentials_wipe(struct auth_credentials *credentials);
const char *auth_user(const struct auth_credentials *credentials);
const char *auth_password(const struct auth_credentials *credentials);

/* Whether a text is a hash that can be checked: $2a$, $2b$ or $2y$, its cost within the limits. NULL if so, or else
 * what is wrong and what helps. */
const char *auth_hash_complaint(const char *hash);
unsigned auth_hash_cost(const char *hash); /* of a good one */

/* A hash that no password has, of a certain cost. */
void auth_hash_decoy(unsigned cost, char hash[AUTH_HASH_BYTES]);

/* Whether the password has this (good) hash. Takes as long as the hash's cost says; 33 KiB of memory meanwhile. */
bool auth_verify(const char *hash, const char *password);

/* What an outcome is kept under. Depends on a secret of the cache: a dump of memory does not help to guess passwords.
 */
struct auth_key {
	uint8_t bytes[32];
};
bool auth_key_equal(const struct auth_key *one, const struct auth_key *other); /* in constant time */

enum auth_outcome { AUTH_UNDECIDED, AUTH_GRANTED, AUTH_DENIED };

struct auth_cache;
struct auth_cache *auth_cache_new(void); /* NULL: out of memory, or the kernel has no random bytes */
void auth_cache_free(struct auth_cache *cache);

/* 0 or -EIO. Thread-safe, as are the next two. Cost: some us. */
int auth_key_make(const struct auth_cache *cache, const char *user, const char *hash, const char *password,
		  struct auth_key *key);
enum auth_outcome auth_cache_find(struct auth_cache *cache, const struct auth_key *key);
void auth_cache_add(struct auth_cache *cache, const struct auth_key *key, bool granted);

#endif
