/* SPDX-License-Identifier: MIT */
/* The log: one line an event on standard error, as logfmt or JSON, or one entry of the journal. Only agentd's core
 * logs; the rooms return errors.
 *
 *     log_info("listening", LOG_TEXT("address", address), LOG_INT("connections_max", 512));
 *     ts=2024-05-01T10:00:00.123Z level=info msg=listening address=127.0.0.1:9466 connections_max=512
 *
 * Thread-safe. A line that standard error does not take within 100 ms is lost and counted: the agent never waits for
 * whoever reads its log. What the journal does not take goes to standard error.
 */
#ifndef AGENTD_LOG_H
#define AGENTD_LOG_H

#include <stddef.h>
#include <stdint.h>

/* In the order of the setting log.level. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL_COUNT };

/* In the order of the setting log.format. */
enum log_format {
	LOG_FORMAT_LOGFMT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_JOURNAL,
	LOG_FORMAT_AUTO, /* journal where standard error leads to it, else logfmt */
};

struct log_field {
	const char *key;  /* [a-z_]+ */
	const char *text; /* NULL: the number counts */
	int64_t number;
};
#define LOG_TEXT(key, text)                                                                                            \
	{                                                                                                              \
		(key), log_text_or_empty(text), 0                                                                      \
	}
#define LOG_INT(key, number)                                                                                           \
	{                                                                                                              \
		(key), NULL, (int64_t)(number)                                                                         \
	}
#define LOG_ERRNO(error) LOG_TEXT("error", log_errno_text(error))

/* Longest line, newline included: what one write() to a pipe takes whole. Long values are cut, then fields left out. */
#define LOG_LINE_MAX 4096

/* Changes level, format and descriptor (2 at first). If LOG_FORMAT_JOURNAL is asked for and there is no journal, that
 * is logged. */
void log_setup(enum log_level level, enum log_format format);
void log_set_fd(int fd);

const char *log_level_word(enum log_level level);
const char *log_text_or_empty(const char *text);
const char *log_errno_text(int error); /* of errno or -errno */

/* Writes one line if the level is high enough. */
void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);

/* Renders the line that log_write() would write to `out` (LOG_LINE_MAX bytes, no NUL); returns its length. Of an entry
 * of the journal it is the message, which has the fields in it for those who read only that. */
size_t log_render(enum log_format format, int64_t time_ns, enum log_level level, const char *message,
		  const struct log_field *fields, size_t count, char *out);

/* Lines written by level, and lines lost. */
uint64_t log_lines(enum log_level level);
uint64_t log_lines_lost(void);

/* The array's first element is there so that it is never empty. */
#define log_event(level, message, ...)                                                                                 \
	do {                                                                                                           \
		const struct log_field log_fields_[] = {{NULL, NULL, 0}, ##__VA_ARGS__};                               \
		log_write((level), (message), log_fields_ + 1, sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);      \
	} while (0)
#define log_debug(message, ...) log_event(LOG_LEVEL_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...) log_event(LOG_LEVEL_INFO, message, ##__VA_ARGS__)
#define log_warn(message, ...) log_event(LOG_LEVEL_WARN, message, ##__VA_ARGS__)
#define log_error(message, ...) log_event(LOG_LEVEL_ERROR, message, ##__VA_ARGS__)

#endif
