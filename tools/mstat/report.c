/* SPDX-License-Identifier: MIT */
/* What the user reads. See report.h. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "snapshot/number.h"
#include "report.h"

void report(const char *format, ...)
{
	va_list list;
	char *text = NULL;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	fflush(stdout);
	fputs("mstat: ", stderr);
	if (len < 0)
		fputs("out of memory", stderr);
	else
		text_print_lines(stderr, text, (size_t)len);
	fputc('\n', stderr);
	if (len >= 0)
		free(text);
}

void *need(void *pointer)
{
	if (pointer)
		return pointer;
	fputs("mstat: out of memory\n", stderr);
	exit(CODE_FAILED);
}

char *need_strdup(const char *text)
{
	return need(strdup(text));
}

char *need_printf(const char *format, ...)
{
	va_list list;
	char *text = NULL;
	va_start(list, format);
	int len = vasprintf(&text, format, list);
	va_end(list);
	return need(len < 0 ? NULL : text);
}

void *need_room(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 16;
	return need(reallocarray(items, *capacity, item_bytes));
}

/* Length of the UTF-8 character at the start of the text, 0 if there is none. *point receives it. */
static size_t utf8_decode(const unsigned char *text, size_t len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t bytes = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (bytes == 0 || bytes > len || text[0] > 0xf4)
		return 0;
	uint32_t value = bytes == 1 ? text[0] : text[0] & (0xffu >> (bytes + 1));
	for (size_t i = 1; i < bytes; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	if (value < least[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*point = value;
	return bytes;
}

/* Characters that would move the cursor, switch modes, or show text in another order than its bytes have. */
static bool harmful(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x200e && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0x61c ||
	       point == 0xfeff;
}

enum escape_style { ESCAPE_LINE, ESCAPE_LINES, ESCAPE_QUOTED };

static bool plain_in(uint32_t point, enum escape_style style)
{
	if (style == ESCAPE_LINES && (point == '\n' || point == '\t'))
		return true;
	return !harmful(point) && (style != ESCAPE_QUOTED || (point != '"' && point != '\\'));
}

static void escape_to(FILE *out, const char *text, size_t len, enum escape_style style)
{
	const unsigned char *bytes = (const unsigned char *)text;
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		size_t step = utf8_decode(bytes + i, len - i, &point);
		bool plain = step && plain_in(point, style);
		if (!step)
			step = 1;
		if (plain)
			fwrite(bytes + i, 1, step, out);
		else if (bytes[i] == '\n')
			fputs("\\n", out);
		else if (bytes[i] == '\t')
			fputs("\\t", out);
		else if (bytes[i] == '"' || bytes[i] == '\\')
			fprintf(out, "\\%c", bytes[i]);
		else
			for (size_t k = 0; k < step; k++)
				fprintf(out, "\\x%02x", bytes[i + k]);
		i += step;
	}
}

char *text_escaped(const char *text, size_t len)
{
	char *escaped = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&escaped, &size));
	escape_to(out, text, len, ESCAPE_LINE);
	return fclose(out) == 0 ? escaped : need(NULL);
}

char *text_quoted(const char *text, size_t len)
{
	char *quoted = NULL;
	size_t size = 0;
	FILE *out = need(open_memstream(&quoted, &size));
	fputc('"', out);
	escape_to(out, text, len, ESCAPE_QUOTED);
	fputc('"', out);
	return fclose(out) == 0 ? quoted : need(NULL);
}

void text_print(FILE *out, const char *text)
{
	escape_to(out, text, strlen(text), ESCAPE_LINE);
}

void text_print_lines(FILE *out, const char *text, size_t len)
{
	escape_to(out, text, len, ESCAPE_LINES);
}

size_t text_width(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	if (value)
		return value;
	char *escaped = text_escaped(text, strlen(text));
	value = need(json_string(escaped));
	free(escaped);
	return value;
}

json_t *json_number(struct number number)
{
	if (number.type == NUMBER_I64 || (number.type == NUMBER_U64 && number.u64 <= INT64_MAX))
		return need(json_integer(number.type == NUMBER_I64 ? number.i64 : (json_int_t)number.u64));
	if (number.type == NUMBER_F64 && isfinite(number.f64))
		return need(json_real(number.f64));
	char text[NUMBER_TEXT_MAX];
	return need(json_stringn(text, number_format(number, text)));
}

json_t *json_strings(const char *const *texts, size_t count)
{
	json_t *array = need(json_array());
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_text(texts[i]));
	return array;
}

void json_print(json_t *value)
{
	/* JSON escapes C0 itself; ASCII only keeps the rest of the control characters from a terminal. */
	json_dumpf(need(value), stdout, JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0));
	fputc('\n', stdout);
	json_decref(value);
}

bool output_closed(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = 0};
	return poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP | POLLNVAL));
}

int output_finish(int code)
{
	errno = 0;
	bool failed = fflush(stdout) != 0 || ferror(stdout);
	int error = errno;
	if (!failed || output_closed())
		return code;
	report("writing to standard output failed%s%s", error ? ": " : "", error ? strerror(error) : "");
	return CODE_FAILED;
}
