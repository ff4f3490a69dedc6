#!/bin/bash
# SPDX-License-Identifier: MIT
# What is installed: a program built against it, the library's ABI, units and their sandbox, users and directories,
# manual pages, completions, Kubernetes. The Debian packages themselves are in tests/packages. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${MSTAT_BIN_DIR:-$root/build}
. "$root/tests/support/tap.sh"
work=$(mktemp -d /dev/shm/mstat-packages-XXXXXX)
trap 'rm -rf "$work"' EXIT
has() { command -v "$1" >/dev/null; }
sanitized=
nm -D "$bin/libmstat.so" 2>/dev/null | grep -qE '__(asan|tsan)_' && sanitized=yes

install_to() { make -s -C "$root" DEPS=0 BUILD="$(realpath --relative-to="$root" "$bin")" "$@" install >"$work/log" 2>&1; }

# ---- installation ----

dest=$work/usr
if ! install_to PREFIX=/usr DESTDIR="$dest"; then
  not_ok 'make install with a DESTDIR works' "$(cat "$work/log")"
  finish
  exit
fi
ok 'make install with a DESTDIR works'
find "$dest" -type f -o -type l | sed "s|$dest||" | sort >"$work/files"
missing=$(for file in /usr/sbin/mstatd /usr/bin/mstat /usr/lib/libmstat.so /usr/lib/libmstat.so.0 /usr/lib/libmstat.so.0.1.0 \
  /usr/lib/libmstat.a /usr/include/mstat/mstat.h /usr/lib/pkgconfig/mstat.pc /usr/lib/systemd/system/mstatd.service \
  /usr/lib/systemd/system/mstatd.socket /usr/lib/systemd/system/run-mstat.mount /usr/lib/sysusers.d/mstat.conf \
  /usr/lib/tmpfiles.d/mstat.conf /etc/mstat/mstatd.yaml /usr/share/man/man8/mstatd.8 /usr/share/man/man1/mstat-ls.1 \
  /usr/share/man/man3/libmstat.3 /usr/share/man/man5/mstatd.yaml.5 /usr/share/man/man5/mstat-segment.5; do
  grep -qx "$file" "$work/files" || echo "$file"
done)
equal "$missing" '' 'everything is there'
grep -rl "$dest" "$dest" --include='*.pc' --include='*.service' --include='*.[1-8]' >"$work/log"
verdict "$([ ! -s "$work/log" ]; echo $?)" 'no installed file names the staging directory' "$(cat "$work/log")"
before=$(cd "$dest" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
install_to PREFIX=/usr DESTDIR="$dest"
after=$(cd "$dest" && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
equal "$after" "$before" 'installing again changes nothing'
install_to PREFIX="$work/local"
verdict $? 'make install with a prefix works' "$(cat "$work/log")"
grep -q "^ExecStart=$work/local/sbin/mstatd --config.file=$work/local/etc/mstat/mstatd.yaml" \
  "$work/local/lib/systemd/system/mstatd.service"
verdict $? 'the unit follows the prefix' "$(grep ^Exec "$work/local/lib/systemd/system/mstatd.service")"
# The objects of the tree are for the default prefix again.
install_to DESTDIR="$work/default"

# ---- a program ----

cat >"$work/hello.c" <<'C'
#include <mstat/mstat.h>
MSTAT_COUNTER(requests, "http_requests_total", "HTTP requests served.", "method");
int main(void)
{
	mstat_inc(mstat_counter_with(&requests, "GET"));
	return 0;
}
C
count() { # count PROGRAM: what it counted
  rm -rf "$work/segments" && mkdir -m 700 "$work/segments" && MSTAT_DIR=$work/segments "$1" &&
    "$work/local/bin/mstat" scrape --dir="$work/segments" | sed -n 's/^http_requests_total.* //p'
}
if ! has pkg-config; then
  skip 'a program builds by pkg-config' 'skipped: no pkg-config'
elif [ -n "$sanitized" ]; then
  skip 'a program builds by pkg-config' 'skipped: the library is instrumented'
else
  export PKG_CONFIG_PATH=$work/local/lib/pkgconfig
  gcc -Wall -Werror "$work/hello.c" $(pkg-config --cflags --libs mstat) -Wl,-rpath,"$work/local/lib" -o "$work/hello" \
    >"$work/log" 2>&1
  verdict $? 'a program builds by pkg-config' "$(cat "$work/log")"
  equal "$(count "$work/hello")" 1 'and counts with the shared library'
  readelf -d "$work/hello" | grep -q 'NEEDED.*libmstat\.so\.0\]'
  verdict $? 'which it asks for by its ABI'
  gcc -Wall -Werror "$work/hello.c" $(pkg-config --cflags mstat) "$work/local/lib/libmstat.a" -lurcu-bp -o "$work/hello" \
    >"$work/log" 2>&1
  verdict $? 'it builds with the static library, too' "$(cat "$work/log")"
  equal "$(count "$work/hello")" 1 'and counts'
fi

# ---- the ABI ----
# packaging/debian/libmstat0.symbols is what the library has promised: every line must stay. libmstat.layout is what
# programs have compiled into themselves.

sed -n 's/^ \([a-zA-Z0-9_]*@[A-Z0-9_]*\) .*/\1/p' "$root/packaging/debian/libmstat0.symbols" | LC_ALL=C sort >"$work/promised"
nm -D --defined-only "$bin/libmstat.so" | sed -nE 's/.* ([A-Za-z0-9_]+)@@([A-Z0-9_]+)$/\1@\2/p; s/.* A ([A-Z0-9_]+)$/\1@\1/p' |
  LC_ALL=C sort -u >"$work/exported"
lost=$(LC_ALL=C comm -23 "$work/promised" "$work/exported")
equal "$lost" '' 'the library still exports what it has promised'
new=$(LC_ALL=C comm -13 "$work/promised" "$work/exported")
equal "$new" '' 'what is new stands in packaging/debian/libmstat0.symbols'
gcc -Wall -Werror -I"$root/include" "$root/tests/e2e/helper_layout.c" -o "$work/layout" 2>"$work/log" &&
  "$work/layout" >"$work/layout.now" 2>>"$work/log"
verdict $? 'the layout of public structures can be printed' "$(cat "$work/log")"
if [ "$(uname -m)" = x86_64 ]; then
  diff "$root/tests/e2e/libmstat.layout" "$work/layout.now" >"$work/diff"
  verdict $? 'structures in programs are as they were (else: another ABI number, or before the first release a new tests/e2e/libmstat.layout)' \
    "$(cat "$work/diff")"
else
  skip 'structures in programs are as they were' 'skipped: the stored layout is that of x86-64'
fi

# ---- what is needed to build ----
# packaging/install-deps says it with reasons; the packages and the container must not lack any of it.

needed=$(sed -n "/^[a-z]*_packages='*$/,/^'/p; /^build_packages=/,/^'/p" "$root/packaging/install-deps" | sed -n 's/^  \([a-z0-9.+-]*\) .*/\1/p' |
  grep -vxE 'gcc|make|libc6-dev|curl' | sort -u)
lacking=$(for package in $needed; do
  grep -qE "^ $package( |,|\$)" "$root/packaging/debian/control" || echo "$package (packaging/debian/control)"
  grep -qE "[ (]$package( |\)|\$)" "$root/packaging/container/Containerfile" || echo "$package (packaging/container/Containerfile)"
done)
equal "$lacking" '' 'packages and container are built with what the build needs'

# ---- units ----

if ! has systemd-analyze; then
  skip 'the units are valid' 'skipped: no systemd-analyze (package systemd)'
else
  units=$work/units/etc/systemd/system
  mkdir -p "$units/mstatd.service.d"
  cp "$dest"/usr/lib/systemd/system/* "$units"
  # verify looks for programs and pages where they would be.
  for unit in mstatd.service mstatd.socket run-mstat.mount; do
    sed "s|^ExecStart=/usr/sbin/mstatd|ExecStart=$bin/mstatd|" "$units/$unit" >"$work/$unit"
  done
  systemd-analyze verify --man=no --recursive-errors=no "$work"/{mstatd.service,mstatd.socket,run-mstat.mount} >"$work/log" 2>&1
  verdict $? 'the units are valid' "$(cat "$work/log")"
  # score THRESHOLD DROP-IN...: exposure in tenths
  score() {
    rm -f "$units/mstatd.service.d"/*
    for example in "${@:2}"; do cp "$dest/usr/share/doc/mstat/examples/$example.conf" "$units/mstatd.service.d"; done
    systemd-analyze security --root="$work/units" --offline=true --threshold="$1" --no-pager mstatd.service >"$work/log" 2>&1
  }
  score 24
  verdict $? 'exposure of the service is at most 2.4' "$(tail -n 1 "$work/log")"
  score 16 strict
  verdict $? 'without eBPF and privileges it is at most 1.6' "$(tail -n 1 "$work/log")"
  for example in perf files processes; do
    score 30 $example
    verdict $? "with $example.conf it is at most 3.0" "$(tail -n 1 "$work/log")"
    cat "$units/mstatd.service" "$units/mstatd.service.d/$example.conf" | sed "s|^ExecStart=/usr/sbin/mstatd|ExecStart=$bin/mstatd|" \
      >"$work/mstatd.service"
    systemd-analyze verify --man=no --recursive-errors=no "$work/mstatd.service" >"$work/log" 2>&1
    verdict $? "$example.conf is valid" "$(cat "$work/log")"
  done
  # What a drop-in tells the agent must be flags that it has.
  wrong=$(sed -n 's/^Environment="\{0,1\}MSTATD_OPTIONS=\([^"]*\)"\{0,1\}$/\1/p' "$root"/packaging/systemd/examples/*.conf |
    while read -r flags; do "$bin/mstatd" $flags --version >/dev/null 2>>"$work/flags" || echo "$flags"; done)
  equal "$wrong" '' 'flags in the examples are flags of the agent'
fi
"$bin/mstatd" --config.file="$dest/etc/mstat/mstatd.yaml" --web.listen-address=bad >"$work/log" 2>&1
grep -q 'web.listen-address' "$work/log"
verdict $? 'the configuration that is installed can be read' "$(cat "$work/log")"

if has systemd-sysusers && has systemd-tmpfiles && [ "$(id -u)" = 0 ]; then
  mkdir -p "$work/root/usr/lib" "$work/root/etc" "$work/root/run"
  cp -a "$dest/usr/lib/sysusers.d" "$dest/usr/lib/tmpfiles.d" "$work/root/usr/lib"
  systemd-sysusers --root="$work/root" >"$work/log" 2>&1 && grep -q '^mstat:.*:/run/mstat:' "$work/root/etc/passwd"
  verdict $? 'sysusers makes the user' "$(cat "$work/log")"
  systemd-tmpfiles --root="$work/root" --create >"$work/log" 2>&1
  equal "$(stat -c '%a %u' "$work/root/run/mstat")" "3773 $(sed -n 's/^mstat:[^:]*:\([0-9]*\):.*/\1/p' "$work/root/etc/passwd")" \
    'tmpfiles makes its directory'
else
  skip 'sysusers makes the user' 'skipped: needs root, systemd-sysusers and systemd-tmpfiles'
fi

# ---- manual pages ----

pages=$dest/usr/share/man
if has mandoc; then
  mandoc -Tlint -Wwarning "$pages"/man*/* >"$work/log" 2>&1
  verdict $? 'mandoc has nothing to warn of' "$(cat "$work/log")"
else
  skip 'mandoc has nothing to warn of' 'skipped: no mandoc'
fi
lacking=$(for flag in $("$bin/mstatd" --help | sed -n 's/^  --\([a-z._A-Z0-9-]*\)=.*/\1/p'); do
  name=${flag#collector.}
  grep -q -e "^\.It Fl -$flag Ns" -e "^\.It Cm $name\$" "$pages/man8/mstatd.8" || echo "$flag"
done)
equal "$lacking" '' 'mstatd(8) has every flag that --help has'
lacking=$(for word in $(sed -n 's/^[[:space:]]*\(mstat_[a-z0-9_]*\);$/\1/p' "$root/libclient/libmstat.map" | grep -vE '_slow$|^mstat_(hot|buckets_.*)$'); do
  grep -q "^\.Fn $word\b" "$pages/man3/libmstat.3" || echo "$word"
done
for word in $(sed -n 's/^#define \(MSTAT_[A-Z0-9_]*\)(identifier,.*/\1/p' "$root/include/mstat/mstat.h"); do
  grep -qE "Fn $word\b" "$pages/man3/libmstat.3" || echo "$word"
done)
equal "$lacking" '' 'libmstat(3) has every function and every declaration'

# ---- completions ----

# complete PROGRAM WORD...: what bash would offer for the last word
complete_bash() {
  bash --norc -c 'source "$1" || exit 1; shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _$1; printf "%s\n" "${COMPREPLY[@]}"' complete "$dest/usr/share/bash-completion/completions/$1" "$@"
}
equal "$(complete_bash mstat v | tr '\n' ' ')" 'verify ' 'bash completes commands'
equal "$(complete_bash mstat show --s | tr '\n' ' ')" '--segments ' 'bash completes the options of a command'
equal "$(complete_bash mstatd --collector.loada | tr '\n' ' ')" '--collector.loadavg ' 'bash completes flags'
equal "$(complete_bash mstatd --log.level = d | tr '\n' ' ')" 'debug ' 'bash completes values'
if has zsh; then
  zsh -n "$dest/usr/share/zsh/vendor-completions/_mstat" && zsh -n "$dest/usr/share/zsh/vendor-completions/_mstatd"
  verdict $? 'zsh takes its completions'
  zsh -fc "fpath=($dest/usr/share/zsh/vendor-completions \$fpath); autoload -Uz compinit && compinit -D -u &&
    [[ \$_comps[mstat] == _mstat && \$_comps[mstatd] == _mstatd ]]" 2>"$work/log"
  verdict $? 'and finds them' "$(cat "$work/log")"
else
  skip 'zsh takes its completions' 'skipped: no zsh'
fi

# ---- Kubernetes ----

if /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
  /usr/bin/python3 - "$root/packaging/kubernetes" >"$work/log" 2>&1 <<'P'
import pathlib, sys, yaml
documents = [d for f in sorted(pathlib.Path(sys.argv[1]).glob("*.yaml")) for d in yaml.safe_load_all(f.read_text())]
by = {d["kind"]: d for d in documents}
pod = by["DaemonSet"]["spec"]["template"]
agent = pod["spec"]["containers"][0]
ports = {p["name"] for p in agent["ports"]}
assert agent["livenessProbe"]["httpGet"] == {"path": "/health", "port": "metrics"}, agent["livenessProbe"]
assert agent["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "metrics"}, agent["readinessProbe"]
assert agent["livenessProbe"]["httpGet"]["port"] in ports and by["ServiceMonitor"]["spec"]["endpoints"][0]["port"] == "metrics"
assert by["Service"]["spec"]["selector"] == pod["metadata"]["labels"] == by["DaemonSet"]["spec"]["selector"]["matchLabels"]
volumes = {v["name"] for v in pod["spec"]["volumes"]}
mounts = {m["name"] for c in pod["spec"]["containers"] + pod["spec"]["initContainers"] for m in c["volumeMounts"]}
assert mounts <= volumes, mounts - volumes
pathlib.Path("/dev/stdout").write_text(by["ConfigMap"]["data"]["mstatd.yaml"])
P
  verdict $? 'what the manifests name is there' "$(cat "$work/log")"
  cp "$work/log" "$work/mstatd.yaml"
  "$bin/mstatd" --config.file="$work/mstatd.yaml" --log.level=nonsense 2>&1 | grep -q 'log.level'
  verdict $? 'the agent reads the configuration in the manifest' "$("$bin/mstatd" --config.file="$work/mstatd.yaml" --log.level=x 2>&1)"
else
  skip 'what the manifests name is there' 'skipped: no python3-yaml'
fi
finish
