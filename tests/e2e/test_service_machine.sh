#!/bin/bash
# SPDX-License-Identifier: MIT
# The agent as a service of a real systemd: start, privileges, reload, watchdog, crash and restart with totals kept,
# socket activation, applications of other users. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${MSTAT_BIN_DIR:-$root/build}
. "$root/tests/support/tap.sh"
. "$root/tests/support/machine.sh"
refusal=$(machine_refusal)
[ -z "$refusal" ] || skip_all "$refusal"
nm -D "$bin/mstatd" 2>/dev/null | grep -qE '__(asan|tsan)_' && skip_all 'the agent is instrumented'

work=$(mktemp -d /dev/shm/mstat-service-XXXXXX)
clean() {
  machine_stop
  rm -rf "$work"
}
# ---- what is installed ----

make -s -C "$root" DEPS=0 BUILD="$(realpath --relative-to="$root" "$bin")" PREFIX=/usr DESTDIR="$work/files" install >"$work/log" 2>&1 ||
  { not_ok 'make install works' "$(cat "$work/log")" && rm -rf "$work" && finish; exit; }
cat >"$work/count.c" <<'C'
#include <stdlib.h>
#include <unistd.h>
#include <mstat/mstat.h>
MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.");
/* count N [SECONDS]: adds N, then stays for so long. */
int main(int argc, char **argv)
{
	mstat_add(mstat_counter_with(&jobs), argc > 1 ? strtoul(argv[1], NULL, 10) : 1);
	sleep(argc > 2 ? (unsigned)atoi(argv[2]) : 0);
	struct mstat_status status;
	mstat_status(&status);
	return !status.exposed;
}
C
mkdir -p "$work/files/usr/local/bin" "$work/files/etc/systemd/system/mstatd.service.d" "$work/files/etc/mstat"
gcc -O2 -I"$root/include" "$work/count.c" -o "$work/files/usr/local/bin/count" "$bin/libmstat.a" -lurcu-bp ||
  { not_ok 'the program of the test compiles' && rm -rf "$work" && finish; exit; }
# So short only here: a test must not wait for half a minute. It has a fold delay that it can wait for.
printf '[Service]\nWatchdogSec=2s\nRestartSec=100ms\n' >"$work/files/etc/systemd/system/mstatd.service.d/test.conf"
printf 'segment:\n  fold-after: 0s\n' >"$work/files/etc/mstat/mstatd.yaml"

if ! machine_start "$work/files"; then
  not_ok 'a machine boots' "$(tail -n 20 "$machine_work.log")"
  clean
  finish
  exit
fi
trap clean EXIT

page() { machine curl -s --max-time 5 "http://localhost:9466/$1"; }
jobs() { page metrics | sed -n 's/^jobs_total{service="count"} //p'; }
# Jobs as they should be; a scrape may be younger than 100 ms.
jobs_are() { [ "$(jobs)" = "$1" ]; }
main_pid() { machine systemctl show -P MainPID mstatd; }
property() { machine systemctl show -P "$1" mstatd; }
as() { machine setpriv --reuid="$1" --regid="$1" --clear-groups --inh-caps=-all "${@:2}"; }

# ---- start ----

machine systemd-sysusers
machine systemctl start mstatd
verdict $? 'systemd starts the agent' "$(machine journalctl -n 20 --no-pager)"
equal "$(property ActiveState) $(property NRestarts)" 'active 0' 'the agent says that it is ready'
case $(property StatusText) in
'Serving on '*:9466*) ok 'the status says where it listens' ;;
*) not_ok 'the status says where it listens' "$(property StatusText)" ;;
esac
equal "$(machine stat -c '%a %U %G' /run/mstat) $(machine stat -f -c %T /run/mstat)" '3773 mstat mstat tmpfs' \
  '/run/mstat is a tmpfs of its own that everybody may write to and nobody list'
machine findmnt -n /run/mstat | grep -q 'noexec'
verdict $? 'it is mounted without programs and devices' "$(machine findmnt /run/mstat)"

pid=$(main_pid)
equal "$(machine sh -c "cat /proc/$pid/task/*/status" | grep -E '^(Cap|NoNewPrivs)' | tr -s '\t' ' ' | sort -u | tr '\n' ' ' |
  sed 's/CapBnd: [0-9a-f]* //')" \
  'CapAmb: 0000000000000000 CapEff: 0000000000000000 CapInh: 0000000000000000 CapPrm: 0000000000000000 NoNewPrivs: 1 ' \
  'no thread of the agent has a capability left'
equal "$(machine stat -c %U "/proc/$pid")" mstat 'it runs as its own user'
machine journalctl -o json --no-pager _SYSTEMD_UNIT=mstatd.service | grep -q '"MSTAT_ADDRESS":"127.0.0.1:9466"'
verdict $? 'the journal has fields' "$(machine journalctl -o json --no-pager _SYSTEMD_UNIT=mstatd.service | tail -n 3)"

# ---- applications ----

as 65534 count 5
verdict $? 'a program of an ordinary user writes to /run/mstat'
await 5 jobs_are 5
verdict $? 'its count is served' "$(jobs)"
as 65534 count 3 600 &
user=$!
await 5 jobs_are 8
verdict $? 'so is that of one that runs' "$(jobs)"
as 1 ls /run/mstat >/dev/null 2>&1
[ $? -ne 0 ]
verdict $? 'another user cannot list the segments'
segment=$(machine ls /run/mstat | grep '^count\.65534\.')
as 1 rm -f "/run/mstat/$segment" 2>/dev/null
as 1 cat "/run/mstat/$segment" >/dev/null 2>&1
[ $? -ne 0 ] && machine test -e "/run/mstat/$segment"
verdict $? 'nor read or remove one'
as 65534 mstat verify "/run/mstat/$segment" >/dev/null
verdict $? 'its owner can inspect it' "$(as 65534 mstat verify "/run/mstat/$segment" 2>&1)"

# ---- what the sandbox hides ----

names() { grep -v '^#' | sed 's/ [^ ]*$//' | grep -vE '^(jobs_total|process_|mstat_(segment|http|service|page))' | sort -u; }
machine sh -c 'mkdir -p -m 777 /dev/shm/plain
  setpriv --reuid=mstat --regid=mstat --clear-groups --inh-caps=-all --bounding-set=-all \
    mstatd --segment.dir=/dev/shm/plain --web.listen-address=127.0.0.1:9467 >/dev/null 2>&1 & echo $! >/run/plain.pid'
await 10 machine curl -s -o /dev/null http://127.0.0.1:9467/health
machine curl -s http://127.0.0.1:9467/metrics | names >"$work/plain"
page metrics | names >"$work/sandboxed"
machine sh -c 'kill $(cat /run/plain.pid)'
[ -s "$work/plain" ] && diff "$work/plain" "$work/sandboxed" >"$work/diff"
verdict $? 'the sandbox hides no series' "$(head -n 20 "$work/diff")"

# ---- reload, restart, crash ----

machine sh -c 'printf "segment:\n  fold-after: 0s\nlog:\n  level: debug\nweb:\n  listen-address: [\"localhost:9466\", \"127.0.0.1:9468\"]\n" >/etc/mstat/mstatd.yaml'
machine systemctl reload mstatd
machine curl -s -o /dev/null http://127.0.0.1:9468/health
verdict $? 'a reload applies the configuration' "$(machine journalctl -n 5 --no-pager -u mstatd)"
machine sh -c 'echo "nonsense: 1" >/etc/mstat/mstatd.yaml'
machine systemctl reload mstatd
await 5 eval '[[ $(property StatusText) == *"reload failed"* ]]' && jobs_are 8
verdict $? 'a wrong configuration changes nothing, and the status tells' "$(property StatusText)"
machine sh -c 'printf "segment:\n  fold-after: 0s\n" >/etc/mstat/mstatd.yaml'
machine systemctl restart mstatd
jobs_are 8
verdict $? 'a restart keeps the totals' "$(jobs)"
equal "$(property ActiveState)" active 'and the agent is ready when systemctl returns'
old=$(main_pid)
machine kill -KILL "$old"
await 10 eval '[ "$(property NRestarts)" = 1 ] && [ "$(property ActiveState)" = active ]' && jobs_are 8
verdict $? 'systemd restarts a killed agent, totals kept' "$(jobs), $(property NRestarts) restarts"

# ---- watchdog ----

sleep 4
equal "$(property NRestarts)" 1 'the watchdog leaves a living agent alone'
machine kill -STOP "$(main_pid)"
await 15 eval '[ "$(property NRestarts)" = 2 ] && [ "$(property ActiveState)" = active ]' && jobs_are 8
verdict $? 'the watchdog ends an agent that stands still, totals kept' "$(jobs), $(property NRestarts) restarts"

# ---- socket activation ----

kill $user 2>/dev/null
machine pkill -x count
wait $user 2>/dev/null
machine systemctl stop mstatd
machine systemctl start mstatd.socket
machine systemctl is-active -q mstatd && not_ok 'the socket waits alone'
jobs_are 8
verdict $? 'the first request starts the agent' "$(jobs) $(machine systemctl status --no-pager mstatd.socket mstatd.service 2>&1)"
# Requests one after the other while the agent is restarted twice: systemd holds the port.
machine sh -c 'failed=0; for i in $(seq 60); do curl -s --max-time 5 -o /dev/null http://127.0.0.1:9466/health || failed=$((failed + 1))
  sleep 0.02; done; echo $failed' >"$work/failed" &
requests=$!
machine systemctl restart mstatd
machine systemctl restart mstatd
wait $requests
# One that was on its way when the agent ended may be lost; none is refused.
[ "$(cat "$work/failed")" -le 2 ]
verdict $? 'restarts refuse no request' "$(cat "$work/failed") of 60 failed"

# ---- eBPF ----

machine sh -c 'echo "MSTATD_OPTIONS=--collector.bpf" >/etc/default/mstatd'
if machine mstatd --collector.bpf --version >/dev/null 2>&1; then
  machine systemctl restart mstatd
  running=$(page metrics | grep -cE '^mstat_bpf_feature_state\{.*running.*\} 1')
  if page metrics | grep -q '^mstat_bpf_feature_state'; then
    [ "$running" -gt 0 ]
    verdict $? 'eBPF programs are loaded within the sandbox' "$(page metrics | grep '^mstat_bpf_feature_state' | head)"
  else
    skip 'eBPF programs are loaded within the sandbox' 'skipped: the agent has no eBPF'
  fi
else
  skip 'eBPF programs are loaded within the sandbox' 'skipped: the agent has no eBPF'
fi
machine systemctl stop mstatd mstatd.socket
equal "$(property Result)" success 'the agent stops cleanly'
clean
trap - EXIT
finish
