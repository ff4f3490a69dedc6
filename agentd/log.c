/* SPDX-License-Identifier: MIT */
/* The log: one line an event on standard error, or one entry of the journal. */
#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mstat/atomic.h>

#include "journal.h"

#define VALUE_BYTES_MAX 1024 /* of one value before escaping */
#define WAIT_MS 100

static const char *const level_words[LOG_LEVEL_COUNT] = {"debug", "info", "warn", "error"};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* one writer: poll() and write() must not be parted */
static int log_fd = STDERR_FILENO;
static enum log_level log_level = LOG_LEVEL_INFO;
static enum log_format log_format = LOG_FORMAT_LOGFMT;
static uint64_t lines_written[LOG_LEVEL_COUNT];
static uint64_t lines_lost;

/* A line under construction; text that does not fit sets `full` and is left out by whoever began it. */
struct line {
	char *out;
	size_t len;
	bool full;
};

/* Room for the end of the line: `,"truncated":true}` and a newline. */
#define LINE_TAIL 32

static void put(struct line *line, const char *text, size_t len)
{
	if (line->full || len > LOG_LINE_MAX - LINE_TAIL - line->len) {
		line->full = true;
		return;
	}
	memcpy(line->out + line->len, text, len);
	line->len += len;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Length of the UTF-8 sequence at `text`, 0 if it is not valid. A NUL ends the text, so it is never read past. */
static size_t utf8_len(const unsigned char *text)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max, len;
	} forms[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	if (*text < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (*text < forms[i].first_min || *text > forms[i].first_max)
			continue;
		if (text[1] < forms[i].second_min || text[1] > forms[i].second_max)
			return 0;
		for (size_t k = 2; k < forms[i].len; k++) {
			if (text[k] < 0x80 || text[k] > 0xbf)
				return 0;
		}
		return forms[i].len;
	}
	return 0;
}

/* Text in double quotes, escaped as JSON wants it; bytes that are not UTF-8 become U+FFFD. */
static void put_quoted(struct line *line, const char *text)
{
	put(line, "\"", 1);
	for (size_t at = 0; text[at];) {
		const unsigned char c = (unsigned char)text[at];
		const size_t len = utf8_len((const unsigned char *)text + at);
		char escape[8];
		if (at >= VALUE_BYTES_MAX) {
			put_text(line, "...");
			break;
		}
		if (c == '"' || c == '\\') {
			put(line, (const char[]){'\\', (char)c}, 2);
		} else if (c == '\n') {
			put_text(line, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			put(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
		} else if (!len) {
			put_text(line, "\\ufffd");
		} else {
			put(line, text + at, len);
		}
		at += len ? len : 1;
	}
	put(line, "\"", 1);
}

/* Whether logfmt may show a value without quotes. */
static bool text_plain(const char *text)
{
	const char *c = text;
	while (*c > ' ' && *c < 0x7f && *c != '"' && *c != '=' && *c != '\\')
		c++;
	return !*c && c > text && c - text <= VALUE_BYTES_MAX;
}

static void put_key(struct line *line, enum log_format format, const char *key)
{
	const bool json = format == LOG_FORMAT_JSON;
	put_text(line, line->len > json ? (json ? ",\"" : " ") : json ? "\"" : "");
	put_text(line, key);
	put_text(line, json ? "\":" : "=");
}

static void put_field(struct line *line, enum log_format format, const struct log_field *field)
{
	const size_t before = line->len;
	char number[24];
	put_key(line, format, field->key);
	if (!field->text)
		put(line, number, (size_t)snprintf(number, sizeof(number), "%" PRId64, field->number));
	else if (format != LOG_FORMAT_JSON && text_plain(field->text))
		put_text(line, field->text);
	else
		put_quoted(line, field->text);
	if (line->full)
		line->len = before;
}

/* RFC 3339 in UTC with milliseconds. */
static void time_print(int64_t time_ns, char *out, size_t size)
{
	const time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	const size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, size - len, ".%03dZ", (int)(time_ns / 1000000 % 1000));
}

/* What the journal knows without it. */
static void put_head(struct line *line, enum log_format format, int64_t time_ns, enum log_level level,
		     const char *message)
{
	char ts[40];
	time_print(time_ns, ts, sizeof(ts));
	put_field(line, format, &(struct log_field){"ts", ts, 0});
	put_field(line, format, &(struct log_field){"level", level_words[level], 0});
	put_field(line, format, &(struct log_field){"msg", message, 0});
}

size_t log_render(enum log_format format, int64_t time_ns, enum log_level level, const char *message,
		  const struct log_field *fields, size_t count, char *out)
{
	struct line line = {.out = out};
	if (format == LOG_FORMAT_JSON)
		put(&line, "{", 1);
	if (format == LOG_FORMAT_JOURNAL)
		put_text(&line, message);
	else
		put_head(&line, format, time_ns, level, message);
	for (size_t i = 0; i < count; i++)
		put_field(&line, format, &fields[i]);
	const char *tail = line.full ? (format == LOG_FORMAT_JSON ? ",\"truncated\":true}\n" : " truncated=true\n")
				     : (format == LOG_FORMAT_JSON ? "}\n" : "\n");
	memcpy(out + line.len, tail, strlen(tail));
	return line.len + strlen(tail);
}

/* poll() says that a pipe takes PIPE_BUF (4096) bytes at once, so a write of a line cannot block after it. */
static bool line_write(const char *text, size_t len)
{
	struct pollfd ready = {.fd = log_fd, .events = POLLOUT};
	return poll(&ready, 1, WAIT_MS) == 1 && (ready.revents & POLLOUT) && write(log_fd, text, len) == (ssize_t)len;
}

static bool event_write(enum log_format format, enum log_level level, const char *message,
			const struct log_field *fields, size_t count)
{
	char line[LOG_LINE_MAX];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	const size_t len =
		log_render(format, now.tv_sec * INT64_C(1000000000) + now.tv_nsec, level, message, fields, count, line);
	return line_write(line, len);
}

static bool entry_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
	char text[LOG_LINE_MAX];
	const size_t len = log_render(LOG_FORMAT_JOURNAL, 0, level, message, fields, count, text);
	return !journal_send(level, text, len - 1, fields, count); /* without the newline */
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
	if (level < mstat_load_relaxed(&log_level))
		return;
	const int errno_before = errno;
	const enum log_format format = mstat_load_relaxed(&log_format);
	pthread_mutex_lock(&log_lock);
	bool written = format == LOG_FORMAT_JOURNAL && entry_write(level, message, fields, count);
	if (!written)
		written = event_write(format == LOG_FORMAT_JOURNAL ? LOG_FORMAT_LOGFMT : format, level, message, fields,
				      count);
	pthread_mutex_unlock(&log_lock);
	mstat_add_relaxed(written ? &lines_written[level] : &lines_lost, 1);
	errno = errno_before;
}

void log_setup(enum log_level level, enum log_format format)
{
	enum log_format resolved = format;
	if (format == LOG_FORMAT_AUTO)
		resolved = journal_owns_fd(log_fd) && !journal_probe() ? LOG_FORMAT_JOURNAL : LOG_FORMAT_LOGFMT;
	mstat_store_relaxed(&log_level, level);
	mstat_store_relaxed(&log_format, resolved);
	const int r = format == LOG_FORMAT_JOURNAL ? journal_probe() : 0;
	if (r)
		log_warn("no journal listens, logging on standard error", LOG_ERRNO(r));
}

void log_set_fd(int fd)
{
	pthread_mutex_lock(&log_lock);
	log_fd = fd;
	pthread_mutex_unlock(&log_lock);
}

const char *log_level_word(enum log_level level)
{
	return level_words[level];
}

const char *log_text_or_empty(const char *text)
{
	return text ? text : "";
}

const char *log_errno_text(int error)
{
	return strerrordesc_np(error < 0 ? -error : error);
}

uint64_t log_lines(enum log_level level)
{
	return mstat_load_relaxed(&lines_written[level]);
}

uint64_t log_lines_lost(void)
{
	return mstat_load_relaxed(&lines_lost);
}
