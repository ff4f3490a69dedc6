/* SPDX-License-Identifier: MIT */
/* See web_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "daemon.h"
#include "web_fixture.h"

bool web_program_missing(const char *program)
{
	if (program_installed(program))
		return false;
	print_message("skipped: %s is not installed\n", program);
	return true;
}

int web_run(const char *directory, const char **output, const char *format, ...)
{
	static char text[8192];
	char command[4096];
	int len = snprintf(command, sizeof(command), "cd '%s' && { ", directory);
	va_list arguments;
	va_start(arguments, format);
	len += vsnprintf(command + len, sizeof(command) - (size_t)len, format, arguments);
	va_end(arguments);
	assert_true((size_t)len + 16 < sizeof(command));
	strcpy(command + len, "; } 2>&1");
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	const size_t filled = fread(text, 1, sizeof(text) - 1, pipe);
	text[filled] = '\0';
	const int status = pclose(pipe);
	if (output)
		*output = text;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void run_well(const char *directory, const char *command)
{
	const char *output;
	if (web_run(directory, &output, "%s", command))
		fail_msg("%s: %s", command, output);
}

#define NEW_KEY "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "

static void signed_make(const char *directory, const char *name, const char *sans, unsigned serial)
{
	char command[1024];
	snprintf(command, sizeof(command),
		 NEW_KEY
		 "-keyout %s.key -out %s.csr -subj /CN=%s -addext subjectAltName=%s && openssl x509 -req -in %s.csr "
		 "-CA ca.crt -CAkey ca.key -set_serial %u -days 2 -copy_extensions copy -out %s.crt",
		 name, name, name, sans, name, serial, name);
	run_well(directory, command);
}

void web_server_certificate_make(const char *directory, unsigned serial)
{
	signed_make(directory, "server", "IP:127.0.0.1,DNS:localhost", serial);
}

void web_certificates_make(const char *directory)
{
	run_well(directory, NEW_KEY "-x509 -keyout ca.key -out ca.crt -days 2 -subj /CN=ca");
	run_well(directory, NEW_KEY "-x509 -keyout stranger.key -out stranger.crt -days 2 -subj /CN=stranger "
				    "-addext subjectAltName=DNS:scraper");
	web_server_certificate_make(directory, 2);
	signed_make(directory, "client", "DNS:scraper,URI:spiffe://x/y", 3);
	signed_make(directory, "other", "DNS:other", 4);
}

const char *web_hash(const char *password, unsigned cost)
{
	static char hash[CRYPT_OUTPUT_SIZE];
	struct crypt_data data = {0};
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	assert_non_null(crypt_gensalt_rn("$2b$", cost, NULL, 0, salt, sizeof(salt)));
	snprintf(hash, sizeof(hash), "%s", crypt_r(password, salt, &data));
	return hash;
}

void web_file_write(const char *directory, const char *name, const char *format, ...)
{
	char path[256], fresh[272];
	va_list arguments;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	FILE *file = fopen(fresh, "w");
	assert_non_null(file);
	va_start(arguments, format);
	assert_true(vfprintf(file, format, arguments) >= 0);
	va_end(arguments);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(fresh, path), 0);
}
