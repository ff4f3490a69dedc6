/* SPDX-License-Identifier: MIT */
/* The load generator's counts, and their JSON. */
#include "load_report.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

struct model_totals {
	uint64_t input_tokens;
	uint64_t output_tokens;
	uint64_t cached_tokens;
	double cost_usd; /* exact: pricing.h */
};

struct report {
	pthread_mutex_t lock;
	uint64_t run;
	uint64_t seed;
	uint64_t total;
	uint64_t retries;
	uint64_t abandoned;
	uint64_t unexpected;
	uint64_t answers[METHOD_COUNT][ENDPOINT_COUNT][STATUS_COUNT];
	struct model_totals models[MODEL_COUNT];
};

struct report *report_new(uint64_t run, uint64_t seed)
{
	struct report *report = calloc(1, sizeof(*report));
	if (!report)
		return NULL;
	pthread_mutex_init(&report->lock, NULL);
	report->run = run;
	report->seed = seed;
	return report;
}

void report_free(struct report *report)
{
	if (!report)
		return;
	pthread_mutex_destroy(&report->lock);
	free(report);
}

/* Adds up what a completion says it used. */
static bool completion_count(struct report *report, const char *body)
{
	const char *name;
	json_int_t input, output, cached;
	double cost_usd;
	json_t *answer = json_loads(body, 0, NULL);
	bool valid =
		answer && json_unpack(answer, "{s:s, s:I, s:I, s:I, s:F}", "model", &name, "input_tokens", &input,
				      "output_tokens", &output, "cached_tokens", &cached, "cost_usd", &cost_usd) == 0;
	int model = valid ? label_find(DOMAIN_MODEL, name) : -1;
	if (model >= 0) {
		report->models[model].input_tokens += (uint64_t)input;
		report->models[model].output_tokens += (uint64_t)output;
		report->models[model].cached_tokens += (uint64_t)cached;
		report->models[model].cost_usd += cost_usd;
	}
	json_decref(answer);
	return model >= 0;
}

static bool answer_count(struct report *report, enum method method, enum endpoint endpoint, unsigned code,
			 const char *body)
{
	int status = status_find(code);
	if (status < 0 || !answer_is_possible(method, endpoint, (enum http_status)status))
		return false;
	report->answers[method][endpoint][status]++;
	return endpoint != ENDPOINT_LLM || status != STATUS_OK || completion_count(report, body);
}

void report_answer(struct report *report, enum method method, enum endpoint endpoint, unsigned code, const char *body)
{
	pthread_mutex_lock(&report->lock);
	report->total++;
	if (!answer_count(report, method, endpoint, code, body)) {
		report->unexpected++;
		fprintf(stderr, "demo load: unexpected answer %u to %s %s: %s\n", code,
			label_text(DOMAIN_METHOD, method), label_text(DOMAIN_ENDPOINT, endpoint), body);
	}
	pthread_mutex_unlock(&report->lock);
}

void report_retry(struct report *report)
{
	pthread_mutex_lock(&report->lock);
	report->retries++;
	pthread_mutex_unlock(&report->lock);
}

void report_abandon(struct report *report)
{
	pthread_mutex_lock(&report->lock);
	report->abandoned++;
	pthread_mutex_unlock(&report->lock);
}

bool report_is_clean(struct report *report)
{
	pthread_mutex_lock(&report->lock);
	bool clean = !report->abandoned && !report->unexpected;
	pthread_mutex_unlock(&report->lock);
	return clean;
}

static json_t *answers_json(const struct report *report)
{
	json_t *list = json_array();
	for (unsigned method = 0; method < METHOD_COUNT; method++)
		for (unsigned endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++)
			for (unsigned status = 0; status < STATUS_COUNT; status++)
				if (report->answers[method][endpoint][status])
					json_array_append_new(
						list, json_pack("{s:s, s:s, s:s, s:I}", "method",
								label_text(DOMAIN_METHOD, method), "endpoint",
								label_text(DOMAIN_ENDPOINT, endpoint), "status",
								label_text(DOMAIN_STATUS, status), "count",
								(json_int_t)report->answers[method][endpoint][status]));
	return list;
}

static json_t *models_json(const struct report *report)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < MODEL_COUNT; i++) {
		const struct model_totals *totals = &report->models[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:f}", "provider",
						      label_text(DOMAIN_PROVIDER, model_provider((enum model)i)),
						      "model", label_text(DOMAIN_MODEL, i), "input_tokens",
						      (json_int_t)totals->input_tokens, "output_tokens",
						      (json_int_t)totals->output_tokens, "cached_tokens",
						      (json_int_t)totals->cached_tokens, "cost_usd", totals->cost_usd));
	}
	return list;
}

static json_t *report_json(const struct report *report, bool finished)
{
	char run[17];
	snprintf(run, sizeof(run), "%016" PRIx64, report->run);
	return json_pack("{s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "run", run, "seed", (json_int_t)report->seed,
			 "finished", finished, "total", (json_int_t)report->total, "retries",
			 (json_int_t)report->retries, "abandoned", (json_int_t)report->abandoned, "unexpected",
			 (json_int_t)report->unexpected, "answers", answers_json(report), "llm", models_json(report));
}

int report_write(struct report *report, const char *path, bool finished)
{
	char fresh[4096];
	int error = 0;
	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.%d.new", path, (int)getpid()) >= sizeof(fresh))
		return -ENAMETOOLONG;
	pthread_mutex_lock(&report->lock);
	json_t *json = report_json(report, finished);
	pthread_mutex_unlock(&report->lock);
	if (!json)
		return -ENOMEM;
	errno = 0;
	if (json_dump_file(json, fresh, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0 || rename(fresh, path) != 0) {
		error = errno ? -errno : -EIO;
		unlink(fresh);
	}
	json_decref(json);
	return error;
}

void report_print(struct report *report, FILE *file)
{
	pthread_mutex_lock(&report->lock);
	fprintf(file,
		"load: %" PRIu64 " answers, %" PRIu64 " retries, %" PRIu64 " abandoned, %" PRIu64
		" unexpected (seed %" PRIu64 ")\n",
		report->total, report->retries, report->abandoned, report->unexpected, report->seed);
	for (unsigned method = 0; method < METHOD_COUNT; method++)
		for (unsigned endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++)
			for (unsigned status = 0; status < STATUS_COUNT; status++)
				if (report->answers[method][endpoint][status])
					fprintf(file, "load: %10" PRIu64 "  %-6s %-13s %s\n",
						report->answers[method][endpoint][status],
						label_text(DOMAIN_METHOD, method),
						label_text(DOMAIN_ENDPOINT, endpoint),
						label_text(DOMAIN_STATUS, status));
	fflush(file);
	pthread_mutex_unlock(&report->lock);
}
