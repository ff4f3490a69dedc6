#!/bin/bash
# SPDX-License-Identifier: MIT
# libmstat as others link it: exported symbols, size, twins for languages without inlining, C++. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${MSTAT_BIN_DIR:-$root/build}
work=$(mktemp -d /dev/shm/mstat-test-abi-XXXXXX)
trap 'rm -rf "$work"' EXIT
CC=${CC:-gcc} CXX=${CXX:-g++}
[[ $CC == *clang* && $CXX == g++ ]] && command -v clang++ >/dev/null && CXX=clang++
number=0

ok() { echo "ok $((++number)) - $1"; }
not_ok() { echo "not ok $((++number)) - $1" && shift && printf '# %s\n' "$@"; }
verdict() { if [ "$1" -eq 0 ]; then ok "$2"; else not_ok "$2" "${@:3}"; fi; }
skip() { echo "ok $((++number)) - $1 # SKIP $2"; }

# A library that is instrumented wants programs that are.
sanitize=
nm -D "$bin/libmstat.so" | grep -q __asan_ && sanitize=-fsanitize=address,undefined
nm -D "$bin/libmstat.so" | grep -q __tsan_ && sanitize=-fsanitize=thread
flags=(-Wall -Wextra -Werror -O2 $sanitize -I"$root/include")
libs=(-L"$bin" -lmstat -Wl,-rpath,"$bin")

# Runs a program in a segment directory of its own; value NAME prints what readers see.
run() { rm -rf "$work/segments" && mkdir -m 700 "$work/segments" && MSTAT_DIR=$work/segments "$@"; }
value() { "$bin/mstat" scrape --dir="$work/segments" | sed -n "s/^$1[{ ].* \(.*\)$/\1/p"; }

nm -D --defined-only "$bin/libmstat.so" | sed -n 's/.* \(mstat_[a-z0-9_]*\)@@MSTAT_0$/\1/p' | sort >"$work/have"
sed -n 's/^[[:space:]]*\(mstat_[a-z0-9_]*\);$/\1/p' "$root/libclient/libmstat.map" | sort >"$work/want"
diff "$work/want" "$work/have" >"$work/diff"
verdict $? 'library exports what its map lists, with versions' "$(cat "$work/diff")"

others=$(nm -D --defined-only "$bin/libmstat.so" | grep -vE ' (mstat_[a-z0-9_]+@@MSTAT_0|MSTAT_0)$' | grep -vE '__(asan|tsan|ubsan|odr_asan)')
[ -z "$others" ]
verdict $? 'library exports nothing else' "$others"

if [ -n "$sanitize" ]; then
  skip 'text of the library is at most 64 KiB' 'the library is instrumented'
else
  text=$(size "$bin/libmstat.so" | awk 'NR == 2 {print $1}')
  [ "$text" -le 65536 ]
  verdict $? 'text of the library is at most 64 KiB' "$text bytes"
fi

needed=$(readelf -d "$bin/libmstat.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE '^(libc|liburcu-bp|liburcu-common|ld-linux.*|libasan|libubsan|libtsan|libgcc_s|libm|libclang_rt.*)\.so' )
[ -z "$needed" ]
verdict $? 'library needs the C library and liburcu only' "$needed"

cat >"$work/twins.c" <<'C'
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <mstat/mstat.h>
#define TWIN(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(library, name))
MSTAT_COUNTER(counts, "counts", "Counts.");
MSTAT_COUNTER_F64(amounts, "amounts", "Amounts.");
MSTAT_GAUGE(level, "level", "Level.");
MSTAT_GAUGE_F64(heat, "heat", "Heat.");
MSTAT_GAUGE_AS(most, MSTAT_MAX, "most", "", "Most.");
MSTAT_GAUGE_F64_AS(least, MSTAT_MIN, "least", "", "Least.");
MSTAT_HISTOGRAM(latency, "latency_seconds", "Latency.");
static const struct mstat_buckets native = {.exponential = 1, .schema = 3};
MSTAT_HISTOGRAM_F64_AS(sizes, &native, "sizes", "", "Sizes.");
MSTAT_GAUGE_HISTOGRAM(ages, "ages", "Ages.");
MSTAT_INFO(build, "build_info", "Build.", "version");
static const char *const phases[] = {"up", "down", NULL};
MSTAT_STATE_SET(phase, phases, "phase", "Phase.");
static void others(void *library)
{
	const char *version = "1.0";
	void *mark = TWIN(void *, "mstat_gauge_find", void *, void *, size_t)(&most, NULL, 0);
	void *low = TWIN(void *, "mstat_gauge_f64_find", void *, void *, size_t)(&least, NULL, 0);
	void *histogram = TWIN(void *, "mstat_histogram_find", void *, void *, size_t)(&latency, NULL, 0);
	void *size = TWIN(void *, "mstat_histogram_f64_find", void *, void *, size_t)(&sizes, NULL, 0);
	void *age = TWIN(void *, "mstat_gauge_histogram_find", void *, void *, size_t)(&ages, NULL, 0);
	void *info = TWIN(void *, "mstat_info_find", void *, void *, size_t)(&build, &version, 1);
	void *set = TWIN(void *, "mstat_state_set_find", void *, void *, size_t)(&phase, NULL, 0);
	struct mstat_exemplar exemplar = {0, 0, 0};
	TWIN(void, "mstat_gauge_max", void *, int64_t)(mark, 7);
	TWIN(void, "mstat_gauge_max", void *, int64_t)(mark, 6);
	TWIN(void, "mstat_gauge_min", void *, int64_t)(mark, 9);
	TWIN(void, "mstat_gauge_f64_min", void *, double)(low, 1.5);
	TWIN(void, "mstat_gauge_f64_max", void *, double)(low, 0.5);
	TWIN(void, "mstat_observe", void *, int64_t)(histogram, 1000000);
	TWIN(void, "mstat_observe_ns", void *, int64_t)(histogram, 1000000);
	TWIN(void, "mstat_observe_us", void *, int64_t)(histogram, 1000);
	TWIN(void, "mstat_observe_ms", void *, int64_t)(histogram, 1);
	TWIN(void, "mstat_observe_exemplar", void *, int64_t, void *)(histogram, 1000000, &exemplar);
	TWIN(void, "mstat_observe_f64", void *, double)(size, 2.5);
	TWIN(void, "mstat_observe_f64_exemplar", void *, double, void *)(size, 2.5, &exemplar);
	TWIN(void, "mstat_gauge_histogram_add", void *, int64_t)(age, 3);
	TWIN(void, "mstat_gauge_histogram_add", void *, int64_t)(age, 4);
	TWIN(void, "mstat_gauge_histogram_remove", void *, int64_t)(age, 3);
	TWIN(void, "mstat_info_set", void *)(info);
	TWIN(void, "mstat_state_set_on", void *, unsigned int)(set, 0);
	TWIN(void, "mstat_state_set_only", void *, unsigned int)(set, 1);
	struct mstat_update update = {MSTAT_OBSERVE, histogram, {.i64 = 1000000}};
	TWIN(void, "mstat_batch", void *, size_t)(&update, 1);
	TWIN(void, "mstat_enable", void *, int)(&build, 0);
}
int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (!library)
		return 1;
	void *counter = TWIN(void *, "mstat_counter_find", void *, void *, size_t)(&counts, NULL, 0);
	void *amount = TWIN(void *, "mstat_counter_f64_find", void *, void *, size_t)(&amounts, NULL, 0);
	void *gauge = TWIN(void *, "mstat_gauge_find", void *, void *, size_t)(&level, NULL, 0);
	void *warm = TWIN(void *, "mstat_gauge_f64_find", void *, void *, size_t)(&heat, NULL, 0);
	for (int i = 0; i < 1000; i++) {
		TWIN(void, "mstat_inc", void *)(counter);
		TWIN(void, "mstat_add", void *, uint64_t)(counter, 2);
		TWIN(void, "mstat_add_f64", void *, double)(amount, 0.5);
	}
	TWIN(void, "mstat_gauge_set", void *, int64_t)(gauge, 10);
	TWIN(void, "mstat_gauge_add", void *, int64_t)(gauge, 5);
	TWIN(void, "mstat_gauge_sub", void *, int64_t)(gauge, 3);
	TWIN(void, "mstat_gauge_inc", void *)(gauge);
	TWIN(void, "mstat_gauge_inc", void *)(gauge);
	TWIN(void, "mstat_gauge_dec", void *)(gauge);
	TWIN(void, "mstat_gauge_f64_set", void *, double)(warm, 2);
	TWIN(void, "mstat_gauge_f64_add", void *, double)(warm, 1);
	TWIN(void, "mstat_gauge_f64_sub", void *, double)(warm, 0.5);
	others(library);
	/* Gauges are those of live processes: readers look while this one waits. */
	char byte = '\n';
	return write(1, &byte, 1) != 1 || read(0, &byte, 1) != 0;
}
C
if $CC -std=gnu11 "${flags[@]}" "$work/twins.c" -o "$work/twins" -ldl 2>"$work/log"; then
  rm -rf "$work/segments" && mkdir -m 700 "$work/segments"
  coproc MSTAT_DIR=$work/segments "$work/twins" "$bin/libmstat.so"
  pid=$COPROC_PID input=${COPROC[1]}
  read -r -t 60 -u "${COPROC[0]}" _
  seen="$(value counts_total) $(value amounts_total) $(value level) $(value heat)"
  shapes="$(value most) $(value least) $(value latency_seconds_count) $(value latency_seconds_sum) \
$(value sizes_count) $(value sizes_sum) $(value ages_gcount) $(value ages_gsum) $(value build_info) \
$(value phase | tr '\n' ' ')"
  eval "exec $input>&-"
  wait "$pid"
  verdict $? 'program without inlining ends well'
  [ "$seen" = '3000 500 13 2.5' ]
  verdict $? 'out-of-line twins do what the inlined functions do' "seen: $seen"
  [ "$shapes" = '7 1.5 6 0.006 2 5 1 4 1 0 1 ' ]
  verdict $? 'so do those of histograms, marks, infos and state sets' "seen: $shapes"
else
  not_ok 'program without inlining compiles' "$(cat "$work/log")"
fi

cat >"$work/plus.cc" <<'C'
#include <string>
#include <thread>
#include <mstat/mstat.h>
MSTAT_COUNTER(requests, "requests_total", "Requests.", "method", "status");
MSTAT_COUNTER_F64_UNIT(busy, "busy_seconds_total", "seconds", "Busy.");
MSTAT_GAUGE_AS(level, MSTAT_MAX, "level", "", "Level.", "n");
MSTAT_GAUGE_F64_AS(heat, MSTAT_SUM, "heat", "", "Heat.");
MSTAT_HISTOGRAM(latency, "latency_seconds", "Latency.", "method");
MSTAT_HISTOGRAM_AS(both, MSTAT_BOTH, "both_seconds", "seconds", "Both.");
MSTAT_HISTOGRAM_F64(sizes, "sizes", "Sizes.");
MSTAT_HISTOGRAM_F64_AS(natives, MSTAT_NATIVE, "natives", "", "Native.");
MSTAT_SUMMARY(waits, "waits_seconds", "Waits.");
MSTAT_SUMMARY_AS(waits_as, 0, 0, "waits_as_seconds", "seconds", "Waits.");
MSTAT_SUMMARY_F64(loads, "loads", "Loads.");
MSTAT_SUMMARY_F64_AS(loads_as, 0, MSTAT_NATIVE, "loads_as", "", "Loads.");
MSTAT_GAUGE_HISTOGRAM(ages, "ages", "Ages.");
MSTAT_GAUGE_HISTOGRAM_AS(more_ages, MSTAT_BOTH, "more_ages", "", "Ages.");
MSTAT_INFO(build, "build_info", "Build.", "version");
static const char *const phases[] = {"up", "down", nullptr};
MSTAT_STATE_SET(phase, phases, "phase", "Phase.");
static void others()
{
	const uint8_t trace[16] = {1};
	const char *const labels[] = {"user", "7", nullptr};
	struct mstat_exemplar exemplar = {trace, nullptr, labels};
	if (!mstat_enabled(&latency))
		return;
	mstat_enable(&latency.family, 1);
	{
		MSTAT_TIME(mstat_histogram_with(&latency, "GET"));
		MSTAT_TIME(mstat_histogram_with(&both));
	}
	struct mstat_timer timer = mstat_timer_start(mstat_histogram_with(&waits));
	mstat_timer_stop(&timer);
	mstat_observe_ms(mstat_histogram_with(&waits_as), 5);
	mstat_observe_exemplar(mstat_histogram_with(&latency, "GET"), 5, &exemplar);
	mstat_observe_f64(mstat_histogram_f64_with(&sizes), 0.5);
	mstat_observe_f64(mstat_histogram_f64_with(&natives), 0.5);
	mstat_observe_f64(mstat_histogram_f64_with(&loads), 0.5);
	mstat_observe_f64_exemplar(mstat_histogram_f64_with(&loads_as), 0.5, &exemplar);
	mstat_add_exemplar(mstat_counter_with(&requests, "PUT", "200"), 1, &exemplar);
	mstat_add_f64_exemplar(mstat_counter_f64_with(&busy), 0, &exemplar);
	mstat_gauge_histogram_add(mstat_gauge_histogram_with(&ages), 5);
	mstat_gauge_histogram_remove(mstat_gauge_histogram_with(&more_ages), 5);
	mstat_info_set(mstat_info_with(&build, "1.0"));
	mstat_state_set_only(mstat_state_set_with(&phase), 1);
	mstat_gauge_max(mstat_gauge_with(&level, "2"), 5);
	mstat_gauge_min(mstat_gauge_with(&level, "3"), 5);
	mstat_gauge_f64_max(mstat_gauge_f64_with(&heat), 0);
	mstat_gauge_f64_min(mstat_gauge_f64_with(&heat), 0);
	struct mstat_update updates[1] = {};
	updates[0].operation = MSTAT_OBSERVE_F64;
	updates[0].handle = mstat_histogram_f64_with(&sizes);
	updates[0].f64 = 0.25;
	mstat_batch(updates, 1);
}
int main()
{
	others();
	auto work = [] {
		mstat_counter *get = mstat_counter_with(&requests, "GET", "200");
		for (int i = 0; i < 1000; i++)
			mstat_inc(get);
		mstat_add_f64(mstat_counter_f64_with(&busy), 1.5);
	};
	std::thread first(work), second(work);
	first.join();
	second.join();
	std::string number = "1";
	mstat_gauge_set(mstat_gauge_with(&level, number.c_str()), 7);
	mstat_gauge_f64_add(mstat_gauge_f64_with(&heat), 0.5);
	return 0;
}
C
for standard in c++11 gnu++17 c++20; do
  if $CXX -std=$standard "${flags[@]}" "$work/plus.cc" -o "$work/plus" "${libs[@]}" -pthread 2>"$work/log" &&
    run "$work/plus" 2>"$work/log"; then
    seen="$(value requests_total) $(value busy_seconds_total) $(value level) $(value heat)"
    seen+=" $(value latency_seconds_count) $(value both_seconds_count) $(value sizes_sum) $(value natives_count)"
    seen=${seen//$'\n'/ }
    [ "$seen" = '2000 1 3 7 5 5 0.5 2 1 0.75 1' ]
    verdict $? "C++ program counts ($standard)" "seen: $seen"
  else
    not_ok "C++ program compiles and runs ($standard)" "$(cat "$work/log")"
  fi
done

echo "1..$number"
