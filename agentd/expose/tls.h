/* SPDX-License-Identifier: MIT */
/* TLS of a server by GnuTLS: what a web configuration asks for, applied to each session when it begins. So a new
 * configuration counts from the next connection on, without a new listener, and old connections keep theirs.
 *
 * Certificates of clients are judged in the handshake: whoever is not welcome never gets to send a request.
 */
#ifndef AGENTD_EXPOSE_TLS_H
#define AGENTD_EXPOSE_TLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web_config_file.h"

enum tls_version {
#define WEB_TLS_VERSION(word, gnutls) TLS_VERSION_##word,
#include "web_config.def"
#undef WEB_TLS_VERSION
	TLS_VERSION_COUNT
};

enum tls_cipher {
#define WEB_CIPHER(name, id, ...) TLS_CIPHER_##id,
#include "web_config.def"
#undef WEB_CIPHER
	TLS_CIPHER_COUNT
};

enum tls_curve {
#define WEB_CURVE(name, id, gnutls) TLS_CURVE_##id,
#include "web_config.def"
#undef WEB_CURVE
	TLS_CURVE_COUNT
};

enum tls_client_auth {
#define WEB_CLIENT_AUTH(word, id, ...) TLS_CLIENT_AUTH_##id,
#include "web_config.def"
#undef WEB_CLIENT_AUTH
	TLS_CLIENT_AUTH_COUNT
};

/* The first of words in tables; the count if there is none. */
enum tls_version tls_version_find(const char *word);
enum tls_client_auth tls_client_auth_find(const char *word);
enum tls_curve tls_curve_find(const char *word);
/* *is_13: a suite of TLS 1.3, which is known and not to choose. */
enum tls_cipher tls_cipher_find(const char *word, bool *is_13);

struct tls_settings {
	gnutls_datum_t certificate; /* PEM, as the next two */
	gnutls_datum_t key;
	gnutls_datum_t authorities; /* no data: the system's */
	enum tls_client_auth client_auth;
	const struct web_value *allowed_sans; /* of the client; no entries: any */
	enum tls_version version_min;
	enum tls_version version_max;
	enum tls_cipher ciphers[TLS_CIPHER_COUNT]; /* up to TLS 1.2, in order */
	size_t cipher_count;
	enum tls_curve curves[TLS_CURVE_COUNT];
	size_t curve_count;
	bool server_order;
};

struct tls;

/* 0, -ENOMEM, or -EINVAL: then *blame is the setting that is bad, `why` says what about it. Settings are copied. */
int tls_new(const struct tls_settings *settings, struct tls **tls, enum web_key *blame, const char **why);
void tls_free(struct tls *tls);

/* What a session needs to know; lives as long as it. */
struct tls_peer {
	const struct tls *tls;
	uint64_t *refusals; /* certificates of clients that were not good enough; atomic */
};

/* Prepares a session before its handshake. 0 or -EINVAL. */
int tls_session_begin(gnutls_session_t session, struct tls_peer *peer);
/* Takes the credentials from a session, before `tls` is freed. */
void tls_session_end(gnutls_session_t session);

#endif
