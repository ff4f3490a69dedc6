/* SPDX-License-Identifier: MIT */
/* The label values of the demo: every label has a closed domain, declared here once.
 *
 * A label that repeats what a client sent (a path, a method, a model name) would let clients make series without end.
 * Whatever is not in a domain is mapped to its last resort ("other", "_OTHER") or refused before it is counted. Closed
 * domains also give each series a small number (families.h), which the ledger needs.
 */
#ifndef DEMO_LABELS_H
#define DEMO_LABELS_H

#include <stdbool.h>

#define DEMO_METHODS(X) X(METHOD, GET, "GET") X(METHOD, POST, "POST") X(METHOD, OTHER, "_OTHER")
#define DEMO_HTTP_ERRORS(X)                                                                                            \
	X(HTTP_ERROR, NONE, "none")                                                                                    \
	X(HTTP_ERROR, INVALID_REQUEST, "invalid_request")                                                              \
	X(HTTP_ERROR, NOT_FOUND, "not_found")                                                                          \
	X(HTTP_ERROR, METHOD_NOT_ALLOWED, "method_not_allowed")                                                        \
	X(HTTP_ERROR, TOO_LARGE, "too_large")                                                                          \
	X(HTTP_ERROR, RATE_LIMIT, "rate_limit")                                                                        \
	X(HTTP_ERROR, TIMEOUT, "timeout")
#define DEMO_CONNECTION_STATES(X)                                                                                      \
	X(CONNECTION, ACTIVE, "active") X(CONNECTION, IDLE, "idle") X(CONNECTION, CLOSED, "closed")
#define DEMO_CACHE_LAYERS(X) X(LAYER, L1, "l1") X(LAYER, L2, "l2") X(LAYER, L3, "l3")
#define DEMO_CACHE_TYPES(X) X(CACHE_TYPE, LRU, "lru") X(CACHE_TYPE, LFU, "lfu") X(CACHE_TYPE, TTL, "ttl")
#define DEMO_PROVIDERS(X) X(PROVIDER, ACME, "acme") X(PROVIDER, GLOBEX, "globex") X(PROVIDER, LOCAL, "local")
#define DEMO_LLM_ERRORS(X)                                                                                             \
	X(LLM_ERROR, NONE, "none")                                                                                     \
	X(LLM_ERROR, RATE_LIMIT, "rate_limit")                                                                         \
	X(LLM_ERROR, TIMEOUT, "timeout")                                                                               \
	X(LLM_ERROR, INVALID_REQUEST, "invalid_request")
#define DEMO_COMPONENTS(X) X(COMPONENT, GATEWAY, "gateway") X(COMPONENT, PROVIDER, "provider")
#define DEMO_RESULTS(X) X(RESULT, SUCCESS, "success") X(RESULT, FAILURE, "failure") X(RESULT, SKIPPED, "skipped")
#define DEMO_TOKEN_TYPES(X) X(TOKEN, INPUT, "input") X(TOKEN, OUTPUT, "output")
#define DEMO_WORKFLOWS(X)                                                                                              \
	X(WORKFLOW, COMPLETION, "llm_completion")                                                                      \
	X(WORKFLOW, OPTIMIZATION, "parameter_optimization")                                                            \
	X(WORKFLOW, REGISTRATION, "user_registration")
#define DEMO_STEPS(X)                                                                                                  \
	X(STEP, VALIDATE, "validate")                                                                                  \
	X(STEP, CACHE_LOOKUP, "cache_lookup")                                                                          \
	X(STEP, INFERENCE, "inference")                                                                                \
	X(STEP, SEARCH, "search")                                                                                      \
	X(STEP, STORE, "store")
#define DEMO_EVENT_TYPES(X)                                                                                            \
	X(EVENT, REGISTRATION, "registration")                                                                         \
	X(EVENT, COMPLETION, "completion")                                                                             \
	X(EVENT, OPTIMIZATION, "optimization")                                                                         \
	X(EVENT, LOOKUP, "lookup")
#define DEMO_PIPELINES(X) X(PIPELINE, REQUESTS, "requests") X(PIPELINE, INFERENCE, "inference")
#define DEMO_OPERATORS(X)                                                                                              \
	X(OPERATOR, INGEST, "ingest")                                                                                  \
	X(OPERATOR, PARSE, "parse")                                                                                    \
	X(OPERATOR, ENRICH, "enrich")                                                                                  \
	X(OPERATOR, AGGREGATE, "aggregate")
#define DEMO_DROP_REASONS(X)                                                                                           \
	X(DROP, QUEUE_FULL, "queue_full")                                                                              \
	X(DROP, DUPLICATE, "duplicate")                                                                                \
	X(DROP, REFUSED, "refused")                                                                                    \
	X(DROP, STATE_ERROR, "state_error")                                                                            \
	X(DROP, LATE, "late")
#define DEMO_BACKENDS(X)                                                                                               \
	X(BACKEND, MEMORY, "memory")                                                                                   \
	X(BACKEND, REDIS, "redis") X(BACKEND, POSTGRES, "postgres") X(BACKEND, SLED, "sled")
#define DEMO_STATE_OPERATIONS(X)                                                                                       \
	X(STATE, GET, "get") X(STATE, PUT, "put") X(STATE, DELETE, "delete") X(STATE, SCAN, "scan")
#define DEMO_STATE_ERRORS(X)                                                                                           \
	X(STATE_ERROR, NONE, "none")                                                                                   \
	X(STATE_ERROR, TIMEOUT, "timeout")                                                                             \
	X(STATE_ERROR, CONNECTION, "connection")                                                                       \
	X(STATE_ERROR, SERIALIZATION, "serialization")
#define DEMO_NAMESPACES(X) X(NAMESPACE, USERS, "users") X(NAMESPACE, AGGREGATES, "aggregates")

#define DEMO_LABEL_ENUM(domain, id, text) domain##_##id,
enum method { DEMO_METHODS(DEMO_LABEL_ENUM) METHOD_COUNT };
enum http_error { DEMO_HTTP_ERRORS(DEMO_LABEL_ENUM) HTTP_ERROR_COUNT };
enum connection_state { DEMO_CONNECTION_STATES(DEMO_LABEL_ENUM) CONNECTION_COUNT };
enum cache_layer { DEMO_CACHE_LAYERS(DEMO_LABEL_ENUM) LAYER_COUNT };
enum cache_type { DEMO_CACHE_TYPES(DEMO_LABEL_ENUM) CACHE_TYPE_COUNT };
enum provider { DEMO_PROVIDERS(DEMO_LABEL_ENUM) PROVIDER_COUNT };
enum llm_error { DEMO_LLM_ERRORS(DEMO_LABEL_ENUM) LLM_ERROR_COUNT };
enum component { DEMO_COMPONENTS(DEMO_LABEL_ENUM) COMPONENT_COUNT };
enum result { DEMO_RESULTS(DEMO_LABEL_ENUM) RESULT_COUNT };
enum token_type { DEMO_TOKEN_TYPES(DEMO_LABEL_ENUM) TOKEN_COUNT };
enum workflow { DEMO_WORKFLOWS(DEMO_LABEL_ENUM) WORKFLOW_COUNT };
enum step { DEMO_STEPS(DEMO_LABEL_ENUM) STEP_COUNT };
enum event_type { DEMO_EVENT_TYPES(DEMO_LABEL_ENUM) EVENT_COUNT };
enum pipeline { DEMO_PIPELINES(DEMO_LABEL_ENUM) PIPELINE_COUNT };
enum operator_id { DEMO_OPERATORS(DEMO_LABEL_ENUM) OPERATOR_COUNT };
enum drop_reason { DEMO_DROP_REASONS(DEMO_LABEL_ENUM) DROP_COUNT };
enum backend { DEMO_BACKENDS(DEMO_LABEL_ENUM) BACKEND_COUNT };
enum state_operation { DEMO_STATE_OPERATIONS(DEMO_LABEL_ENUM) STATE_COUNT };
enum state_error { DEMO_STATE_ERRORS(DEMO_LABEL_ENUM) STATE_ERROR_COUNT };
enum state_namespace { DEMO_NAMESPACES(DEMO_LABEL_ENUM) NAMESPACE_COUNT };
#undef DEMO_LABEL_ENUM

enum endpoint {
#define DEMO_ENDPOINT(id, path, method, statuses, handler) ENDPOINT_##id,
#include "endpoints.def"
#undef DEMO_ENDPOINT
	ENDPOINT_OTHER,
	ENDPOINT_COUNT
};

enum http_status {
#define DEMO_STATUS(id, code, error) STATUS_##id,
#include "statuses.def"
#undef DEMO_STATUS
	STATUS_COUNT
};

enum model {
#define DEMO_MODEL(id, name, provider, input, cached, output) MODEL_##id,
#include "models.def"
#undef DEMO_MODEL
	MODEL_COUNT
};

/* One set of label values. */
enum label_domain {
	DOMAIN_METHOD,
	DOMAIN_HTTP_ERROR,
	DOMAIN_CONNECTION,
	DOMAIN_LAYER,
	DOMAIN_CACHE_TYPE,
	DOMAIN_PROVIDER,
	DOMAIN_LLM_ERROR,
	DOMAIN_COMPONENT,
	DOMAIN_RESULT,
	DOMAIN_TOKEN,
	DOMAIN_WORKFLOW,
	DOMAIN_STEP,
	DOMAIN_EVENT_TYPE,
	DOMAIN_PIPELINE,
	DOMAIN_OPERATOR,
	DOMAIN_DROP,
	DOMAIN_BACKEND,
	DOMAIN_STATE_OPERATION,
	DOMAIN_STATE_ERROR,
	DOMAIN_NAMESPACE,
	DOMAIN_ENDPOINT,
	DOMAIN_STATUS,
	DOMAIN_MODEL,
	DOMAIN_COUNT
};

/* Number of values of a domain. */
unsigned label_count(enum label_domain domain);

/* The text of a value; the index must be below label_count(). */
const char *label_text(enum label_domain domain, unsigned index);

/* Finds a text in a domain: its index, or -1. */
int label_find(enum label_domain domain, const char *text);

/* The status code of a status: 200, 404 ... */
unsigned status_code(enum http_status status);

/* The status with this code, or -1. */
int status_find(unsigned code);

/* The error_type that a status counts as; HTTP_ERROR_NONE for a success. */
enum http_error status_error(enum http_status status);

/* The provider of a model. */
enum provider model_provider(enum model model);

/* The pipeline of an event. */
enum pipeline event_pipeline(enum event_type type);

/* The only method of an endpoint; METHOD_COUNT for ENDPOINT_OTHER, which has none. */
enum method endpoint_method(enum endpoint endpoint);

/* Can this request get this status? Answers are asserted against it, and only possible series are registered. */
bool answer_is_possible(enum method method, enum endpoint endpoint, enum http_status status);

#endif
