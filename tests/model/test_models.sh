#!/bin/bash
# SPDX-License-Identifier: MIT
# Has Spin search all states of each model, and those of its broken variants until it finds the fault. Prints TAP.
#
# A line " * BROKEN NAME: what is broken" at the head of a model declares a variant: it is compiled with -DNAME, and
# the checker must refute it. A model without any passes only if the search was complete.
#
#   tests/model/test_models.sh [MODEL]...      KEEP=dir: keep the last counterexample of each there
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/mstat-models.XXXXXX")
trap 'rm -rf "$work"' EXIT
number=0

ok() { echo "ok $((++number)) - $1"; }
not_ok() { echo "not ok $((++number)) - $1" && sed 's/^/# /' "$2" | tail -n 20; }

# search MODEL VARIANT OPTIMISATION: into $work/out. The memory is bounded: a model that has grown fails, it does not
# take the machine with it.
search() {
  rm -f "$work"/pan* "$work"/*.trail
  (
    cd "$work" && ulimit -v 4000000 &&
      spin -a "-D$2" "$here/$1.pml" && gcc "$3" -w -DSAFETY -DVECTORSZ=4096 -o pan pan.c && ./pan -m100000 -w22
  ) >"$work/out" 2>&1
}

passes() {
  local name="$1: $(grep -oE '[0-9]+ states, stored' "$work/out") and no fault"
  if grep -q 'errors: 0$' "$work/out" && ! grep -qE 'not completed|too small|out of memory' "$work/out"; then
    ok "$name"
  else
    not_ok "$name" "$work/out"
  fi
}

refutes() {
  local name="$1: refuted where $2"
  if grep -qE '^pan:1: (assertion violated|invalid end state)' "$work/out"; then
    ok "$name"
    [ -z "${KEEP:-}" ] || (cd "$work" && spin -t -p "-D$3" "$here/$1.pml") >"$KEEP/$1.$3"
  else
    not_ok "$name" "$work/out"
  fi
}

if ! command -v spin >/dev/null; then
  echo '1..1'
  echo 'ok 1 - models # SKIP spin is not installed (packaging/install-deps check)'
  exit 0
fi
if [ $# -eq 0 ]; then set -- publish reuse exemplar register liveness fold; fi
for model in "$@"; do
  search "$model" AS_IT_IS -O1
  passes "$model"
  while IFS=: read -r variant what; do
    search "$model" "$variant" -O0
    refutes "$model" "${what# }" "$variant"
  done < <(sed -n 's/^ \* BROKEN \([A-Z_]*: .*\)/\1/p' "$here/$model.pml")
done
echo "1..$number"
