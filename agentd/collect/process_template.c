/* SPDX-License-Identifier: MIT */
/* Name templates. */
#include "process_template.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A piece: literal text, or a word with what is picked of it. */
struct piece {
	bool literal;
	enum process_word word;
	char *text;   /* of the literal; or the name in .Matches; NULL: all */
	size_t index; /* in .Cgroups */
	bool indexed;
};

struct process_template {
	struct piece *pieces;
	size_t count;
};

static const char *const words[PROCESS_WORD_COUNT] = {
#define PROCESS_WORD(word, name) word,
#include "process_template.def"
};

void process_template_free(struct process_template *template)
{
	if (!template)
		return;
	for (size_t i = 0; i < template->count; i++)
		free(template->pieces[i].text);
	free(template->pieces);
	free(template);
}

bool process_template_uses(const struct process_template *template, enum process_word word)
{
	for (size_t i = 0; i < template->count; i++)
		if (!template->pieces[i].literal && template->pieces[i].word == word)
			return true;
	return false;
}

/* ---- understanding ---------------------------------------------------------------------------------------------- */

static int piece_add(struct process_template *template, struct piece piece)
{
	struct piece *pieces = reallocarray(template->pieces, template->count + 1, sizeof(*pieces));
	if (!pieces) {
		free(piece.text);
		return -ENOMEM;
	}
	template->pieces = pieces;
	pieces[template->count++] = piece;
	return 0;
}

static int literal_add(struct process_template *template, const char *begin, const char *end)
{
	if (begin >= end)
		return 0;
	char *text = strndup(begin, (size_t)(end - begin));
	return text ? piece_add(template, (struct piece){.literal = true, .text = text}) : -ENOMEM;
}

static bool word_find(const char *begin, size_t len, enum process_word *word)
{
	for (int i = 0; i < PROCESS_WORD_COUNT; i++)
		if (strlen(words[i]) == len && !memcmp(words[i], begin, len)) {
			*word = (enum process_word)i;
			return true;
		}
	return false;
}

static size_t name_len(const char *text)
{
	size_t len = 0;
	while (isalnum((unsigned char)text[len]) || text[len] == '_')
		len++;
	return len;
}

static const char *blanks_skip(const char *text)
{
	while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
		text++;
	return text;
}

/* `"NAME"` or a number behind `index .WORD`; NULL if there is neither. */
static const char *index_take(const char *at, struct piece *piece)
{
	char *end;
	if (piece->word == PROCESS_WORD_MATCHES && *at == '"') {
		const size_t len = strcspn(at + 1, "\"");
		if (!at[1 + len])
			return NULL;
		piece->text = strndup(at + 1, len);
		return at + len + 2;
	}
	if (piece->word != PROCESS_WORD_CGROUPS || !isdigit((unsigned char)*at))
		return NULL;
	piece->indexed = true;
	piece->index = strtoul(at, &end, 10);
	return end;
}

/* What stands between the braces, without trim marks; the whole of it must be understood. */
static bool action_take(const char *text, struct piece *piece)
{
	const char *at = blanks_skip(text);
	const bool indexing = !strncmp(at, "index", 5) && blanks_skip(at + 5) != at + 5;
	*piece = (struct piece){.literal = false};
	if (indexing)
		at = blanks_skip(at + 5);
	if (*at++ != '.')
		return false;
	size_t len = name_len(at);
	if (!word_find(at, len, &piece->word))
		return false;
	at += len;
	if (indexing) {
		at = index_take(blanks_skip(at), piece);
	} else if (piece->word == PROCESS_WORD_MATCHES && *at == '.') {
		len = name_len(++at);
		piece->text = len ? strndup(at, len) : NULL;
		at = len ? at + len : NULL;
	}
	return at && !*blanks_skip(at);
}

static __attribute__((format(printf, 3, 4))) int refuse(char *why, size_t why_size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* [open, close) is an action with its braces' insides; moves *next behind trimmed blanks. */
static int action_add(struct process_template *template, const char *open, const char *close, bool *trim_next,
		      char *why, size_t why_size)
{
	char action[256];
	struct piece piece;
	size_t len = (size_t)(close - open);
	*trim_next = len > 1 && close[-1] == '-' && close[-2] == ' ';
	if (*open == '-' && open[1] == ' ')
		open++;
	len = (size_t)(close - open) - *trim_next;
	if (len >= sizeof(action))
		return refuse(why, why_size, "the name template has an action of more than %zu bytes",
			      sizeof(action) - 1);
	memcpy(action, open, len);
	action[len] = '\0';
	if (action_take(action, &piece))
		return piece_add(template, piece);
	free(piece.text);
	return refuse(why, why_size,
		      "the name template has \"{{%s}}\"; it may have {{.Comm}}, {{.ExeBase}}, {{.ExeFull}}, "
		      "{{.Username}}, {{.Matches}}, {{.Matches.NAME}}, {{.PID}}, {{.StartTime}}, {{.Cgroups}}, "
		      "{{index .Cgroups N}}",
		      action);
}

static int template_fill(struct process_template *template, const char *text, char *why, size_t why_size)
{
	bool trim = false;
	for (const char *at = text; *at;) {
		const char *open = strstr(at, "{{");
		const char *end = open ? open : at + strlen(at);
		if (trim)
			at = blanks_skip(at);
		if (open && open[2] == '-' && open[3] == ' ')
			while (end > at && isspace((unsigned char)end[-1]))
				end--;
		int r = literal_add(template, at, end);
		if (r || !open)
			return r;
		const char *close = strstr(open, "}}");
		if (!close)
			return refuse(why, why_size, "the name template has \"{{\" without \"}}\"");
		r = action_add(template, open + 2, close, &trim, why, why_size);
		if (r)
			return r;
		at = close + 2;
	}
	return 0;
}

int process_template_new(const char *text, struct process_template **template, char *why, size_t why_size)
{
	struct process_template *fresh = calloc(1, sizeof(*fresh));
	int r = fresh ? template_fill(fresh, text, why, why_size) : -ENOMEM;
	if (r)
		process_template_free(fresh);
	else
		*template = fresh;
	return r;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

struct writing {
	char *at;
	char *end; /* where the NUL goes at the latest */
};

static void write_bytes(struct writing *writing, const char *bytes, size_t len)
{
	const size_t room = (size_t)(writing->end - writing->at);
	writing->at = mempcpy(writing->at, bytes, len < room ? len : room);
}

static void write_text(struct writing *writing, const char *text)
{
	if (text)
		write_bytes(writing, text, strlen(text));
}

static void write_matches(struct writing *writing, const struct process_identity *identity, const char *name)
{
	if (!name)
		write_text(writing, "map[");
	for (size_t i = 0; i < identity->match_count; i++) {
		const struct process_match *match = &identity->matches[i];
		if (name && strcmp(match->name, name) != 0)
			continue;
		if (!name) {
			write_text(writing, i ? " " : "");
			write_text(writing, match->name);
			write_text(writing, ":");
		}
		write_bytes(writing, match->value, match->len);
	}
	if (!name)
		write_text(writing, "]");
}

static void write_cgroups(struct writing *writing, const struct process_identity *identity, const struct piece *piece)
{
	size_t i = 0;
	if (!piece->indexed)
		write_text(writing, "[");
	for (; identity->cgroups && identity->cgroups[i]; i++) {
		if (piece->indexed && i != piece->index)
			continue;
		if (!piece->indexed && i)
			write_text(writing, " ");
		write_text(writing, identity->cgroups[i]);
	}
	if (!piece->indexed)
		write_text(writing, "]");
}

static void write_time(struct writing *writing, double seconds)
{
	char text[64];
	struct tm broken;
	const time_t whole = (time_t)seconds;
	gmtime_r(&whole, &broken);
	strftime(text, sizeof(text), "%F %T +0000 UTC", &broken);
	write_text(writing, text);
}

static const char *exe_of(const struct process_identity *identity)
{
	return *identity->exe ? identity->exe : identity->comm;
}

static void write_base(struct writing *writing, const char *path)
{
	const char *slash = *path ? strrchr(path, '/') : NULL;
	write_text(writing, slash ? slash + 1 : path);
}

static void write_piece(struct writing *writing, const struct piece *piece, const struct process_identity *identity)
{
	char number[24];
	switch (piece->word) {
	case PROCESS_WORD_COMM:
		write_text(writing, identity->comm);
		break;
	case PROCESS_WORD_EXE_BASE:
		write_base(writing, exe_of(identity));
		break;
	case PROCESS_WORD_EXE_FULL:
		write_text(writing, exe_of(identity));
		break;
	case PROCESS_WORD_USERNAME:
		write_text(writing, identity->username);
		break;
	case PROCESS_WORD_MATCHES:
		write_matches(writing, identity, piece->text);
		break;
	case PROCESS_WORD_PID:
		snprintf(number, sizeof(number), "%u", identity->pid);
		write_text(writing, number);
		break;
	case PROCESS_WORD_START_TIME:
		write_time(writing, identity->start_seconds);
		break;
	case PROCESS_WORD_CGROUPS:
		write_cgroups(writing, identity, piece);
		break;
	case PROCESS_WORD_COUNT:
		break;
	}
}

void process_template_write(const struct process_template *template, const struct process_identity *identity,
			    char *name, size_t size)
{
	struct writing writing = {name, name + size - 1};
	for (size_t i = 0; i < template->count; i++) {
		const struct piece *piece = &template->pieces[i];
		if (piece->literal)
			write_text(&writing, piece->text);
		else
			write_piece(&writing, piece, identity);
	}
	*writing.at = '\0';
}
