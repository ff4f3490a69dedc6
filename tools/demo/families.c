/* SPDX-License-Identifier: MIT */
/* The demo's families as libmstat sees them, and the arithmetic of series numbers. */
#include "families.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "pricing.h"

/* The declarations, as any program would write them. */
#define DEMO_COUNTER(id, name, unit, help, possible, domains, ...)                                                     \
	MSTAT_COUNTER_UNIT(counter_##id, name, unit, help, __VA_ARGS__);
#define DEMO_COUNTER_F64(id, name, unit, help, possible, domains, ...)                                                 \
	MSTAT_COUNTER_F64_UNIT(counter_##id, name, unit, help, __VA_ARGS__);
#define DEMO_PLAIN_COUNTER(identifier, name, unit, ...) MSTAT_COUNTER_UNIT(identifier, name, unit, __VA_ARGS__);
#define DEMO_PLAIN_GAUGE(identifier, name, unit, ...)                                                                  \
	MSTAT_GAUGE_AS(identifier, MSTAT_SUM | MSTAT_LIVE, name, unit, __VA_ARGS__);
#include "families.def"
#undef DEMO_COUNTER
#undef DEMO_COUNTER_F64
#undef DEMO_PLAIN_COUNTER
#undef DEMO_PLAIN_GAUGE

struct process_metrics process_metrics;

/* Which combinations of label values can occur; v has one index for each label. */
static bool possible_answer_is_possible(const unsigned *v)
{
	return answer_is_possible((enum method)v[0], (enum endpoint)v[1], (enum http_status)v[2]);
}

static bool possible_http_error_is_possible(const unsigned *v)
{
	for (unsigned method = 0; method < METHOD_COUNT; method++)
		for (unsigned status = 0; status < STATUS_COUNT; status++)
			if (v[0] != HTTP_ERROR_NONE && status_error((enum http_status)status) == v[0] &&
			    answer_is_possible((enum method)method, (enum endpoint)v[1], (enum http_status)status))
				return true;
	return false;
}

static bool possible_layer_has_type(const unsigned *v)
{
	return v[0] == v[1];
}

static bool possible_provider_has_model(const unsigned *v)
{
	return model_provider((enum model)v[1]) == v[0];
}

static bool possible_llm_error_is_possible(const unsigned *v)
{
	return possible_provider_has_model(v) && v[2] != LLM_ERROR_NONE;
}

static bool possible_orchestrator_call_is_possible(const unsigned *v)
{
	return possible_provider_has_model(v) && v[2] != RESULT_SKIPPED;
}

static bool possible_workflow_result_is_possible(const unsigned *v)
{
	return v[0] != RESULT_SKIPPED;
}

static bool possible_step_is_possible(const unsigned *v)
{
	if (v[0] == STEP_INFERENCE)
		return true;
	return v[1] == RESULT_SUCCESS || (v[0] == STEP_VALIDATE && v[1] == RESULT_FAILURE);
}

static bool possible_orchestrator_error_is_possible(const unsigned *v)
{
	return v[0] != LLM_ERROR_NONE && (v[1] == COMPONENT_PROVIDER || v[0] == LLM_ERROR_INVALID_REQUEST);
}

struct family_row {
	const char *name;
	bool f64;
	void *family;
	bool (*possible)(const unsigned *values);
	unsigned char domains[FAMILY_LABELS_MAX + 1]; /* enum label_domain + 1; 0 ends */
};

#define D1(a) DOMAIN_##a + 1
#define D2(a, b) D1(a), D1(b)
#define D3(a, b, c) D1(a), D1(b), D1(c)
#define DX(a, b, c, d, ...) d
#define DOMAINS(...)                                                                                                   \
	{                                                                                                              \
		DX(__VA_ARGS__, D3, D2, D1)(__VA_ARGS__)                                                               \
	}
static const struct family_row rows[FAMILY_COUNT] = {
#define DEMO_COUNTER(id, name, unit, help, possible, domains, ...)                                                     \
	[FAMILY_##id] = {name, false, &counter_##id, possible_##possible, domains},
#define DEMO_COUNTER_F64(id, name, unit, help, possible, domains, ...)                                                 \
	[FAMILY_##id] = {name, true, &counter_##id, possible_##possible, domains},
#define DEMO_PLAIN_COUNTER(...)
#define DEMO_PLAIN_GAUGE(...)
#include "families.def"
#undef DEMO_COUNTER
#undef DEMO_COUNTER_F64
#undef DEMO_PLAIN_COUNTER
#undef DEMO_PLAIN_GAUGE
};

static uint32_t first_series[FAMILY_COUNT + 1];
static union {
	mstat_counter *u64;
	mstat_counter_f64 *f64;
	struct mstat_handle *any;
} handles[SERIES_MAX];

/* Undoes series_number(). */
static const struct family_row *series_row(uint32_t series, unsigned values[FAMILY_LABELS_MAX])
{
	unsigned family = 0;
	while (series >= first_series[family + 1])
		family++;
	assert(family < FAMILY_COUNT);
	const struct family_row *row = &rows[family];
	uint32_t rest = series - first_series[family];
	for (unsigned i = 0; i < FAMILY_LABELS_MAX; i++) {
		unsigned count = row->domains[i] ? label_count((enum label_domain)(row->domains[i] - 1)) : 1;
		values[i] = rest % count;
		rest /= count;
	}
	return row;
}

/* The texts of a series' label values; returns how many. */
static unsigned series_texts(const struct family_row *row, const unsigned *values, const char **texts)
{
	unsigned count = 0;
	for (; row->domains[count]; count++)
		texts[count] = label_text((enum label_domain)(row->domains[count] - 1), values[count]);
	return count;
}

static void series_init(uint32_t series)
{
	unsigned values[FAMILY_LABELS_MAX];
	const char *texts[FAMILY_LABELS_MAX];
	const struct family_row *row = series_row(series, values);
	if (!row->possible(values))
		return;
	unsigned count = series_texts(row, values, texts);
	if (row->f64)
		handles[series].f64 = mstat_counter_f64_find(row->family, texts, count);
	else
		handles[series].u64 = mstat_counter_find(row->family, texts, count);
}

static void process_metrics_init(void)
{
	for (unsigned i = 0; i < CONNECTION_COUNT; i++) {
		const char *state = label_text(DOMAIN_CONNECTION, i);
		process_metrics.connections[i] = mstat_counter_with(&http_connections, state);
		if (i == CONNECTION_CLOSED)
			continue; /* no connection is closed and open */
		process_metrics.connections_active[i] = mstat_gauge_with(&http_connections_active, state);
		process_metrics.connections_keepalive[i] = mstat_gauge_with(&http_connections_keepalive, state);
	}
	for (unsigned i = 0; i < LAYER_COUNT; i++) {
		const char *layer = label_text(DOMAIN_LAYER, i);
		process_metrics.cache_entries[i] = mstat_gauge_with(&cache_entries, layer);
		process_metrics.cache_size[i] = mstat_gauge_with(&cache_size, layer);
		process_metrics.cache_capacity[i] = mstat_gauge_with(&cache_capacity, layer);
	}
	process_metrics.active_connections = mstat_gauge_with(&active_connections);
	process_metrics.active_threads = mstat_gauge_with(&threadpool_active_threads, "http");
	process_metrics.max_threads = mstat_gauge_with(&threadpool_max_threads, "http");
	process_metrics.active_workflows = mstat_gauge_with(&active_workflows);
}

void families_init(void)
{
	for (unsigned family = 0; family < FAMILY_COUNT; family++) {
		uint32_t count = 1;
		for (unsigned i = 0; rows[family].domains[i]; i++)
			count *= label_count((enum label_domain)(rows[family].domains[i] - 1));
		first_series[family + 1] = first_series[family] + count;
	}
	assert(series_count() <= SERIES_MAX);
	for (uint32_t series = 0; series < series_count(); series++)
		series_init(series);
	process_metrics_init();
}

uint32_t series_count(void)
{
	return first_series[FAMILY_COUNT];
}

uint32_t series_number(enum family_id family, unsigned first, unsigned second, unsigned third)
{
	const unsigned values[FAMILY_LABELS_MAX] = {first, second, third};
	uint32_t series = first_series[family];
	uint32_t weight = 1;
	for (unsigned i = 0; i < FAMILY_LABELS_MAX; i++) {
		if (!rows[family].domains[i]) {
			assert(values[i] == 0);
			continue;
		}
		unsigned count = label_count((enum label_domain)(rows[family].domains[i] - 1));
		assert(values[i] < count);
		series += values[i] * weight;
		weight *= count;
	}
	return series;
}

bool series_exists(uint32_t series)
{
	return series < series_count() && handles[series].any;
}

void series_add(uint32_t series, uint64_t units)
{
	unsigned values[FAMILY_LABELS_MAX];
	assert(series_exists(series));
	if (series_row(series, values)->f64)
		mstat_add_f64(handles[series].f64, pricing_usd(units));
	else
		mstat_add(handles[series].u64, units);
}

uint32_t series_cell_offset(uint32_t series)
{
	assert(series_exists(series));
	return handles[series].any->offset;
}

uint64_t series_units(uint32_t series, uint64_t cell)
{
	unsigned values[FAMILY_LABELS_MAX];
	double usd;
	if (!series_row(series, values)->f64)
		return cell;
	memcpy(&usd, &cell, sizeof(usd));
	return pricing_units(usd);
}

void series_print(uint32_t series, char *text, uint32_t text_bytes)
{
	unsigned values[FAMILY_LABELS_MAX];
	const char *texts[FAMILY_LABELS_MAX];
	const struct family_row *row = series_row(series, values);
	unsigned count = series_texts(row, values, texts);
	const struct mstat_family *family = row->family;
	uint32_t len = (uint32_t)snprintf(text, text_bytes, "%s{", row->name);
	for (unsigned i = 0; i < count && len < text_bytes; i++)
		len += (uint32_t)snprintf(text + len, text_bytes - len, "%s%s=\"%s\"", i ? "," : "",
					  family->label_names[i], texts[i]);
	if (len < text_bytes)
		snprintf(text + len, text_bytes - len, "}");
}
