/* SPDX-License-Identifier: MIT */
/* The web configuration file: what its values mean. */
#include "web_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mstat/atomic.h>

#include "tls.h"
#include "web_config_exam.h"

/* All headers must fit beside the others into a connection's memory. */
#define HEADERS_BYTES_MAX 4096
#define INTERVAL_NS_MAX INT64_C(3600000000000)
#define BURST_MAX 1000000

static const struct {
	const char *name;
	const char *values;
} headers_known[] = {
#define WEB_HEADER(name, values) {name, values},
#include "web_config.def"
#undef WEB_HEADER
};

/* ---- single values ---------------------------------------------------------------------------------------------- */

/* As YAML 1.1 has it. */
int exam_take_switch(struct exam *exam, enum web_key key, bool *value)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "n", "y"};
	const char *text = exam_text(exam, key);
	if (!exam_line(exam, key))
		return 0;
	for (size_t i = 0; text && i < sizeof(words) / sizeof(*words); i++) {
		if (!strcasecmp(text, words[i])) {
			*value = i % 2;
			return 0;
		}
	}
	return exam_fail(exam, exam_line(exam, key), "%s: \"%s\": expected true or false", web_key_name(key),
			 text ? text : "");
}

static const struct {
	const char *word;
	double ns;
} units[] = {{"ns", 1}, {"us", 1e3}, {"\302\265s", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};

/* A duration as Go writes it: 1s, 1m30s, 1.5h; a number alone counts nanoseconds. */
static bool duration_parse(const char *text, double *duration_ns)
{
	double sum_ns = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits && !text[digits]) {
		*duration_ns = strtod(text, NULL);
		return true;
	}
	while (*text) {
		char *end;
		size_t unit = 0;
		digits = strspn(text, "0123456789.");
		const double number = strtod(text, &end);
		if (!digits || end != text + digits)
			return false;
		const size_t len = strcspn(end, "0123456789.");
		while (unit < sizeof(units) / sizeof(*units) &&
		       (strlen(units[unit].word) != len || strncmp(units[unit].word, end, len)))
			unit++;
		if (unit == sizeof(units) / sizeof(*units))
			return false;
		sum_ns += number * units[unit].ns;
		text = end + len;
	}
	*duration_ns = sum_ns;
	return digits;
}

static int limit_take(struct exam *exam)
{
	const char *interval = exam_text(exam, WEB_KEY_interval), *burst = exam_text(exam, WEB_KEY_burst);
	double interval_ns = 0;
	long tokens = 0;
	char *end;
	if (exam_line(exam, WEB_KEY_interval) &&
	    (!interval || !duration_parse(interval, &interval_ns) || interval_ns > (double)INTERVAL_NS_MAX))
		return exam_fail(exam, exam_line(exam, WEB_KEY_interval),
				 "interval: \"%s\": expected a duration of at most 1h, as in 100ms",
				 interval ? interval : "");
	if (exam_line(exam, WEB_KEY_burst)) {
		tokens = burst ? strtol(burst, &end, 10) : -1;
		if (tokens < 0 || *end || tokens > BURST_MAX)
			return exam_fail(exam, exam_line(exam, WEB_KEY_burst),
					 "burst: \"%s\": expected a number from 0 to %d", burst ? burst : "",
					 BURST_MAX);
	}
	if (interval_ns >= 1 && !tokens)
		return exam_fail(exam, exam_line(exam, WEB_KEY_interval),
				 "rate_limit: without a burst of 1 or more every request would be refused; set burst");
	exam->config->limit = (struct rate_limit){.interval_ns = (int64_t)interval_ns, .burst = tokens};
	return 0;
}

/* ---- headers and users ------------------------------------------------------------------------------------------ */

static const char *header_values(const char *name)
{
	for (size_t i = 0; i < sizeof(headers_known) / sizeof(*headers_known); i++)
		if (!strcmp(headers_known[i].name, name))
			return headers_known[i].values;
	return NULL;
}

static bool header_value_allowed(const char *allowed, const char *value)
{
	char wanted[64];
	const int len = snprintf(wanted, sizeof(wanted), " %s ", value);
	return !*allowed || (*value && !strchr(value, ' ') && len < (int)sizeof(wanted) && strstr(allowed, wanted));
}

static int header_check(struct exam *exam, const struct web_entry *entry)
{
	const char *allowed = header_values(entry->name);
	if (!allowed)
		return exam_fail(exam, entry->line,
				 "headers: \"%s\": may not be set; Strict-Transport-Security, X-Content-Type-Options, "
				 "X-Frame-Options, X-XSS-Protection and Content-Security-Policy may",
				 entry->name);
	if (!header_value_allowed(allowed, entry->text))
		return exam_fail(exam, entry->line, "headers: %s: \"%s\": expected one of:%s", entry->name, entry->text,
				 allowed);
	for (const char *at = entry->text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return exam_fail(exam, entry->line,
					 "headers: %s: a control character does not belong into a header; remove it",
					 entry->name);
	return 0;
}

static int headers_take(struct exam *exam)
{
	const struct web_value *value = exam_value(exam, WEB_KEY_headers);
	struct web_config *config = exam->config;
	size_t len = 0;
	config->headers = calloc(value->count + 1, sizeof(*config->headers));
	if (!config->headers)
		return -ENOMEM;
	for (size_t i = 0; i < value->count; i++) {
		const struct web_entry *entry = &value->entries[i];
		struct web_header *header = &config->headers[config->header_count];
		const int r = header_check(exam, entry);
		if (r)
			return r;
		config->header_count++;
		header->name = strdup(entry->name);
		header->value = strdup(entry->text);
		if (!header->name || !header->value)
			return -ENOMEM;
		len += strlen(entry->name) + strlen(entry->text);
	}
	if (len > HEADERS_BYTES_MAX)
		return exam_fail(exam, value->line, "headers: more than %d bytes together; shorten them",
				 HEADERS_BYTES_MAX);
	return 0;
}

static int users_take(struct exam *exam)
{
	const struct web_value *value = exam_value(exam, WEB_KEY_basic_auth_users);
	struct web_config *config = exam->config;
	unsigned cost = AUTH_COST_MIN;
	config->users = calloc(value->count + 1, sizeof(*config->users));
	if (!config->users)
		return -ENOMEM;
	for (size_t i = 0; i < value->count; i++) {
		const struct web_entry *entry = &value->entries[i];
		const char *complaint = auth_hash_complaint(entry->text);
		if (complaint)
			return exam_fail(exam, entry->line, "basic_auth_users: \"%s\": %s", entry->name, complaint);
		struct web_user *user = &config->users[config->user_count++];
		user->name = strdup(entry->name);
		user->hash = strdup(entry->text);
		if (!user->name || !user->hash)
			return -ENOMEM;
		if (auth_hash_cost(entry->text) > cost)
			cost = auth_hash_cost(entry->text);
	}
	auth_hash_decoy(cost, config->decoy_hash);
	return 0;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static int exam_take(struct exam *exam)
{
	bool http2;
	int r = exam_take_switch(exam, WEB_KEY_http2, &http2);
	if (!r)
		r = limit_take(exam);
	if (!r)
		r = headers_take(exam);
	if (!r)
		r = users_take(exam);
	return r ? r : exam_take_tls(exam);
}

int web_config_load(const char *path, struct web_stamps *stamps, struct web_config **config, char **error)
{
	struct exam exam = {.file = {.path = path}, .stamps = stamps, .error = error};
	char *text = NULL;
	size_t len = 0;
	*error = NULL;
	int r = web_stamps_read(stamps, path, &text, &len);
	if (r && r != -ENOMEM)
		exam_fail(&exam, 0, "%s; check --web.config.file",
			  r == -EINVAL ? "not a regular file of at most 1 MiB" : strerror(-r));
	if (r)
		return r;
	r = web_file_parse(path, text, len, &exam.file, error);
	explicit_bzero(text, len);
	free(text);
	if (r)
		return r;
	exam.config = calloc(1, sizeof(*exam.config));
	r = -ENOMEM;
	if (exam.config) {
		exam.config->references = 1;
		r = exam_take(&exam);
	}
	web_file_fini(&exam.file);
	if (r)
		web_config_put(exam.config);
	else
		*config = exam.config;
	return r;
}

struct web_config *web_config_get(struct web_config *config)
{
	if (config)
		mstat_add_relaxed(&config->references, 1);
	return config;
}

static void config_free(struct web_config *config)
{
	for (size_t i = 0; i < config->user_count; i++) {
		free(config->users[i].name);
		free(config->users[i].hash);
	}
	for (size_t i = 0; i < config->header_count; i++) {
		free(config->headers[i].name);
		free(config->headers[i].value);
	}
	free(config->users);
	free(config->headers);
	tls_free(config->tls);
	free(config);
}

void web_config_put(struct web_config *config)
{
	/* The release pairs with the acquire of whoever takes the last reference away. */
	if (!config || mstat_sub_release(&config->references, 1) != 1)
		return;
	mstat_fence_acquire();
	config_free(config);
}

const struct web_user *web_config_user(const struct web_config *config, const char *name)
{
	for (size_t i = 0; i < config->user_count; i++)
		if (!strcmp(config->users[i].name, name))
			return &config->users[i];
	return NULL;
}
