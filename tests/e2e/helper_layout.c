/* SPDX-License-Identifier: MIT */
/* Prints sizes and offsets of what programs compile into themselves: see tests/e2e/test_packages.sh. */
#include <stddef.h>
#include <stdio.h>

#include <mstat/mstat.h>

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("  %s %zu %zu\n", #field, offsetof(type, field), sizeof(((type *)0)->field))

int main(void)
{
	SIZE(struct mstat_family);
	FIELD(struct mstat_family, name);
	FIELD(struct mstat_family, help);
	FIELD(struct mstat_family, unit);
	FIELD(struct mstat_family, kind);
	FIELD(struct mstat_family, value);
	FIELD(struct mstat_family, merge);
	FIELD(struct mstat_family, series_limit);
	FIELD(struct mstat_family, ttl_s);
	FIELD(struct mstat_family, disabled);
	FIELD(struct mstat_family, buckets);
	FIELD(struct mstat_family, quantiles);
	FIELD(struct mstat_family, states);
	FIELD(struct mstat_family, label_names);
	FIELD(struct mstat_family, state);
	SIZE(struct mstat_buckets);
	FIELD(struct mstat_buckets, scale);
	FIELD(struct mstat_buckets, bound_count);
	FIELD(struct mstat_buckets, exponential);
	FIELD(struct mstat_buckets, schema);
	FIELD(struct mstat_buckets, negative);
	FIELD(struct mstat_buckets, min);
	FIELD(struct mstat_buckets, max);
	FIELD(struct mstat_buckets, bounds);
	SIZE(struct mstat_quantiles);
	FIELD(struct mstat_quantiles, window_s);
	FIELD(struct mstat_quantiles, count);
	FIELD(struct mstat_quantiles, quantiles);
	SIZE(struct mstat_exemplar);
	FIELD(struct mstat_exemplar, trace_id);
	FIELD(struct mstat_exemplar, span_id);
	FIELD(struct mstat_exemplar, labels);
	SIZE(struct mstat_update);
	FIELD(struct mstat_update, operation);
	FIELD(struct mstat_update, handle);
	FIELD(struct mstat_update, u64);
	SIZE(struct mstat_options);
	FIELD(struct mstat_options, size);
	FIELD(struct mstat_options, service);
	FIELD(struct mstat_options, version);
	FIELD(struct mstat_options, directory);
	FIELD(struct mstat_options, series_max);
	SIZE(struct mstat_status);
	FIELD(struct mstat_status, reason);
	FIELD(struct mstat_status, exposed);
	FIELD(struct mstat_status, path);
	/* The inlined hot path goes through these. */
	SIZE(struct mstat_hot);
	FIELD(struct mstat_hot, rseq_offset);
	FIELD(struct mstat_hot, rows);
	SIZE(struct mstat_handle);
	SIZE(mstat_counter);
	SIZE(mstat_counter_f64);
	SIZE(mstat_gauge);
	SIZE(mstat_gauge_f64);
	SIZE(mstat_histogram);
	SIZE(mstat_histogram_f64);
	SIZE(mstat_gauge_histogram);
	SIZE(mstat_info);
	SIZE(mstat_state_set);
	return 0;
}
