/* SPDX-License-Identifier: MIT */
/* Requests to handlers, and what all handlers share. */
#include "api.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "timings.h"

static void answer_print(struct answer *answer, const char *format, va_list arguments)
{
	int len = vsnprintf(answer->body, sizeof(answer->body), format, arguments);
	assert(len >= 0 && (size_t)len < sizeof(answer->body));
	answer->body_len = (uint32_t)len;
}

void outcome_answer(struct outcome *outcome, enum http_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	outcome->answer.status = status;
	answer_print(&outcome->answer, format, arguments);
	va_end(arguments);
}

/* Makes a text fit for a JSON string: ASCII, and nothing that would need escaping. */
static void text_clean(char *text)
{
	for (; *text; text++) {
		if (*text == '"')
			*text = '\'';
		else if (*text < ' ' || *text > '~' || *text == '\\')
			*text = '?';
	}
}

static void refuse(struct outcome *outcome, enum http_status status, const char *format, va_list arguments)
{
	char reason[320];
	vsnprintf(reason, sizeof(reason), format, arguments);
	text_clean(reason);
	outcome_answer(outcome, status, "{\"error\":{\"type\":\"%s\",\"reason\":\"%s\"}}\n",
		       label_text(DOMAIN_HTTP_ERROR, status_error(status)), reason);
}

void outcome_refuse(struct outcome *outcome, enum http_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	refuse(outcome, status, format, arguments);
	va_end(arguments);
}

void outcome_count(struct outcome *outcome, enum family_id family, unsigned first, unsigned second, unsigned third,
		   uint64_t units)
{
	effects_add(&outcome->effects, series_number(family, first, second, third), units);
}

void outcome_step(struct outcome *outcome, enum step step, enum result result)
{
	int64_t now_ns = mstat_now_ns();
	outcome_count(outcome, FAMILY_STEPS, step, result, 0, 1);
	if (result != RESULT_SKIPPED)
		timing_step(step, now_ns - outcome->step_ns + outcome->step_simulated_ns);
	outcome->step_ns = now_ns;
	outcome->step_simulated_ns = 0;
}

void outcome_workflow(struct outcome *outcome, enum workflow workflow, enum result result)
{
	outcome_count(outcome, FAMILY_WORKFLOWS, result, workflow, 0, 1);
	timing_workflow(workflow, mstat_now_ns() - outcome->begin_ns + outcome->simulated_ns);
}

void workflow_refuse(struct outcome *outcome, enum workflow workflow, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	refuse(outcome, STATUS_BAD_REQUEST, format, arguments);
	va_end(arguments);
	outcome_step(outcome, STEP_VALIDATE, RESULT_FAILURE);
	if (workflow == WORKFLOW_COMPLETION)
		outcome_step(outcome, STEP_INFERENCE, RESULT_SKIPPED);
	outcome_workflow(outcome, workflow, RESULT_FAILURE);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_ERRORS, LLM_ERROR_INVALID_REQUEST, COMPONENT_GATEWAY, 0, 1);
}

bool outcome_cache(struct outcome *outcome, enum cache_layer layer, const char *key, uint32_t value_bytes)
{
	struct cache_result result = cache_get_or_put(layer, key, value_bytes);
	outcome_count(outcome, result.hit ? FAMILY_CACHE_HITS : FAMILY_CACHE_MISSES, layer, layer, 0, 1);
	outcome_count(outcome, FAMILY_CACHE_EVICTIONS, layer, layer, 0, result.evictions);
	outcome_count(outcome, FAMILY_CACHE_EXPIRATIONS, layer, layer, 0, result.expirations);
	return result.hit;
}

static void api_other(const struct request *request, struct outcome *outcome)
{
	(void)request;
	outcome_refuse(outcome, STATUS_NOT_FOUND,
		       "no such path; there are /api/register, /api/llm, /api/optimize, /api/cache, /health");
}

void api_health(const struct request *request, struct outcome *outcome)
{
	(void)request;
	outcome_answer(outcome, STATUS_OK, "{\"status\":\"ok\"}\n");
}

static void (*const handlers[])(const struct request *, struct outcome *) = {
#define DEMO_ENDPOINT(id, path, method, statuses, handler) handler,
#include "endpoints.def"
#undef DEMO_ENDPOINT
	api_other,
};

void api_handle(const struct request *request, struct outcome *outcome)
{
	enum method method = endpoint_method(request->endpoint);
	outcome->effects.count = 0;
	outcome->begin_ns = outcome->step_ns = mstat_now_ns();
	outcome->simulated_ns = outcome->step_simulated_ns = 0;
	if (request->endpoint == ENDPOINT_OTHER)
		api_other(request, outcome);
	else if (request->method != method)
		outcome_refuse(outcome, STATUS_METHOD_NOT_ALLOWED, "%s takes %s",
			       label_text(DOMAIN_ENDPOINT, request->endpoint), label_text(DOMAIN_METHOD, method));
	else if (request->too_large)
		outcome_refuse(outcome, STATUS_TOO_LARGE, "the body may have at most %u bytes", REQUEST_BODY_BYTES_MAX);
	else
		handlers[request->endpoint](request, outcome);

	enum http_status status = outcome->answer.status;
	assert(answer_is_possible(request->method, request->endpoint, status));
	outcome_count(outcome, FAMILY_HTTP_REQUESTS, request->method, request->endpoint, status, 1);
	if (status_error(status) != HTTP_ERROR_NONE)
		outcome_count(outcome, FAMILY_HTTP_ERRORS, status_error(status), request->endpoint, 0, 1);
	timing_request(request->method, request->endpoint, status,
		       mstat_now_ns() - outcome->begin_ns + outcome->simulated_ns, request->trace);
}
