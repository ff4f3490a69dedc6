#!/bin/bash
# SPDX-License-Identifier: MIT
# Plug-ins: code with inlined increments that is unloaded while it counts elsewhere, and two copies of the library in one
# process. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${MSTAT_BIN_DIR:-$root/build}
here=$root/tests/torture
work=$(mktemp -d /dev/shm/mstat-test-plugin-XXXXXX)
trap 'rm -rf "$work"' EXIT
CC=${CC:-gcc}
number=0
rounds=2000

sanitize=
nm -D "$bin/libmstat.so" | grep -q __asan_ && sanitize=-fsanitize=address,undefined
nm -D "$bin/libmstat.so" | grep -q __tsan_ && sanitize=-fsanitize=thread
# A sanitizer keeps what was ever loaded in mind.
[ -n "$sanitize" ] && rounds=200
flags=(-std=gnu11 -O2 -g -Wall -Wextra -Werror $sanitize -I"$root/include")
shared=(-L"$bin" -lmstat -Wl,-rpath,"$bin" -ldl -lpthread)

value() { "$bin/mstat" scrape --dir="$work/segments" | awk -v name="$1" 'index($1, name) == 1 {sum += $NF} END {printf "%.0f\n", sum}'; }

# name, host, plugin, rounds, most segments
plugin_test() {
  rm -rf "$work/segments" && mkdir -m 700 "$work/segments"
  if ! want=$(MSTAT_DIR=$work/segments timeout 120 "$work/$2" "$work/$3" "$4" 2>"$work/log"); then
    echo "not ok $((++number)) - $1" && sed 's/^/# /' "$work/log"
    return
  fi
  seen="$(value hosted_total) $(value plugged_total)"
  segments=$(find "$work/segments" -type f | wc -l)
  if [ "$seen" = "$want" ] && [ "$segments" -le "$5" ]; then
    echo "ok $((++number)) - $1"
  else
    echo "not ok $((++number)) - $1" && echo "# seen $seen, not $want; $segments segments"
  fi
}

$CC "${flags[@]}" "$here/plugin_host.c" -o "$work/host" "${shared[@]}" &&
  $CC "${flags[@]}" -fPIC -shared "$here/plugin.c" -o "$work/plugin.so" "${shared[@]}" &&
  $CC "${flags[@]}" "$here/plugin_host.c" -o "$work/host_static" "$bin/libmstat.a" -lurcu-bp -ldl -lpthread &&
  $CC "${flags[@]}" -fPIC -shared -Wl,-Bsymbolic -Wl,--exclude-libs,ALL -Wl,-z,nodelete "$here/plugin.c" \
    -o "$work/plugin_static.so" "$bin/libmstat.a" -lurcu-bp ||
  { echo 'Bail out! programs do not compile' && exit 1; }

plugin_test 'plug-in that comes and goes counts exactly while the program does' host plugin.so $rounds 1
plugin_test 'plug-in with the shared library in a program with a static copy' host_static plugin.so $rounds 2
plugin_test 'plug-in with a static copy in a program with the shared library' host plugin_static.so 50 2
plugin_test 'plug-in with a static copy in a program with another static copy' host_static plugin_static.so 50 2
echo "1..$number"
