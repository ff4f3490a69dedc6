/* SPDX-License-Identifier: MIT */
/* POST /api/llm {"provider", "model", "prompt", "max_tokens"}: a completion by a simulated provider.
 *
 * The workflow: validate, look the prompt up in the l1 cache (a prompt seen before is cheaper: half of its tokens are
 * cached by the provider), inference. Providers fail in bursts, as real ones do: one second out of five has most of
 * its calls fail in one way.
 */
#include "api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cache.h"
#include "pricing.h"
#include "random.h"
#include "timings.h"

#define BURST_EVERY_S 5
#define BURST_FAILS_PERCENT 60
#define CALM_FAILS_PERCENT 1
#define MAX_TOKENS_MAX 4096
#define TIME_FACTOR 4000 /* a simulated model is so much faster than it says */
#define TIMEOUT_NS 30000000000

struct call {
	enum model model;
	enum provider provider;
	const char *prompt;
	uint32_t max_tokens;
};

/* Checks the fields; returns a reason, or NULL and the call. */
static const char *call_parse(const char *provider, const char *model, const char *prompt, json_int_t max_tokens,
			      struct call *call)
{
	int provider_index = label_find(DOMAIN_PROVIDER, provider);
	int model_index = label_find(DOMAIN_MODEL, model);
	if (provider_index < 0)
		return "field provider: one of acme, globex, local";
	if (model_index < 0 || (int)model_provider((enum model)model_index) != provider_index)
		return "field model: this provider has no such model; see models.def";
	if (!prompt[0])
		return "field prompt: may not be empty";
	if (max_tokens < 1 || max_tokens > MAX_TOKENS_MAX)
		return "field max_tokens: 1 to 4096";
	*call = (struct call){(enum model)model_index, (enum provider)provider_index, prompt, (uint32_t)max_tokens};
	return NULL;
}

static enum llm_error provider_fails(uint64_t *random)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	bool burst = now.tv_sec % BURST_EVERY_S == 0;
	if (!random_percent(random, burst ? BURST_FAILS_PERCENT : CALM_FAILS_PERCENT))
		return LLM_ERROR_NONE;
	unsigned turn = burst ? (unsigned)(now.tv_sec / BURST_EVERY_S) : random_below(random, LLM_ERROR_COUNT - 1);
	return (enum llm_error)(1 + turn % (LLM_ERROR_COUNT - 1));
}

/* Sleeps a little, and claims that it was as long as a model takes: 0.4 to 2 seconds, or all of the time that a caller
 * would wait. */
static void provider_delay(const struct request *request, struct outcome *outcome, const struct call *call,
			   enum llm_error error)
{
	int64_t slept_ns = mstat_now_ns();
	long sleep_ns = 100000 + (long)random_below(request->random, 400000);
	nanosleep(&(struct timespec){0, sleep_ns}, NULL);
	slept_ns = mstat_now_ns() - slept_ns;
	int64_t claimed_ns = error == LLM_ERROR_TIMEOUT ? TIMEOUT_NS : sleep_ns * TIME_FACTOR;
	outcome->simulated_ns += claimed_ns - slept_ns;
	outcome->step_simulated_ns += claimed_ns - slept_ns;
	timing_call(call->model, claimed_ns, request->trace);
}

static void call_fail(struct outcome *outcome, const struct call *call, enum llm_error error)
{
	static const enum http_status statuses[LLM_ERROR_COUNT] = {
		[LLM_ERROR_RATE_LIMIT] = STATUS_TOO_MANY_REQUESTS,
		[LLM_ERROR_TIMEOUT] = STATUS_GATEWAY_TIMEOUT,
		[LLM_ERROR_INVALID_REQUEST] = STATUS_BAD_REQUEST,
	};
	outcome_count(outcome, FAMILY_LLM_ERRORS, call->provider, call->model, error, 1);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_LLM_REQUESTS, call->provider, call->model, RESULT_FAILURE, 1);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_ERRORS, error, COMPONENT_PROVIDER, 0, 1);
	outcome_step(outcome, STEP_INFERENCE, RESULT_FAILURE);
	outcome_workflow(outcome, WORKFLOW_COMPLETION, RESULT_FAILURE);
	outcome_refuse(outcome, statuses[error], "provider %s: %s", label_text(DOMAIN_PROVIDER, call->provider),
		       label_text(DOMAIN_LLM_ERROR, error));
}

static void tokens_count(struct outcome *outcome, const struct call *call, const struct token_use *tokens,
			 uint64_t cost)
{
	unsigned provider = call->provider, model = call->model;
	outcome_count(outcome, FAMILY_LLM_TOKENS, provider, model, 0, tokens->input + tokens->output);
	outcome_count(outcome, FAMILY_LLM_INPUT_TOKENS, provider, model, 0, tokens->input);
	outcome_count(outcome, FAMILY_LLM_OUTPUT_TOKENS, provider, model, 0, tokens->output);
	outcome_count(outcome, FAMILY_LLM_CACHED_TOKENS, provider, model, 0, tokens->cached);
	outcome_count(outcome, FAMILY_LLM_COST, provider, model, 0, cost);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_LLM_TOKENS, provider, model, TOKEN_INPUT, tokens->input);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_LLM_TOKENS, provider, model, TOKEN_OUTPUT, tokens->output);
}

static void call_succeed(struct outcome *outcome, const struct call *call, const struct token_use *tokens)
{
	uint64_t cost = pricing_cost(call->model, tokens);
	tokens_count(outcome, call, tokens, cost);
	outcome_count(outcome, FAMILY_ORCHESTRATOR_LLM_REQUESTS, call->provider, call->model, RESULT_SUCCESS, 1);
	outcome_step(outcome, STEP_INFERENCE, RESULT_SUCCESS);
	outcome_workflow(outcome, WORKFLOW_COMPLETION, RESULT_SUCCESS);
	/* 17 digits bring back the very same double. */
	outcome_answer(outcome, STATUS_OK,
		       "{\"provider\":\"%s\",\"model\":\"%s\",\"input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64
		       ",\"cached_tokens\":%" PRIu64 ",\"cost_usd\":%.17g,\"completion\":\"%.*s\"}\n",
		       label_text(DOMAIN_PROVIDER, call->provider), label_text(DOMAIN_MODEL, call->model),
		       tokens->input, tokens->output, tokens->cached, pricing_usd(cost), (int)(tokens->output % 32),
		       "so it goes, and so it goes, and so");
}

static void call_run(const struct request *request, struct outcome *outcome, const struct call *call)
{
	char key[CACHE_KEY_BYTES_MAX];
	snprintf(key, sizeof(key), "%s:%s", label_text(DOMAIN_MODEL, call->model), call->prompt);
	outcome_step(outcome, STEP_VALIDATE, RESULT_SUCCESS);
	bool hit = outcome_cache(outcome, LAYER_L1, key, 64);
	outcome_step(outcome, STEP_CACHE_LOOKUP, RESULT_SUCCESS);

	timing_prompt(call->model, call->prompt);
	enum llm_error error = provider_fails(request->random);
	provider_delay(request, outcome, call, error);
	outcome_count(outcome, FAMILY_LLM_REQUESTS, call->provider, call->model, error, 1);
	if (error != LLM_ERROR_NONE) {
		call_fail(outcome, call, error);
		return;
	}
	struct token_use tokens = {.input = (strlen(call->prompt) + 3) / 4};
	tokens.cached = hit ? tokens.input / 2 : 0;
	tokens.output = 1 + random_below(request->random, call->max_tokens);
	call_succeed(outcome, call, &tokens);
}

static void workflow_run(const struct request *request, struct outcome *outcome)
{
	json_error_t error;
	struct call call;
	const char *provider, *model, *prompt;
	json_int_t max_tokens;
	json_t *fields = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
	if (!fields || json_unpack_ex(fields, &error, 0, "{s:s, s:s, s:s, s:I !}", "provider", &provider, "model",
				      &model, "prompt", &prompt, "max_tokens", &max_tokens)) {
		workflow_refuse(outcome, WORKFLOW_COMPLETION, "body: %s (line %d, column %d)", error.text, error.line,
				error.column);
		goto out;
	}
	const char *reason = call_parse(provider, model, prompt, max_tokens, &call);
	if (reason)
		workflow_refuse(outcome, WORKFLOW_COMPLETION, "%s", reason);
	else
		call_run(request, outcome, &call);
out:
	json_decref(fields);
}

void api_llm(const struct request *request, struct outcome *outcome)
{
	mstat_gauge_inc(process_metrics.active_workflows);
	workflow_run(request, outcome);
	mstat_gauge_dec(process_metrics.active_workflows);
}
