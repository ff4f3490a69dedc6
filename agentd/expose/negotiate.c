/* SPDX-License-Identifier: MIT */
/* Content negotiation. Grammar: RFC 9110, 5.6 and 12. */
#include "negotiate.h"

#include <string.h>
#include <strings.h>

struct text {
	const char *at;
	size_t len;
};

static bool text_is(struct text text, const char *word)
{
	return strlen(word) == text.len && (!text.len || !strncasecmp(text.at, word, text.len));
}

static struct text text_trim(struct text text)
{
	while (text.len && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* Cuts the part before the next separator off; separators within quotes are none. */
static struct text text_cut(struct text *rest, char separator)
{
	struct text part = {rest->at, 0};
	bool quoted = false;
	for (; part.len < rest->len; part.len++) {
		const char c = part.at[part.len];
		if (c == '"')
			quoted = !quoted;
		else if (c == '\\' && quoted && part.len + 1 < rest->len)
			part.len++;
		else if (c == separator && !quoted)
			break;
	}
	const size_t used = part.len + (part.len < rest->len);
	rest->at += used;
	rest->len -= used;
	return text_trim(part);
}

/* NAME=VALUE, the value perhaps in quotes. */
static struct text parameter_cut(struct text *parameters, struct text *name)
{
	struct text value = text_cut(parameters, ';');
	*name = text_cut(&value, '=');
	value = text_trim(value);
	if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"') {
		value.at++;
		value.len -= 2;
	}
	return value;
}

/* Thousandths; 0 for what is no q-value. */
static unsigned q_parse(struct text text)
{
	if (!text.len || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1') ||
	    (text.len > 1 && text.at[1] != '.'))
		return 0;
	unsigned q = text.at[0] == '1' ? 1000 : 0;
	for (unsigned i = 2, weight = 100; i < text.len; i++, weight /= 10) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return 0;
		q += (unsigned)(text.at[i] - '0') * weight;
	}
	return q <= 1000 ? q : 0;
}

/* One clause of Accept. */
struct clause {
	struct text type;
	struct text version;
	struct text proto;
	struct text encoding;
	enum escaping escaping;
	unsigned q;
};

static enum escaping escaping_find(struct text text)
{
	static const char *const words[ESCAPING_COUNT] = {
		[ESCAPING_UNDERSCORES] = "underscores",
		[ESCAPING_DOTS] = "dots",
		[ESCAPING_VALUES] = "values",
		[ESCAPING_ALLOW_UTF8] = "allow-utf-8",
	};
	for (int i = ESCAPING_NONE + 1; i < ESCAPING_COUNT; i++)
		if (text_is(text, words[i]))
			return (enum escaping)i;
	return ESCAPING_NONE;
}

static struct clause clause_parse(struct text text)
{
	struct clause clause = {.type = text_cut(&text, ';'), .q = 1000};
	while (text.len) {
		struct text name;
		const struct text value = parameter_cut(&text, &name);
		if (text_is(name, "q"))
			clause.q = q_parse(value);
		else if (text_is(name, "version"))
			clause.version = value;
		else if (text_is(name, "proto"))
			clause.proto = value;
		else if (text_is(name, "encoding"))
			clause.encoding = value;
		else if (text_is(name, "escaping"))
			clause.escaping = escaping_find(value);
	}
	return clause;
}

/* A version of a media type; "" stands for none given. */
static const struct {
	const char *type;
	const char *version;
	enum format format;
} versions[] = {
	{"text/plain", "", FORMAT_TEXT},
	{"text/plain", "0.0.4", FORMAT_TEXT},
	{"text/plain", "1.0.0", FORMAT_TEXT_1_0},
	{"application/openmetrics-text", "", FORMAT_OPENMETRICS_0_0_1},
	{"application/openmetrics-text", "0.0.1", FORMAT_OPENMETRICS_0_0_1},
	{"application/openmetrics-text", "1.0.0", FORMAT_OPENMETRICS_1_0},
	{"application/openmetrics-text", "2.0.0", FORMAT_OPENMETRICS_2_0},
};

static bool clause_format(const struct clause *clause, enum format *format)
{
	if (text_is(clause->type, "application/vnd.google.protobuf")) {
		*format = FORMAT_PROTOBUF;
		return text_is(clause->proto, "io.prometheus.client.MetricFamily") &&
		       text_is(clause->encoding, "delimited");
	}
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		if (!text_is(clause->version, versions[i].version) || !text_is(clause->type, versions[i].type))
			continue;
		*format = versions[i].format;
		return true;
	}
	return false;
}

void negotiate_accept(struct negotiation *negotiation, const char *value, size_t len)
{
	struct text rest = {value, len < NEGOTIATE_BYTES_MAX ? len : NEGOTIATE_BYTES_MAX};
	while (rest.len && negotiation->clauses++ < NEGOTIATE_CLAUSES_MAX) {
		const struct clause clause = clause_parse(text_cut(&rest, ','));
		enum format format;
		if (clause.q <= negotiation->format_q || !clause_format(&clause, &format))
			continue;
		negotiation->format = format;
		negotiation->escaping = clause.escaping;
		negotiation->format_q = clause.q;
	}
}

/* ---- encodings -------------------------------------------------------------------------------------------------- */

static void encoding_note(struct negotiation *negotiation, struct text name, unsigned q)
{
	if (text_is(name, "*")) {
		negotiation->wildcard_named = true;
		negotiation->wildcard_q = q;
	}
	if (text_is(name, "x-gzip")) /* as old as HTTP/1.0, and the same */
		name = (struct text){"gzip", 4};
	for (int i = 0; i < ENCODING_COUNT; i++) {
		if (!text_is(name, encoding_token((enum encoding)i)))
			continue;
		negotiation->encoding_named[i] = true;
		negotiation->encoding_q[i] = q;
	}
}

void negotiate_accept_encoding(struct negotiation *negotiation, const char *value, size_t len)
{
	struct text rest = {value, len < NEGOTIATE_BYTES_MAX ? len : NEGOTIATE_BYTES_MAX};
	while (rest.len && negotiation->encoding_clauses++ < NEGOTIATE_CLAUSES_MAX) {
		struct text parameters = text_cut(&rest, ',');
		const struct text name = text_cut(&parameters, ';');
		unsigned q = 1000;
		while (parameters.len) {
			struct text parameter;
			const struct text q_text = parameter_cut(&parameters, &parameter);
			if (text_is(parameter, "q"))
				q = q_parse(q_text);
		}
		encoding_note(negotiation, name, q);
	}
}

/* What is not named is as good as "*"; without that only the plain body is, and everything else is better. */
static unsigned encoding_q(const struct negotiation *negotiation, enum encoding encoding)
{
	if (negotiation->encoding_named[encoding])
		return negotiation->encoding_q[encoding];
	if (negotiation->wildcard_named)
		return negotiation->wildcard_q;
	return encoding == ENCODING_IDENTITY ? 1 : 0;
}

enum encoding negotiated_encoding(const struct negotiation *negotiation)
{
	enum encoding best = ENCODING_IDENTITY;
	unsigned best_q = encoding_q(negotiation, best);
	for (int i = ENCODING_IDENTITY + 1; i < ENCODING_COUNT; i++) {
		const unsigned q = encoding_q(negotiation, (enum encoding)i);
		if (q && q >= best_q) {
			best = (enum encoding)i;
			best_q = q;
		}
	}
	return best;
}
