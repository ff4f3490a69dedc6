/* SPDX-License-Identifier: MIT */
/* Include and exclude patterns, by PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "host_pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_hash.h"

#define EXPRESSION_BYTES_MAX 4096u
#define MATCH_STEPS_MAX 100000u /* where a bad expression would take for ever: it does not match then */
#define VERDICT_SETS_FIRST 16u
#define VERDICT_SETS_MAX 8192u
#define VERDICT_WAYS 4u

/* Verdicts by hash of the name, with the verdict in the lowest bit; 0: none. Few at first, more where there are more
 * names than fit. */
struct verdicts {
	uint64_t seed;
	size_t sets_count; /* a power of two */
	size_t dropped;    /* verdicts that had to go since it was made */
	uint64_t sets[][VERDICT_WAYS];
};

struct host_pattern {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *context;
	struct verdicts *verdicts; /* made with the first name */
};

static int pattern_prepare(struct host_pattern *pattern)
{
	pattern->match = pcre2_match_data_create(1, NULL);
	pattern->context = pcre2_match_context_create(NULL);
	if (!pattern->match || !pattern->context)
		return -ENOMEM;
	pcre2_set_match_limit(pattern->context, MATCH_STEPS_MAX);
	pcre2_set_depth_limit(pattern->context, MATCH_STEPS_MAX);
	return 0;
}

int host_pattern_new(const char *expression, struct host_pattern **pattern, char *why, size_t why_size)
{
	int code;
	PCRE2_SIZE place;
	if (strlen(expression) > EXPRESSION_BYTES_MAX) {
		snprintf(why, why_size, "expected a regular expression of at most %u bytes", EXPRESSION_BYTES_MAX);
		return -EINVAL;
	}
	struct host_pattern *fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	fresh->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
				    PCRE2_DOLLAR_ENDONLY | PCRE2_NO_UTF_CHECK, &code, &place, NULL);
	int r = fresh->code ? pattern_prepare(fresh) : -EINVAL;
	if (!fresh->code) {
		char reason[128];
		pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof(reason));
		snprintf(why, why_size, "not a regular expression: %s (at its byte %zu)", reason, place);
	}
	if (r)
		host_pattern_free(fresh);
	else
		*pattern = fresh;
	return r;
}

void host_pattern_free(struct host_pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	pcre2_match_data_free(pattern->match);
	pcre2_match_context_free(pattern->context);
	free(pattern->verdicts);
	free(pattern);
}

static bool regex_match(const struct host_pattern *pattern, const char *name)
{
	return pcre2_match(pattern->code, (PCRE2_SPTR)name, strlen(name), 0, 0, pattern->match, pattern->context) >= 0;
}

/* Makes room for verdicts, or for more of them once as many were dropped as there is room for. False: there is none. */
static bool verdicts_reserve(struct host_pattern *pattern)
{
	const struct verdicts *old = pattern->verdicts;
	if (old && (old->dropped < old->sets_count * VERDICT_WAYS || old->sets_count == VERDICT_SETS_MAX))
		return true;
	const size_t count = old ? 4 * old->sets_count : VERDICT_SETS_FIRST;
	const size_t sets_max = count < VERDICT_SETS_MAX ? count : VERDICT_SETS_MAX;
	struct verdicts *fresh = calloc(1, sizeof(*fresh) + sets_max * sizeof(fresh->sets[0]));
	if (!fresh)
		return old;
	fresh->seed = host_hash_seed();
	fresh->sets_count = sets_max;
	free(pattern->verdicts);
	pattern->verdicts = fresh;
	return true;
}

bool host_pattern_match(struct host_pattern *pattern, const char *name)
{
	if (!verdicts_reserve(pattern))
		return regex_match(pattern, name);
	uint64_t hash = host_hash_add(pattern->verdicts->seed, name) | 1;
	uint64_t *ways = pattern->verdicts->sets[hash >> 32 & (pattern->verdicts->sets_count - 1)];
	for (size_t i = 0; i < VERDICT_WAYS; i++)
		if ((ways[i] | 1) == hash && ways[i])
			return ways[i] & 1;
	/* The newest in front, the oldest out. */
	bool match = regex_match(pattern, name);
	pattern->verdicts->dropped += ways[VERDICT_WAYS - 1] != 0;
	memmove(ways + 1, ways, (VERDICT_WAYS - 1) * sizeof(*ways));
	ways[0] = match ? hash : hash & ~UINT64_C(1);
	return match;
}

/* ---- filters ---------------------------------------------------------------------------------------------------- */

static int filter_side_init(struct host_pattern **side, const char *expression)
{
	char why[256];
	return *expression ? host_pattern_new(expression, side, why, sizeof(why)) : 0;
}

int host_filter_init(struct host_filter *filter, const char *include, const char *exclude)
{
	*filter = (struct host_filter){NULL, NULL};
	int r = filter_side_init(&filter->include, include);
	if (!r)
		r = filter_side_init(&filter->exclude, exclude);
	if (r)
		host_filter_fini(filter);
	return r;
}

void host_filter_fini(struct host_filter *filter)
{
	host_pattern_free(filter->include);
	host_pattern_free(filter->exclude);
	*filter = (struct host_filter){NULL, NULL};
}

bool host_filter_takes(struct host_filter *filter, const char *name)
{
	if (filter->include && !host_pattern_match(filter->include, name))
		return false;
	return !filter->exclude || !host_pattern_match(filter->exclude, name);
}
