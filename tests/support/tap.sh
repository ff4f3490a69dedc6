# SPDX-License-Identifier: MIT
# For test scripts: TAP, skips, waiting. To be sourced.
number=0
failures=0

ok() { echo "ok $((++number)) - $1"; }
# not_ok NAME [LINE...]
not_ok() {
  echo "not ok $((++number)) - $1"
  failures=$((failures + 1))
  shift
  [ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
}
# verdict CODE NAME [LINE...]: CODE 0 is a pass
verdict() {
  local code=$1
  shift
  if [ "$code" -eq 0 ]; then ok "$1"; else not_ok "$@"; fi
}
# equal HAVE WANT NAME
equal() { if [ "$1" = "$2" ]; then ok "$3"; else not_ok "$3" "have: $1" "want: $2"; fi; }
skip() { echo "ok $((++number)) - $1 # SKIP $2"; }
# skip_all WHY: the whole script
skip_all() {
  echo "ok 1 - ${0##*/} # SKIP skipped: $1"
  echo '1..1'
  exit 0
}
finish() {
  echo "1..$number"
  [ "$failures" -eq 0 ]
}
# await SECONDS COMMAND...: until it succeeds
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}
