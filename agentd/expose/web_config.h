/* SPDX-License-Identifier: MIT */
/* The web configuration file: TLS, users with passwords, headers and a rate limit, in the format of the
 * exporter-toolkit, so that a file of node_exporter serves here as well.
 *
 *     tls_server_config:            # without it: plain HTTP
 *       cert_file: server.crt       # or inline as `cert`; a chain begins with the server's own
 *       key_file: server.key        # or inline as `key`
 *       client_ca_file: ca.crt      # or inline as `client_ca`; RequireAndVerify without it: the system's authorities
 *       client_auth_type: NoClientCert | RequestClientCert | RequireAnyClientCert | VerifyClientCertIfGiven |
 *                         RequireAndVerifyClientCert
 *       client_allowed_sans: [...]  # one of these must be in the client's certificate: DNS, IP, mail, URI; exact
 *       min_version: TLS12          # TLS10 to TLS13
 *       max_version: TLS13
 *       cipher_suites: [...]        # Go's names, up to TLS 1.2; those of TLS 1.3 are not to choose
 *       prefer_server_cipher_suites: true
 *       curve_preferences: [...]    # CurveP256, CurveP384, CurveP521, X25519
 *     http_server_config:
 *       http2: true                 # accepted and without effect: HTTP/1.1 is spoken
 *       headers: {...}              # Content-Security-Policy, X-Frame-Options, X-Content-Type-Options,
 *                                   # X-XSS-Protection, Strict-Transport-Security
 *     basic_auth_users: {NAME: BCRYPT-HASH}
 *     rate_limit:
 *       interval: 1s                # 0: none
 *       burst: 20
 *
 * File names are relative to the directory of the file. An unknown or duplicate key is an error, so are settings of TLS
 * without a certificate, which would leave the server open in silence.
 */
#ifndef AGENTD_EXPOSE_WEB_CONFIG_H
#define AGENTD_EXPOSE_WEB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth.h"
#include "rate_limit.h"
#include "web_config_stamps.h"

struct tls;

struct web_user {
	char *name;
	char *hash; /* see auth_hash_valid() */
};

struct web_header {
	char *name;
	char *value;
};

/* Immutable but for the bucket of the limit; shared by references. */
struct web_config {
	uint32_t references;
	struct tls *tls; /* NULL: plain HTTP */
	struct web_header *headers;
	size_t header_count;
	struct web_user *users;
	size_t user_count;                /* 0: nobody is asked who it is */
	char decoy_hash[AUTH_HASH_BYTES]; /* what unknown users are compared with: as costly as the costliest */
	struct rate_limit limit;
};

/* Reads the file and those that it names. 0, -ENOMEM, or -EINVAL and -errno with a malloc'ed message that names
 * FILE:LINE and the remedy in *error (NULL when memory is short). `stamps` (initialised; or NULL) tells, in any case,
 * when to read again. Reads files and keys: milliseconds. Thread-safe. */
int web_config_load(const char *path, struct web_stamps *stamps, struct web_config **config, char **error);
struct web_config *web_config_get(struct web_config *config); /* one more reference; NULL is fine */
void web_config_put(struct web_config *config);               /* one less; NULL is fine */

/* NULL: unknown. */
const struct web_user *web_config_user(const struct web_config *config, const char *name);

#endif
