/* SPDX-License-Identifier: MIT */
/* Tokenisers over a piece of text [at, end). They never look beyond `end`, allocate nothing, and move `at` past what
 * they took. Words and lines are ended by a NUL that is written over the byte behind them (a buffer of host_read() has
 * one spare byte there), so that they are C strings without a copy: take words of a line before the next line, from
 * left to right. */
#ifndef AGENTD_COLLECT_HOST_TEXT_H
#define AGENTD_COLLECT_HOST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *at;
	char *end;
};

/* The next line without its newline; false at the end. */
bool text_line(struct text *text, struct text *line);

/* Skips blanks and tabs (not newlines). */
void text_blanks(struct text *text);

/* The next word (of bytes other than blank, tab, newline) as a C string, or NULL if there is none. */
char *text_word(struct text *text);

/* What is in front of `separator` as a C string (without blanks around it), with `at` moved behind the separator; NULL,
 * and nothing taken, if there is no separator. */
char *text_until(struct text *text, char separator);

/* All that is left, without blanks around it, as a C string. */
char *text_rest(struct text *text);

/* Skips `count` words; false if there are fewer. */
bool text_skip_words(struct text *text, size_t count);

/* Whether the text begins with `word`; takes it if so. */
bool text_take(struct text *text, const char *word);

/* Numbers behind blanks. False, and nothing taken, if there is none or it does not fit; what follows the digits is left
 * (a unit, a colon). text_u64 takes decimal digits, text_hex hexadecimal ones without "0x", text_i64 one sign. */
bool text_u64(struct text *text, uint64_t *value);
bool text_i64(struct text *text, int64_t *value);
bool text_hex(struct text *text, uint64_t *value);
bool text_f64(struct text *text, double *value);

/* The same for a whole word. */
bool word_u64(const char *word, uint64_t *value);
bool word_i64(const char *word, int64_t *value);
bool word_f64(const char *word, double *value);

/* Turns \040 and the like (/proc/mounts) into bytes, in place. */
void word_unescape_octal(char *word);

#endif
