#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian packages on a fresh Debian: made, checked by lintian, installed, upgraded under a running application,
# removed, purged. Run by `make check-packages`; the first run takes a minute, since it makes the Debian. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/support/tap.sh"
. "$root/tests/support/machine.sh"
for tool in debootstrap dh lintian; do
  command -v $tool >/dev/null || skip_all "no $tool (packaging/install-deps package)"
done
refusal=$(machine_refusal)
[ -z "$refusal" ] || skip_all "$refusal"

work=$(mktemp -d /dev/shm/mstat-debian-XXXXXX)
clean() {
  machine_stop
  rm -rf "$work"
}
trap clean EXIT
debs=$root/build/deb
version=$(sed -n 's/^.define MSTAT_VERSION "\(.*\)"/\1/p' "$root/include/mstat/mstat.h")
architecture=$(dpkg --print-architecture)

if [ "${MSTAT_DEBS_MADE:-0}" = 0 ]; then make -s -C "$root" DEPS=0 deb; fi >"$work/log" 2>&1
verdict $? 'make deb works' "$(tail -n 30 "$work/log")"
[ -e "$debs/mstat_${version}_$architecture.deb" ] || { finish; exit; }
lintian --no-tag-display-limit "$debs"/*.changes >"$work/log" 2>&1
grep -E '^[EW]:' "$work/log" >"$work/tags"
verdict "$([ ! -s "$work/tags" ]; echo $?)" 'lintian finds nothing' "$(cat "$work/tags")"

# A fresh Debian with what the packages ask for, kept from run to run.
fresh=$root/build/debian-fresh
wanted=$(dpkg-deb -f "$debs/mstat_${version}_$architecture.deb" Depends |
  sed 's/([^)]*)//g; s/|[^,]*//g' | tr -d ' ' | tr ',' '\n' | grep -vx libmstat0)
if [ "$(cat "$fresh/.wanted" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$fresh"
  mirror=$(sed -n 's/^URIs: *//p; s/^deb \([^[ ]*\) .*/\1/p' /etc/apt/sources.list.d/* /etc/apt/sources.list 2>/dev/null | head -n 1)
  debootstrap --variant=minbase --include="$(echo systemd-sysv dbus $wanted | tr ' ' ',')" bookworm "$fresh" \
    "${mirror:-http://deb.debian.org/debian}" >"$work/log" 2>&1 || { rm -rf "$fresh"; skip_all "no Debian could be made: $(tail -n 1 "$work/log")"; }
  echo "$wanted" >"$fresh/.wanted"
fi

lacking=$(for package in $wanted; do
  grep -qE "[ (]$package( |\\|\$)" "$root/packaging/container/Containerfile" || echo "$package"
done | grep -vxE 'systemd.*|libc6')
equal "$lacking" '' 'the container has the libraries that the package asks for'

# A program that is linked to the library of the package: adds N, then one for each line that it is given.
cat >"$work/count.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <mstat/mstat.h>
MSTAT_COUNTER(jobs, "jobs_total", "Jobs done.");
int main(int argc, char **argv)
{
	mstat_add(mstat_counter_with(&jobs), argc > 1 ? strtoul(argv[1], NULL, 10) : 1);
	for (int c; (c = getchar()) != EOF;)
		mstat_add(mstat_counter_with(&jobs), c == '\n');
	return 0;
}
C
for package in libmstat0 libmstat-dev; do dpkg-deb -x "$debs/${package}_${version}_$architecture.deb" "$work/dev"; done
libraries=$(dirname "$work"/dev/usr/lib/*/libmstat.a)
mkdir -p "$work/files/usr/local/bin" "$work/files/debs" "$work/files/etc/mstat"
gcc -I"$work/dev/usr/include" "$work/count.c" -o "$work/files/usr/local/bin/count" -L"$libraries" -lmstat >"$work/log" 2>&1
verdict $? 'a program builds with libmstat-dev' "$(cat "$work/log")"
cp "$debs"/{mstat,libmstat0}_"${version}_$architecture.deb" "$work/files/debs"
# The same packages as a later version.
for package in mstat libmstat0; do
  dpkg-deb -R "$debs/${package}_${version}_$architecture.deb" "$work/next"
  sed -i "s/^Version: .*/&+next/" "$work/next/DEBIAN/control"
  dpkg-deb -b "$work/next" "$work/files/debs/${package}_next.deb" >/dev/null
  rm -rf "$work/next"
done

if ! machine_start "$work/files" "$fresh"; then
  not_ok 'the fresh Debian boots' "$(tail -n 20 "$machine_work.log")"
  finish
  exit
fi
trap clean EXIT # machine_start has set its own
page() { machine_network curl -s --max-time 5 "http://127.0.0.1:9466/$1"; }
jobs_are() { [ "$(page metrics | sed -n 's/^jobs_total{service="count"} //p')" = "$1" ]; }
state() { machine systemctl show -P "$1" mstatd; }
installs() { machine dpkg --force-confold -i "$@" >"$work/log" 2>&1; }

# ---- install ----

installs "/debs/libmstat0_${version}_$architecture.deb" "/debs/mstat_${version}_$architecture.deb"
verdict $? 'the packages install' "$(cat "$work/log")"
equal "$(state ActiveState) $(state UnitFileState)" 'active enabled' 'the agent runs, and will after a reboot'
equal "$(machine stat -c '%a %U %G' /run/mstat) $(machine stat -f -c %T /run/mstat) $(machine systemctl is-active run-mstat.mount)" \
  '3773 mstat mstat tmpfs active' '/run/mstat is mounted'
equal "$(machine systemctl is-enabled mstatd.socket)" disabled 'the socket waits to be asked for'
page ready | grep -q '"status"'
verdict $? 'it answers' "$(page ready)"
mkfifo "$work/lines"
machine setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all count 100 <"$work/lines" &
program=$!
exec 9>"$work/lines"
await 10 jobs_are 100
verdict $? 'a program of an ordinary user is counted' "$(page metrics | grep jobs)"

# ---- upgrade ----

echo >&9
old=$(state MainPID)
# Somebody wants systemd to hold the port; the upgrade must not undo that.
machine systemctl stop mstatd
machine systemctl enable -q --now mstatd.socket
machine systemctl start mstatd
installs /debs/libmstat0_next.deb /debs/mstat_next.deb
verdict $? 'an upgrade under a running program works' "$(cat "$work/log")"
[ "$(state ActiveState)" = active ] && [ "$(state MainPID)" != "$old" ]
verdict $? 'and restarts the agent'
equal "$(machine systemctl is-active mstatd.socket) $(machine systemctl is-active run-mstat.mount)" 'active active' \
  'and nothing else'
echo >&9
await 10 jobs_are 102
verdict $? 'the program goes on, and nothing of its count is lost' "$(page metrics | grep jobs)"
machine setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all count 10 </dev/null
await 10 jobs_are 112
verdict $? 'nor of one that has ended' "$(page metrics | grep jobs)"

# ---- remove, purge ----

machine sh -c 'echo "# mine" >>/etc/mstat/mstatd.yaml'
machine dpkg -r mstat >"$work/log" 2>&1
verdict $? 'the package is removed under a running program' "$(cat "$work/log")"
machine test ! -e /usr/sbin/mstatd && machine test -e /etc/mstat/mstatd.yaml && [ "$(state ActiveState)" = inactive ]
verdict $? 'the agent is gone, its configuration is there'
equal "$(machine systemctl is-active mstatd.socket)" inactive 'nobody listens any more'
echo >&9
kill -0 $program
verdict $? 'the program does not notice'
installs "/debs/mstat_next.deb"
await 10 jobs_are 113
verdict $? 'installed again, the agent serves the old count' "$(page metrics | grep jobs) $(cat "$work/log")"
machine grep -q '^# mine' /etc/mstat/mstatd.yaml
verdict $? 'and the old configuration'
exec 9>&-
wait $program
equal $? 0 'the program ends well'
machine dpkg -P mstat >"$work/log" 2>&1
verdict $? 'the package is purged' "$(cat "$work/log")"
left=$(machine sh -c 'ls -d /etc/mstat /run/mstat /lib/systemd/system/mstatd.* /etc/systemd/system/*.wants/*mstat* \
  /var/lib/systemd/deb-systemd-helper-enabled/*mstat* 2>/dev/null')
equal "$left" '' 'and leaves nothing'
failed=$(machine systemctl --failed --no-legend --plain)
[ -z "$failed" ]
verdict $? 'no unit has failed' "$failed" "$(machine journalctl --no-pager -n 40 _PID=1)"
finish
