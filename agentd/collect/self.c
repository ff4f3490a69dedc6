/* SPDX-License-Identifier: MIT */
/* The collector of the agent's own metrics. */
#include "self.h"

#include "collect.h"
#include "segments.h"
#include "self_process.h"

static const struct family_request build_family = {
	.name = "mstat_build_info",
	.help = "The agent's version; the value is always 1.",
	.type = METRIC_GAUGE,
};
static const struct family_request states_family = {
	.name = "mstat_segments",
	.help = "Segments by the reader's verdict.",
	.type = METRIC_GAUGE,
};
static const struct family_request refusals_family = {
	.name = "mstat_segment_refusals",
	.help = "Refused segments, and refused families and series of readable segments, by reason.",
	.type = METRIC_COUNTER,
};
static const struct family_request folded_family = {
	.name = "mstat_segments_folded",
	.help = "Segments of dead processes whose values were added to their service's totals.",
	.type = METRIC_COUNTER,
};
static const struct family_request fold_refused_family = {
	.name = "mstat_fold_refused",
	.help = "Series of dead segments whose family has another shape in their service's totals, and moved segments "
		"that "
		"could not be read.",
	.type = METRIC_COUNTER,
};
static const struct family_request expired_family = {
	.name = "mstat_services_expired",
	.help = "Services without a live process whose totals were forgotten, by age or by number.",
	.type = METRIC_COUNTER,
};
static const struct family_request read_family = {
	.name = "mstat_segment_read_bytes",
	.help = "Bytes read from segments.",
	.unit = "bytes",
	.type = METRIC_COUNTER,
};
static const struct family_request services_family = {
	.name = "mstat_services",
	.help = "Services with live processes or kept totals.",
	.type = METRIC_GAUGE,
};
static const struct family_request drops_family = {
	.name = "mstat_client_drops",
	.help = "Updates and registrations that instrumented programs could not take as asked, by reason.",
	.type = METRIC_COUNTER,
};
static const struct family_request catalog_family_request = {
	.name = "mstat_catalog_series",
	.help = "Series that the agent knows.",
	.type = METRIC_GAUGE,
};
static const struct family_request conflicts_family = {
	.name = "mstat_families_refused",
	.help = "Families and series left out of collections, by reason.",
	.type = METRIC_COUNTER,
};
static const struct family_request http_family = {
	.name = "mstat_http_requests",
	.help = "HTTP requests answered, by path and status code.",
	.type = METRIC_COUNTER,
};
static const struct family_request http_closes_family = {
	.name = "mstat_http_connections_closed",
	.help = "HTTP connections that were refused or closed, by reason.",
	.type = METRIC_COUNTER,
};
static const struct family_request log_family = {
	.name = "mstat_log_lines",
	.help = "Log lines written, by level.",
	.type = METRIC_COUNTER,
};
static const struct family_request reloads_family = {
	.name = "mstat_config_reloads",
	.help = "Reloads of the configuration, by result.",
	.type = METRIC_COUNTER,
};

/* Labels of the reasons why a client dropped something, by number; NULL where there is none. */
static const char *const drop_labels[MSTAT_SHM_REASON_MAX] = {
#define MSTAT_REASON(number, name, label, text) [number] = label,
#include <mstat/reasons.def>
#undef MSTAT_REASON
};

static void sample_one(struct builder *builder, const struct family_request *family, const char *name,
		       const char *value, uint64_t count)
{
	const struct collect_labels labels = {.names = {name}, .values = {value}};
	collect_sample(builder, family, &labels, NUMBER_U64_OF(count));
}

static void sample_segments(struct segments *segments, struct builder *builder)
{
	const struct segments_stats *stats = segments_stats(segments);
	for (int i = 0; i < SEGMENT_STATE_COUNT; i++)
		sample_one(builder, &states_family, "state", segment_state_word((enum segment_state)i),
			   stats->by_state[i]);
	for (int i = SEGMENT_REFUSED_NONE + 1; i < SEGMENT_REFUSAL_COUNT; i++)
		sample_one(builder, &refusals_family, "reason", segment_refusal_label((enum segment_refusal)i),
			   stats->refused[i]);
	for (int i = 1; i < (int)MSTAT_SHM_REASON_MAX; i++) {
		if (drop_labels[i])
			sample_one(builder, &drops_family, "reason", drop_labels[i], stats->drops[i]);
	}
	collect_sample(builder, &folded_family, NULL, NUMBER_U64_OF(stats->folded));
	collect_sample(builder, &fold_refused_family, NULL, NUMBER_U64_OF(stats->fold_refused));
	collect_sample(builder, &expired_family, NULL, NUMBER_U64_OF(stats->services_expired));
	collect_sample(builder, &read_family, NULL, NUMBER_U64_OF(stats->bytes_read));
	collect_sample(builder, &services_family, NULL, NUMBER_U64_OF(stats->services));
}

static void sample_builder(struct builder *builder)
{
	for (int i = CATALOG_OK + 1; i < CATALOG_CONFLICT_COUNT; i++)
		sample_one(builder, &conflicts_family, "reason", catalog_conflict_label((enum catalog_conflict)i),
			   builder_conflicts(builder, (enum catalog_conflict)i));
	collect_sample(builder, &catalog_family_request, NULL,
		       NUMBER_U64_OF(catalog_series_count(builder_catalog(builder))));
}

static void sample_counts(struct builder *builder, const struct family_request *family, const char *const names[2],
			  const struct self_count *counts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct collect_labels labels = {.names = {names[0], names[1]},
						      .values = {counts[i].labels[0], counts[i].labels[1]}};
		collect_sample(builder, family, &labels, NUMBER_U64_OF(counts[i].value));
	}
}

static void sample_figures(const struct self_figures *figures, struct builder *builder)
{
	static const char *const http_names[2] = {"path", "code"};
	static const char *const close_names[2] = {"reason", NULL};
	static const char *const log_names[2] = {"level", NULL};
	static const char *const reload_names[2] = {"result", NULL};
#define SELF_FIGURE(field, family_name, family_type, number, family_unit, family_help)                                 \
	collect_sample(                                                                                                \
		builder,                                                                                               \
		&(const struct family_request){                                                                        \
			.name = (family_name), .help = (family_help), .unit = (family_unit), .type = (family_type)},   \
		NULL, number(figures->field));
#include "self.def"
#undef SELF_FIGURE
	sample_counts(builder, &http_family, http_names, figures->http_responses, figures->http_response_count);
	sample_counts(builder, &http_closes_family, close_names, figures->http_closes, figures->http_close_count);
	sample_counts(builder, &log_family, log_names, figures->log_lines, figures->log_line_count);
	sample_counts(builder, &reloads_family, reload_names, figures->reloads, figures->reload_count);
}

static int collect_self(struct collector *collector, struct builder *builder)
{
	const struct self_state *state = collector->state;
	struct self_figures figures = {0};
	state->figures(state->context, &figures);
	sample_one(builder, &build_family, "version", state->version, 1);
	sample_segments(state->segments, builder);
	sample_builder(builder);
	sample_figures(&figures, builder);
	return self_process_collect(builder);
}

const struct collector_ops self_collector = {
	.name = "self",
	.help = "The agent itself.",
	.collect = collect_self,
};
