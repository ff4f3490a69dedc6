/* SPDX-License-Identifier: MIT */
/* prometheus-cpp as a peer, behind C functions that have the form of the harness' loops.
 *
 * Where the library is not installed, PROMETHEUS_CPP(anything) is NULL, which the harness reports as "not installed".
 */
#ifndef BENCH_PROMETHEUS_CPP_H
#define BENCH_PROMETHEUS_CPP_H

#include <stddef.h>
#include <stdint.h>

#include "label_sets.h"

#ifndef BENCH_HAVE_PROMETHEUS_CPP
#define PROMETHEUS_CPP(expression) NULL
static inline void prometheus_cpp_free(void *peer)
{
	(void)peer;
}
#else
#define PROMETHEUS_CPP(expression) (expression)

#ifdef __cplusplus
extern "C" {
#endif

/* Each _new makes a registry of its own; this frees any of them. NULL is fine. */
void prometheus_cpp_free(void *peer);

/* `count` (a power of two) counters, updated in rotation through references got once. */
void *prometheus_cpp_counters_new(size_t count);
void prometheus_cpp_counter_increment(void *peer, unsigned thread, uint64_t operations);
void prometheus_cpp_counter_add_f64(void *peer, unsigned thread, uint64_t operations);

/* One gauge. */
void *prometheus_cpp_gauge_new(void);
void prometheus_cpp_gauge_set(void *peer, unsigned thread, uint64_t operations);
void prometheus_cpp_gauge_add(void *peer, unsigned thread, uint64_t operations);

/* A histogram with the bounds that mstat has by default, and a summary with mstat's default quantiles and window; both
 * observe the values in turn. */
struct observe_values;
void *prometheus_cpp_histogram_new(const struct observe_values *values);
void prometheus_cpp_histogram_observe(void *peer, unsigned thread, uint64_t operations);
void *prometheus_cpp_summary_new(const struct observe_values *values);
void prometheus_cpp_summary_observe(void *peer, unsigned thread, uint64_t operations);

/* Family::Add(labels).Increment() over `count` (a power of two) label sets in rotation. */
void *prometheus_cpp_lookup_new(const struct label_set *sets, size_t count);
void prometheus_cpp_lookup_increment(void *peer, unsigned thread, uint64_t operations);

/* Family::Add of `count` new series. */
void prometheus_cpp_register(const struct label_set *sets, size_t count);

/* `families` families of `count` series each; one operation is one page. */
void *prometheus_cpp_page_new(const struct label_set *sets, size_t families, size_t count);
void prometheus_cpp_page_serialize(void *peer, unsigned thread, uint64_t operations);
void prometheus_cpp_page_collect_serialize(void *peer, unsigned thread, uint64_t operations);

#ifdef __cplusplus
}
#endif
#endif
#endif
