/* SPDX-License-Identifier: MIT */
/* prometheus-cpp as a peer, used as its documentation says: families from builders, references kept by the caller. */
#include "bench_prometheus_cpp.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>
#include <prometheus/text_serializer.h>

#include "observe_values.h"

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;
using prometheus::Summary;

namespace
{

struct Peer {
	virtual ~Peer() = default;
	prometheus::Registry registry;
};

struct Counters : Peer {
	std::vector<Counter *> counters;
};

struct OneGauge : Peer {
	Gauge *gauge;
};

struct OneHistogram : Peer {
	Histogram *histogram;
	const double *values;
};

struct OneSummary : Peer {
	Summary *summary;
	const double *values;
};

struct Lookup : Peer {
	Family<Counter> *family;
	std::vector<label_set> sets;
};

struct Page : Peer {
	std::vector<prometheus::MetricFamily> collected;
};

Family<Counter> &family_add(prometheus::Registry &registry, const std::string &name)
{
	return prometheus::BuildCounter().Name(name).Help("A counter.").Register(registry);
}

/* What an application writes at the place of the update: names and values become strings there. */
Labels labels_of(const label_set &set)
{
	return {{label_names[0], set.values[0]}, {label_names[1], set.values[1]}, {label_names[2], set.values[2]}};
}

/* Uses the text, so that its making cannot be left out. */
void keep(const std::string &text)
{
	__asm__ volatile("" : : "r"(text.data()) : "memory");
}

} // namespace

void prometheus_cpp_free(void *peer)
{
	delete static_cast<Peer *>(peer);
}

/* The contexts travel as void pointers to Peer, so that prometheus_cpp_free() can free any of them. */
static void *peer_out(Peer *peer)
{
	return peer;
}

template <class Kind> static Kind *peer_in(void *peer)
{
	return static_cast<Kind *>(static_cast<Peer *>(peer));
}

void *prometheus_cpp_counters_new(size_t count)
{
	auto *peer = new Counters;
	Family<Counter> &family = family_add(peer->registry, "peer_counters_total");
	for (size_t i = 0; i < count; i++)
		peer->counters.push_back(&family.Add({{"number", std::to_string(i)}}));
	return peer_out(peer);
}

void prometheus_cpp_counter_increment(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<Counters>(context);
	Counter *const *counters = peer->counters.data();
	size_t mask = peer->counters.size() - 1;
	for (uint64_t i = 0; i < operations; i++)
		counters[i & mask]->Increment();
}

void prometheus_cpp_counter_add_f64(void *context, unsigned, uint64_t operations)
{
	Counter *counter = peer_in<Counters>(context)->counters[0];
	for (uint64_t i = 0; i < operations; i++)
		counter->Increment(1.5);
}

void *prometheus_cpp_gauge_new(void)
{
	auto *peer = new OneGauge;
	peer->gauge =
		&prometheus::BuildGauge().Name("peer_gauge").Help("A gauge.").Register(peer->registry).Add(Labels{});
	return peer_out(peer);
}

void prometheus_cpp_gauge_set(void *context, unsigned, uint64_t operations)
{
	Gauge *gauge = peer_in<OneGauge>(context)->gauge;
	for (uint64_t i = 0; i < operations; i++)
		gauge->Set(static_cast<double>(i));
}

void prometheus_cpp_gauge_add(void *context, unsigned, uint64_t operations)
{
	Gauge *gauge = peer_in<OneGauge>(context)->gauge;
	for (uint64_t i = 0; i < operations; i++)
		gauge->Increment(1);
}

void *prometheus_cpp_histogram_new(const observe_values *values)
{
	auto *peer = new OneHistogram;
	const Histogram::BucketBoundaries bounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
	auto &family =
		prometheus::BuildHistogram().Name("peer_histogram").Help("A histogram.").Register(peer->registry);
	peer->histogram = &family.Add(Labels{}, bounds);
	peer->values = values->seconds;
	return peer_out(peer);
}

void prometheus_cpp_histogram_observe(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<OneHistogram>(context);
	for (uint64_t i = 0; i < operations; i++)
		peer->histogram->Observe(peer->values[i % OBSERVE_VALUES]);
}

void *prometheus_cpp_summary_new(const observe_values *values)
{
	auto *peer = new OneSummary;
	const Summary::Quantiles quantiles{{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
	auto &family = prometheus::BuildSummary().Name("peer_summary").Help("A summary.").Register(peer->registry);
	peer->summary = &family.Add(Labels{}, quantiles, std::chrono::seconds(600), 5);
	peer->values = values->seconds;
	return peer_out(peer);
}

void prometheus_cpp_summary_observe(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<OneSummary>(context);
	for (uint64_t i = 0; i < operations; i++)
		peer->summary->Observe(peer->values[i % OBSERVE_VALUES]);
}

void *prometheus_cpp_lookup_new(const label_set *sets, size_t count)
{
	auto *peer = new Lookup;
	peer->family = &family_add(peer->registry, "peer_requests_total");
	peer->sets.assign(sets, sets + count);
	return peer_out(peer);
}

void prometheus_cpp_lookup_increment(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<Lookup>(context);
	size_t mask = peer->sets.size() - 1;
	for (uint64_t i = 0; i < operations; i++)
		peer->family->Add(labels_of(peer->sets[i & mask])).Increment();
}

void prometheus_cpp_register(const label_set *sets, size_t count)
{
	static prometheus::Registry registry;
	Family<Counter> &family = family_add(registry, "peer_requests_total");
	for (size_t i = 0; i < count; i++)
		family.Add(labels_of(sets[i]));
}

void *prometheus_cpp_page_new(const label_set *sets, size_t families, size_t count)
{
	auto *peer = new Page;
	for (size_t f = 0; f < families; f++) {
		Family<Counter> &family = family_add(peer->registry, "bench_requests_" + std::to_string(f) + "_total");
		for (size_t i = 0; i < count; i++)
			family.Add(labels_of(sets[i])).Increment(static_cast<double>(i * 977 + f));
	}
	peer->collected = peer->registry.Collect();
	return peer_out(peer);
}

void prometheus_cpp_page_serialize(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<Page>(context);
	for (uint64_t i = 0; i < operations; i++)
		keep(prometheus::TextSerializer().Serialize(peer->collected));
}

void prometheus_cpp_page_collect_serialize(void *context, unsigned, uint64_t operations)
{
	auto *peer = peer_in<Page>(context);
	for (uint64_t i = 0; i < operations; i++)
		keep(prometheus::TextSerializer().Serialize(peer->registry.Collect()));
}
