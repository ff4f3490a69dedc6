#!/bin/bash
# SPDX-License-Identifier: MIT
# Every file of the fuzzers' corpus through its target, and each target on all files of the others. Prints TAP.
# A few mutations of each file go with it: what a fuzzer would find at once is found here, by any compiler.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${MSTAT_BIN_DIR:-$root/build}
corpus=$root/tests/fuzz/corpus
work=$(mktemp -d /dev/shm/mstat-test-fuzz-XXXXXX)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0

ok() { echo "ok $((++number)) - $1"; }
# The input that a mutation made is nowhere else: it is printed (base64 -d gives it back).
not_ok() {
  echo "not ok $((++number)) - $1"
  sed 's/^/# /' "$2" | tail -n 20
  [ ! -f fuzz-finding ] || base64 fuzz-finding | sed 's/^/# finding: /'
  rm -f fuzz-finding
}

# replay TARGET NAME ARGUMENTS...: the program's own tests become ours.
replay() {
  local target=$1 name=$2
  shift 2
  if "$bin/tests/fuzz/fuzz_$target" "$@" >"$work/out" 2>&1; then
    while read -r file; do ok "$target: $name$file"; done < <(sed -n 's/^ok [0-9]* - //p' "$work/out")
  else
    not_ok "$target: $name" "$work/out"
  fi
}

for source in "$root"/tests/fuzz/fuzz_*.c; do
  target=$(basename "$source" .c)
  target=${target#fuzz_}
  if [ ! -d "$corpus/$target" ]; then
    echo "not ok $((++number)) - $target: has no corpus"
    continue
  fi
  # A server answers some thousand requests a second, not some hundred thousand.
  mutations=500
  case $target in http | host | segments | client) mutations=10 ;; esac
  replay "$target" '' --mutate=$mutations "$corpus/$target"
  # Of http only the files of its own: each takes milliseconds.
  [ "$target" = http ] || replay "$target" 'inputs of all others: ' --quiet "$corpus"
done
echo "1..$number"
