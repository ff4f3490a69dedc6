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
  eval "exec $input>&-"
  wait "$pid"
  verdict $? 'program without inlining ends well'
  [ "$seen" = '3000 500 13 2.5' ]
  verdict $? 'out-of-line twins do what the inlined functions do' "seen: $seen"
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
int main()
{
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
    [ "$seen" = '2000 3 7 0.5' ]
    verdict $? "C++ program counts ($standard)" "seen: $seen"
  else
    not_ok "C++ program compiles and runs ($standard)" "$(cat "$work/log")"
  fi
done

echo "1..$number"
