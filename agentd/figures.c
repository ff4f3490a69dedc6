/* SPDX-License-Identifier: MIT */
/* The agent's own figures, gathered from its parts for the self collector. */
#include "agent_private.h"
#include "log.h"

_Static_assert(HTTP_PATH_COUNT *HTTP_CODE_COUNT <= SELF_COUNTS_MAX, "room for all paths and codes");

static const char *const code_texts[HTTP_CODE_COUNT] = {
#define HTTP_CODE(code) #code,
#include "expose/http.def"
#undef HTTP_CODE
};

/* Only what happened: most of the combinations never do. */
static void http_figures(const struct http *http, struct self_figures *figures)
{
	for (int path = 0; http && path < HTTP_PATH_COUNT; path++) {
		for (int code = 0; code < HTTP_CODE_COUNT; code++) {
			const uint64_t count = http_responses(http, (enum http_path)path, (enum http_code)code);
			if (!count)
				continue;
			figures->http_responses[figures->http_response_count++] = (struct self_count){
				.labels = {http_path_label((enum http_path)path), code_texts[code]}, .value = count};
		}
	}
	for (int i = 0; http && i < HTTP_CLOSE_COUNT; i++)
		figures->http_closes[figures->http_close_count++] =
			(struct self_count){.labels = {http_close_label((enum http_close)i)},
					    .value = http_closes(http, (enum http_close)i)};
	figures->http_connections = http ? http_connections(http) : 0;
}

void agent_figures(void *context, struct self_figures *figures)
{
	static const char *const reload_labels[RELOAD_RESULT_COUNT] = {"success", "failure"};
	const struct agent *agent = context;
	const struct page_cache_stats pages = page_cache_stats(agent->pages);
	figures->start_ns = (uint64_t)agent->start_ns;
	figures->page_renders = pages.renders;
	figures->page_shared = pages.shared;
	figures->page_bytes = pages.body_bytes;
	figures->render_ns = pages.render_ns_total;
	figures->log_lines_lost = log_lines_lost();
	figures->page_compressions = pages.compressions;
	figures->compress_ns = pages.compress_ns_total;
	http_figures(agent->http, figures);
	for (int i = 0; i < LOG_LEVEL_COUNT; i++)
		figures->log_lines[figures->log_line_count++] = (struct self_count){
			.labels = {log_level_word((enum log_level)i)}, .value = log_lines((enum log_level)i)};
	for (int i = 0; i < RELOAD_RESULT_COUNT; i++)
		figures->reloads[figures->reload_count++] = (struct self_count){
			.labels = {reload_labels[i]}, .value = mstat_load_relaxed(&agent->reloads[i])};
}
