/* SPDX-License-Identifier: MIT */
/* The web configuration file: TLS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"
#include "web_config_exam.h"

/* The line of the first of two keys that is there. */
static size_t line_of_either(const struct exam *exam, enum web_key one, enum web_key other)
{
	return exam_line(exam, one) ? exam_line(exam, one) : exam_line(exam, other);
}

static int version_take(struct exam *exam, enum web_key key, enum tls_version *version)
{
	if (!exam_line(exam, key))
		return 0;
	const char *text = exam_text(exam, key);
	const enum tls_version found = tls_version_find(text ? text : "");
	if (found == TLS_VERSION_COUNT)
		return exam_fail(exam, exam_line(exam, key), "%s: \"%s\": expected TLS10, TLS11, TLS12 or TLS13",
				 web_key_name(key), text ? text : "");
	*version = found;
	return 0;
}

static int versions_take(struct exam *exam, struct tls_settings *settings)
{
	settings->version_min = TLS_VERSION_TLS12;
	settings->version_max = TLS_VERSION_TLS13;
	int r = version_take(exam, WEB_KEY_min_version, &settings->version_min);
	if (!r)
		r = version_take(exam, WEB_KEY_max_version, &settings->version_max);
	if (!r && settings->version_min > settings->version_max)
		r = exam_fail(exam, line_of_either(exam, WEB_KEY_max_version, WEB_KEY_min_version),
			      "min_version is above max_version; no version is left, change one of them");
	return r;
}

static int ciphers_take(struct exam *exam, struct tls_settings *settings)
{
	const struct web_value *value = exam_value(exam, WEB_KEY_cipher_suites);
	for (size_t i = 0; i < value->count; i++) {
		bool is_13;
		const struct web_entry *entry = &value->entries[i];
		const enum tls_cipher cipher = tls_cipher_find(entry->text, &is_13);
		if (cipher == TLS_CIPHER_COUNT && !is_13)
			return exam_fail(exam, entry->line,
					 "cipher_suites: \"%s\": unknown, or without forward secrecy; expected Go's "
					 "names, as in TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
					 entry->text);
		for (size_t at = 0; at < settings->cipher_count; at++)
			if (settings->ciphers[at] == cipher)
				return exam_fail(exam, entry->line, "cipher_suites: \"%s\": named twice; remove one",
						 entry->text);
		if (!is_13)
			settings->ciphers[settings->cipher_count++] = cipher;
	}
	for (int i = 0; !value->count && i < TLS_CIPHER_COUNT; i++)
		settings->ciphers[settings->cipher_count++] = (enum tls_cipher)i;
	return 0;
}

static int curves_take(struct exam *exam, struct tls_settings *settings)
{
	const struct web_value *value = exam_value(exam, WEB_KEY_curve_preferences);
	for (size_t i = 0; i < value->count; i++) {
		const struct web_entry *entry = &value->entries[i];
		const enum tls_curve curve = tls_curve_find(entry->text);
		if (curve == TLS_CURVE_COUNT)
			return exam_fail(exam, entry->line,
					 "curve_preferences: \"%s\": expected CurveP256, CurveP384, CurveP521 or "
					 "X25519",
					 entry->text);
		for (size_t at = 0; at < settings->curve_count; at++)
			if (settings->curves[at] == curve)
				return exam_fail(exam, entry->line,
						 "curve_preferences: \"%s\": named twice; remove one", entry->text);
		settings->curves[settings->curve_count++] = curve;
	}
	for (int i = 0; !value->count && i < TLS_CURVE_COUNT; i++)
		settings->curves[settings->curve_count++] = (enum tls_curve)i;
	return 0;
}

static int client_auth_take(struct exam *exam, struct tls_settings *settings)
{
	const char *text = exam_text(exam, WEB_KEY_client_auth_type);
	const enum tls_client_auth auth = text ? tls_client_auth_find(text) : TLS_CLIENT_AUTH_NONE;
	if (auth == TLS_CLIENT_AUTH_COUNT)
		return exam_fail(exam, exam_line(exam, WEB_KEY_client_auth_type),
				 "client_auth_type: \"%s\": expected NoClientCert, RequestClientCert, "
				 "RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert",
				 text);
	const char *authorities = exam_text(exam, WEB_KEY_client_ca) ?: exam_text(exam, WEB_KEY_client_ca_file);
	if (authorities && auth == TLS_CLIENT_AUTH_NONE)
		return exam_fail(exam, line_of_either(exam, WEB_KEY_client_ca, WEB_KEY_client_ca_file),
				 "client authorities without a client_auth_type have no effect; set "
				 "RequireAndVerifyClientCert");
	settings->allowed_sans = exam_value(exam, WEB_KEY_client_allowed_sans);
	if (settings->allowed_sans->line && auth != TLS_CLIENT_AUTH_REQUIRE_ANY &&
	    auth != TLS_CLIENT_AUTH_REQUIRE_ANY_OLD && auth != TLS_CLIENT_AUTH_REQUIRE_AND_VERIFY)
		return exam_fail(exam, settings->allowed_sans->line,
				 "client_allowed_sans: only with client_auth_type RequireAndVerifyClientCert or "
				 "RequireAnyClientCert, or clients without a certificate would pass");
	/* Go takes an empty list for "nobody". It is a mistake here as well, and told of. */
	if (settings->allowed_sans->line && !settings->allowed_sans->count)
		return exam_fail(exam, settings->allowed_sans->line,
				 "client_allowed_sans: the list is empty, nobody could connect; remove the key");
	settings->client_auth = auth;
	return 0;
}

/* The path of a file that is named in the file at `base`. */
static char *path_join(const char *base, const char *path)
{
	const char *slash = strrchr(base, '/');
	char *joined;
	if (*path == '/' || !slash)
		return strdup(path);
	return asprintf(&joined, "%.*s/%s", (int)(slash - base), base, path) < 0 ? NULL : joined;
}

/* What a pair of keys brings: text in the file itself, or a file that it names. *data is malloc'ed. */
static int pem_take(struct exam *exam, enum web_key inline_key, enum web_key file_key, gnutls_datum_t *data)
{
	const char *text = exam_text(exam, inline_key), *name = exam_text(exam, file_key);
	char *bytes = NULL;
	size_t len = 0;
	if (text && name)
		return exam_fail(exam, exam_line(exam, file_key), "%s and %s are both there; remove one",
				 web_key_name(inline_key), web_key_name(file_key));
	if (!text && !name)
		return 0;
	if (text) {
		bytes = strdup(text);
		len = strlen(text);
	} else {
		char *path = path_join(exam->file.path, name);
		const int r = path ? web_stamps_read(exam->stamps, path, &bytes, &len) : -ENOMEM;
		if (r && r != -ENOMEM)
			exam_fail(exam, exam_line(exam, file_key),
				  "%s: %s: %s; name a file that mstatd's user can read", web_key_name(file_key), path,
				  r == -EINVAL ? "not a regular file of at most 1 MiB" : strerror(-r));
		free(path);
		if (r)
			return r;
	}
	*data = (gnutls_datum_t){.data = (unsigned char *)bytes, .size = (unsigned int)len};
	return bytes ? 0 : -ENOMEM;
}

static void pem_free(gnutls_datum_t *data)
{
	if (data->data)
		explicit_bzero(data->data, data->size);
	free(data->data);
}

/* The line of the first key about TLS; 0: there is none. */
static size_t tls_line(const struct exam *exam)
{
	for (int key = WEB_KEY_cert; key <= WEB_KEY_curve_preferences; key++)
		if (exam_value(exam, (enum web_key)key)->line)
			return exam_value(exam, (enum web_key)key)->line;
	return 0;
}

static enum web_key tls_inline_key(enum web_key key)
{
	return key == WEB_KEY_cert_file        ? WEB_KEY_cert
	       : key == WEB_KEY_key_file       ? WEB_KEY_key
	       : key == WEB_KEY_client_ca_file ? WEB_KEY_client_ca
					       : key;
}

static int tls_make(struct exam *exam, const struct tls_settings *settings)
{
	enum web_key blame = WEB_KEY_cert_file;
	const char *why = "";
	if (!settings->certificate.data)
		return exam_fail(exam, tls_line(exam),
				 "tls_server_config: the certificate is missing; set cert_file (or cert)");
	if (!settings->key.data)
		return exam_fail(exam, tls_line(exam),
				 "tls_server_config: the private key is missing; set key_file (or key)");
	const int r = tls_new(settings, &exam->config->tls, &blame, &why);
	if (r == -EINVAL)
		exam_fail(exam, line_of_either(exam, blame, tls_inline_key(blame)), "%s: %s",
			  web_key_name(exam_line(exam, blame) ? blame : tls_inline_key(blame)), why);
	return r;
}

int exam_take_tls(struct exam *exam)
{
	struct tls_settings settings = {.server_order = true};
	if (!tls_line(exam))
		return 0;
	int r = versions_take(exam, &settings);
	if (!r)
		r = ciphers_take(exam, &settings);
	if (!r)
		r = curves_take(exam, &settings);
	if (!r)
		r = exam_take_switch(exam, WEB_KEY_prefer_server_cipher_suites, &settings.server_order);
	if (!r)
		r = client_auth_take(exam, &settings);
	if (!r)
		r = pem_take(exam, WEB_KEY_cert, WEB_KEY_cert_file, &settings.certificate);
	if (!r)
		r = pem_take(exam, WEB_KEY_key, WEB_KEY_key_file, &settings.key);
	if (!r)
		r = pem_take(exam, WEB_KEY_client_ca, WEB_KEY_client_ca_file, &settings.authorities);
	if (!r)
		r = tls_make(exam, &settings);
	pem_free(&settings.certificate);
	pem_free(&settings.key);
	pem_free(&settings.authorities);
	return r;
}
