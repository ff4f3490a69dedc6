/* SPDX-License-Identifier: MIT */
/* The texts behind labels.h, and what the tables say about methods, endpoints and statuses. */
#include "labels.h"

#include <assert.h>
#include <string.h>

#define DEMO_LABEL_TEXT(domain, id, text) text,
static const char *const method_texts[] = {DEMO_METHODS(DEMO_LABEL_TEXT)};
static const char *const http_error_texts[] = {DEMO_HTTP_ERRORS(DEMO_LABEL_TEXT)};
static const char *const connection_texts[] = {DEMO_CONNECTION_STATES(DEMO_LABEL_TEXT)};
static const char *const layer_texts[] = {DEMO_CACHE_LAYERS(DEMO_LABEL_TEXT)};
static const char *const cache_type_texts[] = {DEMO_CACHE_TYPES(DEMO_LABEL_TEXT)};
static const char *const provider_texts[] = {DEMO_PROVIDERS(DEMO_LABEL_TEXT)};
static const char *const llm_error_texts[] = {DEMO_LLM_ERRORS(DEMO_LABEL_TEXT)};
static const char *const component_texts[] = {DEMO_COMPONENTS(DEMO_LABEL_TEXT)};
static const char *const result_texts[] = {DEMO_RESULTS(DEMO_LABEL_TEXT)};
static const char *const token_texts[] = {DEMO_TOKEN_TYPES(DEMO_LABEL_TEXT)};
static const char *const workflow_texts[] = {DEMO_WORKFLOWS(DEMO_LABEL_TEXT)};
static const char *const step_texts[] = {DEMO_STEPS(DEMO_LABEL_TEXT)};
static const char *const event_type_texts[] = {DEMO_EVENT_TYPES(DEMO_LABEL_TEXT)};
static const char *const pipeline_texts[] = {DEMO_PIPELINES(DEMO_LABEL_TEXT)};
static const char *const operator_texts[] = {DEMO_OPERATORS(DEMO_LABEL_TEXT)};
static const char *const drop_texts[] = {DEMO_DROP_REASONS(DEMO_LABEL_TEXT)};
static const char *const backend_texts[] = {DEMO_BACKENDS(DEMO_LABEL_TEXT)};
static const char *const state_operation_texts[] = {DEMO_STATE_OPERATIONS(DEMO_LABEL_TEXT)};
static const char *const state_error_texts[] = {DEMO_STATE_ERRORS(DEMO_LABEL_TEXT)};
static const char *const namespace_texts[] = {DEMO_NAMESPACES(DEMO_LABEL_TEXT)};

static const char *const endpoint_texts[] = {
#define DEMO_ENDPOINT(id, path, method, statuses, handler) path,
#include "endpoints.def"
#undef DEMO_ENDPOINT
	"other",
};

static const char *const status_texts[] = {
#define DEMO_STATUS(id, code, error) #code,
#include "statuses.def"
#undef DEMO_STATUS
};

static const char *const model_texts[] = {
#define DEMO_MODEL(id, name, provider, input, cached, output) name,
#include "models.def"
#undef DEMO_MODEL
};

#define DEMO_DOMAIN(texts)                                                                                             \
	{                                                                                                              \
		sizeof(texts) / sizeof((texts)[0]), texts                                                              \
	}
static const struct {
	unsigned count;
	const char *const *texts;
} domains[DOMAIN_COUNT] = {
	[DOMAIN_METHOD] = DEMO_DOMAIN(method_texts),
	[DOMAIN_HTTP_ERROR] = DEMO_DOMAIN(http_error_texts),
	[DOMAIN_CONNECTION] = DEMO_DOMAIN(connection_texts),
	[DOMAIN_LAYER] = DEMO_DOMAIN(layer_texts),
	[DOMAIN_CACHE_TYPE] = DEMO_DOMAIN(cache_type_texts),
	[DOMAIN_PROVIDER] = DEMO_DOMAIN(provider_texts),
	[DOMAIN_LLM_ERROR] = DEMO_DOMAIN(llm_error_texts),
	[DOMAIN_COMPONENT] = DEMO_DOMAIN(component_texts),
	[DOMAIN_RESULT] = DEMO_DOMAIN(result_texts),
	[DOMAIN_TOKEN] = DEMO_DOMAIN(token_texts),
	[DOMAIN_WORKFLOW] = DEMO_DOMAIN(workflow_texts),
	[DOMAIN_STEP] = DEMO_DOMAIN(step_texts),
	[DOMAIN_ENDPOINT] = DEMO_DOMAIN(endpoint_texts),
	[DOMAIN_STATUS] = DEMO_DOMAIN(status_texts),
	[DOMAIN_MODEL] = DEMO_DOMAIN(model_texts),
	[DOMAIN_EVENT_TYPE] = DEMO_DOMAIN(event_type_texts),
	[DOMAIN_PIPELINE] = DEMO_DOMAIN(pipeline_texts),
	[DOMAIN_OPERATOR] = DEMO_DOMAIN(operator_texts),
	[DOMAIN_DROP] = DEMO_DOMAIN(drop_texts),
	[DOMAIN_BACKEND] = DEMO_DOMAIN(backend_texts),
	[DOMAIN_STATE_OPERATION] = DEMO_DOMAIN(state_operation_texts),
	[DOMAIN_STATE_ERROR] = DEMO_DOMAIN(state_error_texts),
	[DOMAIN_NAMESPACE] = DEMO_DOMAIN(namespace_texts),
};

unsigned label_count(enum label_domain domain)
{
	assert(domain < DOMAIN_COUNT);
	return domains[domain].count;
}

const char *label_text(enum label_domain domain, unsigned index)
{
	assert(index < label_count(domain));
	return domains[domain].texts[index];
}

int label_find(enum label_domain domain, const char *text)
{
	for (unsigned i = 0; i < label_count(domain); i++)
		if (strcmp(domains[domain].texts[i], text) == 0)
			return (int)i;
	return -1;
}

unsigned status_code(enum http_status status)
{
	static const unsigned codes[] = {
#define DEMO_STATUS(id, code, error) code,
#include "statuses.def"
#undef DEMO_STATUS
	};
	assert(status < STATUS_COUNT);
	return codes[status];
}

int status_find(unsigned code)
{
	for (int i = 0; i < STATUS_COUNT; i++)
		if (status_code((enum http_status)i) == code)
			return i;
	return -1;
}

enum http_error status_error(enum http_status status)
{
	static const enum http_error errors[] = {
#define DEMO_STATUS(id, code, error) HTTP_ERROR_##error,
#include "statuses.def"
#undef DEMO_STATUS
	};
	assert(status < STATUS_COUNT);
	return errors[status];
}

enum provider model_provider(enum model model)
{
	static const enum provider providers[] = {
#define DEMO_MODEL(id, name, provider, input, cached, output) PROVIDER_##provider,
#include "models.def"
#undef DEMO_MODEL
	};
	assert(model < MODEL_COUNT);
	return providers[model];
}

enum pipeline event_pipeline(enum event_type type)
{
	assert(type < EVENT_COUNT);
	return type == EVENT_COMPLETION ? PIPELINE_INFERENCE : PIPELINE_REQUESTS;
}

enum method endpoint_method(enum endpoint endpoint)
{
	static const enum method methods[] = {
#define DEMO_ENDPOINT(id, path, method, statuses, handler) METHOD_##method,
#include "endpoints.def"
#undef DEMO_ENDPOINT
		METHOD_COUNT,
	};
	assert(endpoint < ENDPOINT_COUNT);
	return methods[endpoint];
}

bool answer_is_possible(enum method method, enum endpoint endpoint, enum http_status status)
{
#define S(id) (1u << STATUS_##id)
	static const unsigned statuses[] = {
#define DEMO_ENDPOINT(id, path, method, statuses, handler) statuses,
#include "endpoints.def"
#undef DEMO_ENDPOINT
		S(NOT_FOUND),
	};
	assert(endpoint < ENDPOINT_COUNT && status < STATUS_COUNT && method < METHOD_COUNT);
	if (endpoint != ENDPOINT_OTHER && method != endpoint_method(endpoint))
		return status == STATUS_METHOD_NOT_ALLOWED;
	return (statuses[endpoint] >> status) & 1;
#undef S
}
