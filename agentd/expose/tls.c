/* SPDX-License-Identifier: MIT */
/* TLS of a server by GnuTLS.
 *
 * GnuTLS has one list of ciphers for all versions, but a configuration chooses those up to TLS 1.2 only, as Go does: so
 * there are two lists, and which of them counts is settled when the version is. Both hold what the certificate's key
 * can do; with one kind of key, each cipher and its code make one suite, and nothing is allowed that was not named.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#define PRIORITY_BYTES 1024

enum key_kind { KEY_RSA, KEY_ECDSA };

static const char *const version_words[TLS_VERSION_COUNT][2] = {
#define WEB_TLS_VERSION(word, gnutls) {#word, gnutls},
#include "web_config.def"
#undef WEB_TLS_VERSION
};

static const struct {
	const char *word;
	enum key_kind key;
	const char *cipher;
	const char *code;
} ciphers[TLS_CIPHER_COUNT] = {
#define WEB_CIPHER(name, id, key, cipher, code) {name, KEY_##key, cipher, code},
#include "web_config.def"
#undef WEB_CIPHER
};

static const char *const ciphers_13[] = {
#define WEB_CIPHER_13(name) name,
#include "web_config.def"
#undef WEB_CIPHER_13
};

static const char *const curve_words[TLS_CURVE_COUNT][2] = {
#define WEB_CURVE(name, id, gnutls) {name, gnutls},
#include "web_config.def"
#undef WEB_CURVE
};

static const struct {
	const char *word;
	bool asked;
	bool required;
	bool verified;
} client_auths[TLS_CLIENT_AUTH_COUNT] = {
#define WEB_CLIENT_AUTH(word, id, asked, required, verified) {word, asked, required, verified},
#include "web_config.def"
#undef WEB_CLIENT_AUTH
};

struct tls {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t all; /* every version that there may be */
	gnutls_priority_t old; /* up to TLS 1.2; NULL: none */
	gnutls_priority_t new; /* TLS 1.3; NULL: not */
	enum tls_client_auth client_auth;
	char **sans;
	size_t san_count;
};

/* ---- words ------------------------------------------------------------------------------------------------------ */

enum tls_version tls_version_find(const char *word)
{
	int i = 0;
	while (i < TLS_VERSION_COUNT && strcmp(version_words[i][0], word))
		i++;
	return (enum tls_version)i;
}

enum tls_client_auth tls_client_auth_find(const char *word)
{
	int i = 0;
	while (i < TLS_CLIENT_AUTH_COUNT && strcmp(client_auths[i].word, word))
		i++;
	return (enum tls_client_auth)i;
}

enum tls_curve tls_curve_find(const char *word)
{
	int i = 0;
	while (i < TLS_CURVE_COUNT && strcmp(curve_words[i][0], word))
		i++;
	return (enum tls_curve)i;
}

enum tls_cipher tls_cipher_find(const char *word, bool *is_13)
{
	int i = 0;
	while (i < TLS_CIPHER_COUNT && strcmp(ciphers[i].word, word))
		i++;
	*is_13 = false;
	for (size_t at = 0; at < sizeof(ciphers_13) / sizeof(*ciphers_13); at++)
		*is_13 |= !strcmp(ciphers_13[at], word);
	return (enum tls_cipher)i;
}

/* ---- priorities ------------------------------------------------------------------------------------------------- */

struct text {
	char bytes[PRIORITY_BYTES];
	size_t len;
};

static void add(struct text *text, const char *word)
{
	const int len = snprintf(text->bytes + text->len, sizeof(text->bytes) - text->len, ":+%s", word);
	text->len += (size_t)len < sizeof(text->bytes) - text->len ? (size_t)len : 0;
}

static void add_versions(struct text *text, const struct tls_settings *settings, enum tls_version min,
			 enum tls_version max)
{
	for (int i = TLS_VERSION_COUNT - 1; i >= 0; i--)
		if (i >= (int)settings->version_min && i <= (int)settings->version_max && i >= (int)min &&
		    i <= (int)max)
			add(text, version_words[i][1]);
}

static size_t add_ciphers_old(struct text *text, const struct tls_settings *settings, enum key_kind key)
{
	size_t added = 0;
	add(text, key == KEY_RSA ? "ECDHE-RSA" : "ECDHE-ECDSA");
	for (size_t i = 0; i < settings->cipher_count; i++) {
		const enum tls_cipher cipher = settings->ciphers[i];
		if (ciphers[cipher].key != key)
			continue;
		add(text, ciphers[cipher].cipher);
		add(text, ciphers[cipher].code);
		added++;
	}
	return added;
}

static void add_ciphers_new(struct text *text)
{
	add(text, "AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD");
}

static int priority_make(struct text *text, const struct tls_settings *settings, gnutls_priority_t *priority)
{
	char whole[PRIORITY_BYTES + 512];
	add(text, "SIGN-ALL");
	for (size_t i = 0; i < settings->curve_count; i++)
		add(text, curve_words[settings->curves[i]][1]);
	/* Signatures by SHA-1 are needed by what is older than TLS 1.2 only. */
	snprintf(whole, sizeof(whole), "NONE%s%s%s:%%PROFILE_LOW", text->bytes,
		 settings->version_min >= TLS_VERSION_TLS12 ? ":-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1" : "",
		 settings->server_order ? ":%SERVER_PRECEDENCE" : "");
	const int r = gnutls_priority_init(priority, whole, NULL);
	return !r ? 0 : r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static int priorities_make(struct tls *tls, const struct tls_settings *settings, enum key_kind key, enum web_key *blame,
			   const char **why)
{
	struct text all = {.len = 0}, old = {.len = 0}, new = {.len = 0};
	const bool newest = settings->version_max >= TLS_VERSION_TLS13;
	bool older = settings->version_min <= TLS_VERSION_TLS12;
	int r = 0;
	*blame = WEB_KEY_cipher_suites;
	*why = "GnuTLS refuses this combination of versions, ciphers and curves; leave one of the settings out";
	add_versions(&old, settings, TLS_VERSION_TLS10, TLS_VERSION_TLS12);
	if (older && !add_ciphers_old(&old, settings, key)) {
		*why = "none of them goes with the certificate's key; name one with _ECDSA_ or _RSA_ as the key is";
		if (!newest)
			return -EINVAL;
		older = false;
	}
	add_versions(&new, settings, TLS_VERSION_TLS13, TLS_VERSION_TLS13);
	add_ciphers_new(&new);
	add_versions(&all, settings, older ? TLS_VERSION_TLS10 : TLS_VERSION_TLS13, TLS_VERSION_TLS13);
	if (older)
		add_ciphers_old(&all, settings, key);
	if (newest)
		add_ciphers_new(&all);
	r = priority_make(&all, settings, &tls->all);
	if (!r && older)
		r = priority_make(&old, settings, &tls->old);
	if (!r && newest)
		r = priority_make(&new, settings, &tls->new);
	return r;
}

/* ---- credentials ------------------------------------------------------------------------------------------------ */

static int gnutls_errno(int r)
{
	return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

static int key_kind_find(const gnutls_datum_t *pem, enum key_kind *kind)
{
	gnutls_x509_privkey_t key;
	int r = gnutls_x509_privkey_init(&key);
	if (r)
		return gnutls_errno(r);
	r = gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (!r) {
		const int algorithm = gnutls_x509_privkey_get_pk_algorithm(key);
		*kind = algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS ? KEY_RSA : KEY_ECDSA;
	}
	gnutls_x509_privkey_deinit(key);
	return r ? gnutls_errno(r) : 0;
}

static int certificate_check(const gnutls_datum_t *pem)
{
	gnutls_x509_crt_t *list;
	unsigned int count = 0;
	const int r = gnutls_x509_crt_list_import2(&list, &count, pem, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0)
		return gnutls_errno(r);
	for (unsigned int i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return count ? 0 : -EINVAL;
}

static int credentials_make(struct tls *tls, const struct tls_settings *settings, enum key_kind *key,
			    enum web_key *blame, const char **why)
{
	int r = gnutls_certificate_allocate_credentials(&tls->credentials);
	if (r)
		return gnutls_errno(r);
	*blame = WEB_KEY_cert_file;
	*why = "no certificate in PEM form; it begins with -----BEGIN CERTIFICATE-----";
	r = certificate_check(&settings->certificate);
	if (r)
		return r;
	*blame = WEB_KEY_key_file;
	*why = "no private key in PEM form without a password; openssl pkey makes one of one with a password";
	r = key_kind_find(&settings->key, key);
	if (r)
		return r;
	*why = "this private key is not the certificate's; take the one that the certificate was made for";
	r = gnutls_certificate_set_x509_key_mem2(tls->credentials, &settings->certificate, &settings->key,
						 GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r < 0)
		return gnutls_errno(r);
	if (!client_auths[settings->client_auth].verified)
		return 0;
	*blame = WEB_KEY_client_ca_file;
	*why = "no certificate in PEM form; clients could not be verified";
	if (settings->authorities.data)
		r = gnutls_certificate_set_x509_trust_mem(tls->credentials, &settings->authorities,
							  GNUTLS_X509_FMT_PEM);
	else
		r = gnutls_certificate_set_x509_system_trust(tls->credentials);
	return r > 0 || !settings->authorities.data ? 0 : -EINVAL;
}

static int sans_copy(struct tls *tls, const struct web_value *sans)
{
	tls->sans = calloc(sans->count + 1, sizeof(*tls->sans));
	if (!tls->sans)
		return -ENOMEM;
	for (; tls->san_count < sans->count; tls->san_count++) {
		tls->sans[tls->san_count] = strdup(sans->entries[tls->san_count].text);
		if (!tls->sans[tls->san_count])
			return -ENOMEM;
	}
	return 0;
}

int tls_new(const struct tls_settings *settings, struct tls **tls, enum web_key *blame, const char **why)
{
	struct tls *made = calloc(1, sizeof(*made));
	enum key_kind key;
	int r = -ENOMEM;
	if (!made)
		return r;
	made->client_auth = settings->client_auth;
	r = sans_copy(made, settings->allowed_sans);
	if (!r)
		r = credentials_make(made, settings, &key, blame, why);
	if (!r)
		r = priorities_make(made, settings, key, blame, why);
	if (r)
		tls_free(made);
	else
		*tls = made;
	return r;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	for (size_t i = 0; i < tls->san_count; i++)
		free(tls->sans[i]);
	free(tls->sans);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	if (tls->all)
		gnutls_priority_deinit(tls->all);
	if (tls->old)
		gnutls_priority_deinit(tls->old);
	if (tls->new)
		gnutls_priority_deinit(tls->new);
	free(tls);
}

/* ---- clients ---------------------------------------------------------------------------------------------------- */

static bool address_equal(const char *text, const uint8_t *bytes, size_t len)
{
	uint8_t address[16];
	const int family = len == 4 ? AF_INET : AF_INET6;
	return (len == 4 || len == 16) && inet_pton(family, text, address) == 1 && !memcmp(address, bytes, len);
}

/* Lengths count: a name with a NUL inside must not pass for what stands before it. */
static bool san_allowed(const struct tls *tls, int type, const char *san, size_t len)
{
	for (size_t i = 0; i < tls->san_count; i++) {
		const char *allowed = tls->sans[i];
		if (type == GNUTLS_SAN_IPADDRESS ? address_equal(allowed, (const uint8_t *)san, len)
						 : strlen(allowed) == len && !memcmp(allowed, san, len))
			return true;
	}
	return false;
}

static bool certificate_allowed(const struct tls *tls, gnutls_x509_crt_t certificate)
{
	char san[1024];
	for (unsigned int i = 0;; i++) {
		size_t len = sizeof(san);
		const int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, san, &len, NULL);
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
			continue;
		if (type < 0)
			return false;
		if ((type == GNUTLS_SAN_DNSNAME || type == GNUTLS_SAN_RFC822NAME || type == GNUTLS_SAN_URI ||
		     type == GNUTLS_SAN_IPADDRESS) &&
		    san_allowed(tls, type, san, len))
			return true;
	}
}

static bool sans_satisfied(const struct tls *tls, const gnutls_datum_t *certificate)
{
	gnutls_x509_crt_t parsed;
	if (!tls->san_count)
		return true;
	if (gnutls_x509_crt_init(&parsed))
		return false;
	const bool ok =
		!gnutls_x509_crt_import(parsed, certificate, GNUTLS_X509_FMT_DER) && certificate_allowed(tls, parsed);
	gnutls_x509_crt_deinit(parsed);
	return ok;
}

static bool chain_verified(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					 .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
	unsigned int status = 0;
	return !gnutls_certificate_verify_peers(session, &purpose, 1, &status) && !status;
}

/* GnuTLS's callback in the handshake, also when the client has sent no certificate. */
static int session_verify(gnutls_session_t session)
{
	const struct tls_peer *peer = gnutls_session_get_ptr(session);
	const struct tls *tls = peer->tls;
	unsigned int count = 0;
	const gnutls_datum_t *certificates = gnutls_certificate_get_peers(session, &count);
	const bool present = certificates && count;
	if (present ? (!client_auths[tls->client_auth].verified || chain_verified(session)) &&
			      sans_satisfied(tls, certificates)
		    : !client_auths[tls->client_auth].required)
		return 0;
	mstat_add_relaxed(peer->refusals, 1);
	/* libmicrohttpd just closes the connection, and the client could only guess why. */
	(void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* GnuTLS's callback when the version is settled and the cipher is not. */
static int session_hello(gnutls_session_t session)
{
	const struct tls_peer *peer = gnutls_session_get_ptr(session);
	const bool new = gnutls_protocol_get_version(session) >= GNUTLS_TLS1_3;
	const gnutls_priority_t priority = new ? peer->tls->new : peer->tls->old;
	return priority ? gnutls_priority_set(session, priority) : GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
}

int tls_session_begin(gnutls_session_t session, struct tls_peer *peer)
{
	const struct tls *tls = peer->tls;
	gnutls_session_set_ptr(session, peer);
	gnutls_credentials_clear(session);
	if (gnutls_priority_set(session, tls->all) ||
	    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->credentials))
		return -EINVAL;
	gnutls_handshake_set_post_client_hello_function(session, session_hello);
	if (client_auths[tls->client_auth].asked) {
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		gnutls_session_set_verify_function(session, session_verify);
	}
	return 0;
}

void tls_session_end(gnutls_session_t session)
{
	gnutls_credentials_clear(session);
}
