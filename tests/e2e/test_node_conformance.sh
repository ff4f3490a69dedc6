#!/bin/bash
# SPDX-License-Identifier: MIT
# The host collectors beside node_exporter 1.5.0: the same /proc and /sys, and what node_exporter printed for them.
#
# BOUND is the number of series that are equal; it only ever goes up. The differences are:
#   node_nfsd_requests_total    1.5.0 tells the operations 35 and 36 (SetClientID and its confirmation) as Verify and
#                               Write; ours go by the numbers of RFC 7530
# Series that only ours has do not count.
set -u
BOUND=${MSTAT_CONFORMANCE_BOUND:-2421}

root=$(cd "$(dirname "$0")/../.." && pwd)
judge=$(realpath "${MSTAT_SHARED:-$root/../shared}")/conformance
mstatd=$(realpath "${MSTAT_BIN_DIR:-$root/build}")/mstatd

echo 1..1
if [ ! -r "$judge/node/golden-1.5.0.txt" ]; then
  echo "ok 1 - host collectors against node_exporter 1.5.0 # SKIP no $judge/node; set MSTAT_SHARED"
  exit 0
fi
if ! command -v curl >/dev/null || ! command -v python3 >/dev/null; then
  echo 'ok 1 - host collectors against node_exporter 1.5.0 # SKIP curl and python3 are needed'
  exit 0
fi

work=$(mktemp -d /dev/shm/mstat-test-conformance-XXXXXX)
agent=
stop() {
  [ -z "$agent" ] || { kill "$agent" && wait "$agent"; } 2>/dev/null
  rm -rf "$work"
}
trap stop EXIT
# Some labels show paths: these are where node_exporter had its fixtures, below its working directory.
F=collector/fixtures
mkdir -p "$work/segments" "$work/$F"
tar -xzf "$judge/node/fixtures-1.5.0.tar.gz" -C "$work/$F"
cd "$work" || exit 1

"$mstatd" --help >"$work/help"
flags=()
# A collector that is not built in counts as missing series, not as a usage error.
on() { if grep -q -- "^  --$1=" "$work/help"; then flags+=("--$1${2+=$2}"); fi; }
off() { if grep -q -- "^  --$1=" "$work/help"; then flags+=("--no-$1"); fi; }

for name in arp bcache bonding btrfs buddyinfo cgroups conntrack cpu cpufreq diskstats dmi drbd edac entropy \
  fibrechannel filefd hwmon infiniband interrupts ipvs ksmd lnstat loadavg mdadm meminfo meminfo_numa mountstats netdev \
  netclass netstat nfs nfsd pressure processes qdisc rapl schedstat selinux slabinfo sockstat stat sysctl textfile \
  thermal_zone udp_queues vmstat wifi xfs zfs zoneinfo os time softnet powersupplyclass tapestats nvme; do
  on "collector.$name"
done
for name in filesystem timex uname; do off "collector.$name"; done
on collector.stat.softirq
on collector.bcache.priorityStats
on collector.textfile.directory "$F/textfile/two_metric_files"
on collector.netdev.device-include lo
on collector.arp.device-exclude nope
on collector.netclass.ignored-devices '(dmz|int)'
on collector.cpu.info.flags-include '^(aes|avx.?|constant_tsc)$'
on collector.cpu.info.bugs-include '^(cpu_meltdown|spectre_.*|mds)$'
on collector.qdisc.fixtures "$F/qdisc"
on collector.wifi.fixtures "$F/wifi"
if grep -q '^  --collector.sysctl.include=' "$work/help"; then
  flags+=(--collector.sysctl.include=kernel.threads-max --collector.sysctl.include=fs.file-nr
    --collector.sysctl.include=fs.file-nr:total,current,max
    --collector.sysctl.include-info=kernel.seccomp.actions_avail)
fi

"$mstatd" --web.listen-address=127.0.0.1:0 --segment.dir="$work/segments" --path.rootfs="$F" --path.procfs="$F/proc" \
  --path.sysfs="$F/sys" --path.udev.data="$F/udev/data" "${flags[@]}" 2>"$work/log" &
agent=$!
address=
for _ in $(seq 100); do
  address=$(sed -n 's/.*msg=listening address="\?\([0-9.:]*\)"\?.*/\1/p' "$work/log" | head -n 1)
  [ -n "$address" ] && break
  kill -0 "$agent" 2>/dev/null || break
  sleep 0.1
done
if [ -z "$address" ] || ! curl -sf "http://$address/metrics" >"$work/page"; then
  echo 'not ok 1 - host collectors against node_exporter 1.5.0: the agent does not serve'
  sed 's/^/# /' "$work/log"
  exit 1
fi
"$judge/compare-node" "$work/page" "$judge/node/golden-1.5.0.txt" >"$work/differences"
verdict=$(tail -n 1 "$work/differences")
equal=${verdict%% *}
if [ "$equal" -ge "$BOUND" ]; then
  echo "ok 1 - host collectors against node_exporter 1.5.0: $verdict"
else
  echo "not ok 1 - host collectors against node_exporter 1.5.0: $verdict, and $BOUND were equal before"
  sed 's/^/# /' "$work/differences"
fi
[ "${V:-0}" = 0 ] || sed 's/^/# /' "$work/differences"
[ "$equal" -ge "$BOUND" ]
