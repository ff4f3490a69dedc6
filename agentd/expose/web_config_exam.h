/* SPDX-License-Identifier: MIT */
/* What the files that examine a web configuration share.
 *
 *   web_config_file.c   from the text to values with their lines
 *   web_config.c        headers, users, limit; and the whole
 *   web_config_tls.c    TLS
 */
#ifndef AGENTD_EXPOSE_WEB_CONFIG_EXAM_H
#define AGENTD_EXPOSE_WEB_CONFIG_EXAM_H

#include "web_config.h"
#include "web_config_file.h"

struct exam {
	struct web_file file;
	struct web_stamps *stamps;
	struct web_config *config;
	char **error;
};

#define exam_fail(exam, line, ...) web_file_fail(&(exam)->file, (line), (exam)->error, __VA_ARGS__)

static inline const struct web_value *exam_value(const struct exam *exam, enum web_key key)
{
	return &exam->file.values[key];
}

/* The text of a single value; NULL if it is not there or empty. */
static inline const char *exam_text(const struct exam *exam, enum web_key key)
{
	const struct web_value *value = exam_value(exam, key);
	return value->count && *value->entries[0].text ? value->entries[0].text : NULL;
}

static inline size_t exam_line(const struct exam *exam, enum web_key key)
{
	return exam_value(exam, key)->line;
}

/* Each leaves *value as it is where the key is not there. 0, -ENOMEM or -EINVAL with a message. */
int exam_take_switch(struct exam *exam, enum web_key key, bool *value);
int exam_take_tls(struct exam *exam);

#endif
