/* SPDX-License-Identifier: MIT */
/* POST /api/optimize {"parameter", "minimum", "maximum"}: golden-section search for the value of a sampling parameter
 * with the best score; the score is a smooth curve with one peak for each parameter.
 */
#include "api.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

#define ITERATIONS 24
#define GOLDEN 0.61803398874989484820

static const struct {
	const char *name;
	double peak;
} parameters[] = {
	{"temperature", 0.7},
	{"top_p", 0.9},
	{"frequency_penalty", 0.2},
};

static double score(double peak, double value)
{
	return 1 / (1 + (value - peak) * (value - peak));
}

static double search(double peak, double low, double high)
{
	for (int i = 0; i < ITERATIONS; i++) {
		double left = high - GOLDEN * (high - low);
		double right = low + GOLDEN * (high - low);
		if (score(peak, left) > score(peak, right))
			high = right;
		else
			low = left;
	}
	return (low + high) / 2;
}

static const double *parameter_peak(const char *name)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (strcmp(parameters[i].name, name) == 0)
			return &parameters[i].peak;
	return NULL;
}

void api_optimize(const struct request *request, struct outcome *outcome)
{
	json_error_t error;
	const char *name;
	double low, high;
	json_t *fields = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
	if (!fields || json_unpack_ex(fields, &error, 0, "{s:s, s:F, s:F !}", "parameter", &name, "minimum", &low,
				      "maximum", &high)) {
		workflow_refuse(outcome, WORKFLOW_OPTIMIZATION, "body: %s (line %d, column %d)", error.text, error.line,
				error.column);
		goto out;
	}
	const double *peak = parameter_peak(name);
	if (!peak) {
		workflow_refuse(outcome, WORKFLOW_OPTIMIZATION,
				"field parameter: one of temperature, top_p, frequency_penalty");
		goto out;
	}
	if (!(low >= -1000 && low < high && high <= 1000)) {
		workflow_refuse(outcome, WORKFLOW_OPTIMIZATION,
				"fields minimum, maximum: -1000 <= minimum < maximum <= 1000");
		goto out;
	}
	double best = search(*peak, low, high);
	outcome_step(outcome, STEP_VALIDATE, RESULT_SUCCESS);
	outcome_step(outcome, STEP_SEARCH, RESULT_SUCCESS);
	outcome_workflow(outcome, WORKFLOW_OPTIMIZATION, RESULT_SUCCESS);
	outcome_answer(outcome, STATUS_OK, "{\"parameter\":\"%s\",\"value\":%.6f,\"score\":%.6f,\"iterations\":%d}\n",
		       name, best, score(*peak, best), ITERATIONS);
out:
	json_decref(fields);
}
