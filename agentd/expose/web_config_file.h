/* SPDX-License-Identifier: MIT */
/* The text of a web configuration file taken apart: which key has which values, on which line; what they mean is
 * web_config.c's. */
#ifndef AGENTD_EXPOSE_WEB_CONFIG_FILE_H
#define AGENTD_EXPOSE_WEB_CONFIG_FILE_H

#include <stddef.h>

enum web_key {
#define WEB_KEY(section, name, kind) WEB_KEY_##name,
#include "web_config.def"
#undef WEB_KEY
	WEB_KEY_COUNT
};

struct web_entry {
	char *name; /* of a pair, else NULL */
	char *text;
	size_t line;
};

struct web_value {
	struct web_entry *entries; /* of a SINGLE one */
	size_t count;
	size_t line; /* of the key; 0: it is not there, or has no value */
};

struct web_file {
	const char *path;
	struct web_value values[WEB_KEY_COUNT];
};

/* Takes a text apart; `path` is for the messages, and kept. 0, -ENOMEM or -EINVAL with a message. */
int web_file_parse(const char *path, const char *text, size_t len, struct web_file *file, char **error);
void web_file_fini(struct web_file *file); /* wipes: keys may stand in the file */

const char *web_key_name(enum web_key key);

/* *error becomes "PATH:LINE: ..." (NULL when memory is short); line 0: "PATH: ...". Returns -EINVAL. */
int web_file_fail(const struct web_file *file, size_t line, char **error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
