/* SPDX-License-Identifier: MIT */
/* What tests of the web configuration need: certificates made by openssl, bcrypt hashes, files, and curl. */
#ifndef TESTS_WEB_FIXTURE_H
#define TESTS_WEB_FIXTURE_H

#include <stdbool.h>

/* Says why a test is skipped, and returns true, where a program is not installed. */
bool web_program_missing(const char *program);

/* Makes ca.crt, server.crt (127.0.0.1), client.crt (DNS:scraper, URI:spiffe://x/y), other.crt (DNS:other) with their
 * .key in a directory, and stranger.crt, which signs itself. Fails the test where openssl does. */
void web_certificates_make(const char *directory);
/* A new server.crt with a serial number. */
void web_server_certificate_make(const char *directory, unsigned serial);

/* A bcrypt hash, in a static buffer. */
const char *web_hash(const char *password, unsigned cost);

/* Writes a file anew, under another inode. */
void web_file_write(const char *directory, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Runs a shell command in a directory; its exit code, and the first bytes of what it says (standard error, too) in a
 * static buffer. */
int web_run(const char *directory, const char **output, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
