/* SPDX-License-Identifier: MIT */
/* Basic authentication: credentials, hashes, and a cache of outcomes. */
#include "auth.h"

#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

/* Outcomes of one kind that are kept. */
#define OUTCOMES_MAX 128u
/* bcrypt looks at no more of a password, and crypt_rn() refuses very long ones. */
#define PASSWORD_BYTES 72
#define HASH_TAIL 31
#define SECRET_BYTES 32

/* ---- credentials ------------------------------------------------------------------------------------------------ */

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Canonical base64 with its padding, to `out`, with a NUL behind. */
static bool base64_decode(const char *text, size_t len, char *out, size_t size, size_t *out_len)
{
	size_t filled = 0, padding = 0;
	if (len % 4 || len / 4 * 3 >= size)
		return false;
	while (len && padding < 2 && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len; i += 4) {
		const size_t missing = i + 4 == len ? padding : 0;
		uint32_t bits = 0;
		for (size_t at = 0; at < 4; at++) {
			const int digit = at >= 4 - missing ? 0 : base64_digit(text[i + at]);
			if (digit < 0)
				return false;
			bits = bits << 6 | (uint32_t)digit;
		}
		if (bits & ((UINT32_C(1) << 8 * missing) - 1))
			return false;
		for (size_t at = 0; at < 3 - missing; at++)
			out[filled++] = (char)(bits >> (16 - 8 * at));
	}
	out[filled] = '\0';
	*out_len = filled;
	return true;
}

bool auth_credentials_parse(const char *value, size_t len, struct auth_credentials *credentials)
{
	static const char scheme[] = "Basic ";
	const size_t scheme_len = sizeof(scheme) - 1;
	size_t text_len;
	if (len < scheme_len || strncasecmp(value, scheme, scheme_len))
		return false;
	while (len > scheme_len && value[scheme_len] == ' ')
		value++, len--;
	if (!base64_decode(value + scheme_len, len - scheme_len, credentials->text, sizeof(credentials->text),
			   &text_len))
		return false;
	char *colon = memchr(credentials->text, ':', text_len);
	if (!colon || memchr(credentials->text, '\0', text_len))
		return false;
	*colon = '\0';
	credentials->password_at = (size_t)(colon + 1 - credentials->text);
	return true;
}

void auth_credentials_wipe(struct auth_credentials *credentials)
{
	explicit_bzero(credentials, sizeof(*credentials));
}

const char *auth_user(const struct auth_credentials *credentials)
{
	return credentials->text;
}

const char *auth_password(const struct auth_credentials *credentials)
{
	return credentials->text + credentials->password_at;
}

/* ---- hashes ----------------------------------------------------------------------------------------------------- */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

const char *auth_hash_complaint(const char *hash)
{
	static const char letters[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	if (strlen(hash) != AUTH_HASH_BYTES - 1 || strncmp(hash, "$2", 2) || !strchr("aby", hash[2]) ||
	    hash[3] != '$' || !digit(hash[4]) || !digit(hash[5]) || hash[6] != '$' ||
	    strspn(hash + 7, letters) != AUTH_HASH_BYTES - 1 - 7)
		return "not a bcrypt hash; make one with: htpasswd -nBC 10 NAME";
	const unsigned cost = auth_hash_cost(hash);
	if (cost < AUTH_COST_MIN || cost > AUTH_COST_MAX)
		return "the cost of this bcrypt hash is not in 4 to 14; make another with: htpasswd -nBC 10 NAME";
	return NULL;
}

unsigned auth_hash_cost(const char *hash)
{
	return (unsigned)(hash[4] - '0') * 10 + (unsigned)(hash[5] - '0');
}

void auth_hash_decoy(unsigned cost, char hash[AUTH_HASH_BYTES])
{
	const int salt_len = AUTH_HASH_BYTES - 1 - 7 - HASH_TAIL;
	snprintf(hash, AUTH_HASH_BYTES, "$2b$%02u$%.*s%.*s", cost % 100, salt_len, "decoydecoydecoydecoyde", HASH_TAIL,
		 "...............................");
}

static bool bytes_equal(const void *one, const void *other, size_t len)
{
	return !gnutls_memcmp(one, other, len);
}

bool auth_verify(const char *hash, const char *password)
{
	char cut[PASSWORD_BYTES + 1];
	struct crypt_data *data = calloc(1, sizeof(*data));
	if (!data)
		return false;
	snprintf(cut, sizeof(cut), "%s", password);
	/* Not crypt_r(): sanitizers stand in for that, and the linker would leave out the library behind it. */
	const char *made = crypt_rn(cut, hash, data, sizeof(*data));
	/* What stands before the tail is the salt, of which there is more than one way to write the same. */
	const size_t tail_at = AUTH_HASH_BYTES - 1 - HASH_TAIL;
	const bool equal =
		made && strlen(made) == AUTH_HASH_BYTES - 1 && bytes_equal(made + tail_at, hash + tail_at, HASH_TAIL);
	explicit_bzero(cut, sizeof(cut));
	explicit_bzero(data, sizeof(*data));
	free(data);
	return equal;
}

/* ---- the cache -------------------------------------------------------------------------------------------------- */

struct outcomes {
	struct auth_key keys[OUTCOMES_MAX];
	size_t count;
	size_t next; /* the oldest, once all places are taken */
};

struct auth_cache {
	pthread_mutex_t lock;
	struct outcomes granted;
	struct outcomes denied;
	uint8_t secret[SECRET_BYTES];
};

struct auth_cache *auth_cache_new(void)
{
	struct auth_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return NULL;
	if (getrandom(cache->secret, sizeof(cache->secret), 0) != sizeof(cache->secret)) {
		free(cache);
		return NULL;
	}
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void auth_cache_free(struct auth_cache *cache)
{
	if (!cache)
		return;
	pthread_mutex_destroy(&cache->lock);
	explicit_bzero(cache, sizeof(*cache));
	free(cache);
}

bool auth_key_equal(const struct auth_key *one, const struct auth_key *other)
{
	return bytes_equal(one->bytes, other->bytes, sizeof(one->bytes));
}

int auth_key_make(const struct auth_cache *cache, const char *user, const char *hash, const char *password,
		  struct auth_key *key)
{
	gnutls_hmac_hd_t hmac;
	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, cache->secret, sizeof(cache->secret)))
		return -EIO;
	const int bad = gnutls_hmac(hmac, user, strlen(user) + 1) | gnutls_hmac(hmac, hash, strlen(hash) + 1) |
			gnutls_hmac(hmac, password, strlen(password));
	gnutls_hmac_deinit(hmac, key->bytes);
	return bad ? -EIO : 0;
}

static bool outcomes_have(const struct outcomes *outcomes, const struct auth_key *key)
{
	bool found = false;
	for (size_t i = 0; i < outcomes->count; i++)
		found |= auth_key_equal(&outcomes->keys[i], key);
	return found;
}

enum auth_outcome auth_cache_find(struct auth_cache *cache, const struct auth_key *key)
{
	pthread_mutex_lock(&cache->lock);
	const bool granted = outcomes_have(&cache->granted, key);
	const bool denied = outcomes_have(&cache->denied, key);
	pthread_mutex_unlock(&cache->lock);
	return granted ? AUTH_GRANTED : denied ? AUTH_DENIED : AUTH_UNDECIDED;
}

void auth_cache_add(struct auth_cache *cache, const struct auth_key *key, bool granted)
{
	struct outcomes *outcomes = granted ? &cache->granted : &cache->denied;
	pthread_mutex_lock(&cache->lock);
	if (!outcomes_have(outcomes, key)) {
		outcomes->keys[outcomes->next] = *key;
		outcomes->next = (outcomes->next + 1) % OUTCOMES_MAX;
		if (outcomes->count < OUTCOMES_MAX)
			outcomes->count++;
	}
	pthread_mutex_unlock(&cache->lock);
}
