/* SPDX-License-Identifier: MIT */
/* Histograms of durations, and the exemplars of sampled requests. */
#include "timings.h"

#include <string.h>

#include <mstat/mstat.h>

/* Models take seconds; a database and a cache that answer for one do not. */
static const struct mstat_buckets workflow_buckets = {MSTAT_BOUNDS(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120)};
static const struct mstat_buckets call_buckets = {MSTAT_BOUNDS(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)};
static const struct mstat_buckets step_buckets = {MSTAT_BOUNDS(0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 5, 10, 60)};
static const struct mstat_buckets size_buckets = {.scale = 1, MSTAT_BOUNDS(16, 64, 256, 1024, 4096, 16384)};

MSTAT_HISTOGRAM_AS(request_seconds, MSTAT_BOTH, "http_request_duration_seconds", "seconds", "Time to answer a request.",
		   "method", "endpoint", "status");
MSTAT_SUMMARY_AS(latency_seconds, 0, 0, "request_latency_seconds", "seconds",
		 "Time to answer a request, as quantiles of the last ten minutes.", "endpoint");
MSTAT_HISTOGRAM_AS(llm_seconds, MSTAT_NATIVE, "llm_request_duration_seconds", "seconds", "Time of a call of a model.",
		   "provider", "model");
MSTAT_HISTOGRAM_AS(orchestrator_llm_seconds, &call_buckets, "orchestrator_llm_request_duration_seconds", "seconds",
		   "Time of a call of a model by the orchestrator.", "provider", "model");
MSTAT_HISTOGRAM_AS(workflow_seconds, &workflow_buckets, "orchestrator_workflow_duration_seconds", "seconds",
		   "Time of a workflow.", "workflow_name");
MSTAT_HISTOGRAM_AS(step_seconds, &step_buckets, "orchestrator_step_duration_seconds", "seconds",
		   "Time of a step of a workflow.", "step_type");
MSTAT_HISTOGRAM_AS(prompt_bytes, &size_buckets, "llm_prompt_size_bytes", "bytes", "Size of prompts.", "provider",
		   "model");

static struct {
	mstat_histogram *requests[METHOD_COUNT][ENDPOINT_COUNT][STATUS_COUNT]; /* NULL: cannot be answered so */
	mstat_histogram *latencies[ENDPOINT_COUNT];
	mstat_histogram *llm[MODEL_COUNT], *orchestrator_llm[MODEL_COUNT];
	mstat_histogram *workflows[WORKFLOW_COUNT];
	mstat_histogram *steps[STEP_COUNT];
} metrics;

static const char *provider_text(unsigned model)
{
	return label_text(DOMAIN_PROVIDER, model_provider((enum model)model));
}

static void requests_init(void)
{
	for (unsigned method = 0; method < METHOD_COUNT; method++)
		for (unsigned endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++)
			for (unsigned status = 0; status < STATUS_COUNT; status++)
				if (answer_is_possible((enum method)method, (enum endpoint)endpoint,
						       (enum http_status)status))
					metrics.requests[method][endpoint][status] = mstat_histogram_with(
						&request_seconds, label_text(DOMAIN_METHOD, method),
						label_text(DOMAIN_ENDPOINT, endpoint),
						label_text(DOMAIN_STATUS, status));
}

void timings_init(void)
{
	requests_init();
	for (unsigned i = 0; i < ENDPOINT_COUNT; i++)
		metrics.latencies[i] = mstat_histogram_with(&latency_seconds, label_text(DOMAIN_ENDPOINT, i));
	for (unsigned i = 0; i < MODEL_COUNT; i++) {
		const char *model = label_text(DOMAIN_MODEL, i);
		metrics.llm[i] = mstat_histogram_with(&llm_seconds, provider_text(i), model);
		metrics.orchestrator_llm[i] = mstat_histogram_with(&orchestrator_llm_seconds, provider_text(i), model);
	}
	for (unsigned i = 0; i < WORKFLOW_COUNT; i++)
		metrics.workflows[i] = mstat_histogram_with(&workflow_seconds, label_text(DOMAIN_WORKFLOW, i));
	for (unsigned i = 0; i < STEP_COUNT; i++)
		metrics.steps[i] = mstat_histogram_with(&step_seconds, label_text(DOMAIN_STEP, i));
}

/* An observation, with its trace if that is sampled: whoever sees a slow bucket can open one that was in it. */
static void observe(mstat_histogram *histogram, int64_t ns, const struct trace *trace)
{
	if (!trace->sampled) {
		mstat_observe_ns(histogram, ns);
		return;
	}
	const struct mstat_exemplar exemplar = {.trace_id = trace->trace_id, .span_id = trace->span_id};
	mstat_observe_exemplar(histogram, ns, &exemplar);
}

void timing_request(enum method method, enum endpoint endpoint, enum http_status status, int64_t ns,
		    const struct trace *trace)
{
	observe(metrics.requests[method][endpoint][status], ns, trace);
	mstat_observe_ns(metrics.latencies[endpoint], ns);
}

void timing_call(enum model model, int64_t ns, const struct trace *trace)
{
	observe(metrics.llm[model], ns, trace);
	mstat_observe_ns(metrics.orchestrator_llm[model], ns);
}

void timing_step(enum step step, int64_t ns)
{
	mstat_observe_ns(metrics.steps[step], ns);
}

void timing_workflow(enum workflow workflow, int64_t ns)
{
	mstat_observe_ns(metrics.workflows[workflow], ns);
}

void timing_prompt(enum model model, const char *prompt)
{
	if (mstat_enabled(&prompt_bytes))
		mstat_observe(
			mstat_histogram_with(&prompt_bytes, provider_text(model), label_text(DOMAIN_MODEL, model)),
			(int64_t)strlen(prompt));
}
