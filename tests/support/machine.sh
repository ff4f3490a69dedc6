# SPDX-License-Identifier: MIT
# A machine for tests: this one's file system (or another) under an overlay that takes all changes, with its own systemd
# as PID 1 and a network of its own, in systemd-nspawn. Boots in some seconds and leaves nothing behind. To be sourced.
#
#   reason=$(machine_refusal)         why there can be none; empty: there can
#   machine_start FILES [ROOT]        boots with the files of directory FILES copied to its root
#   machine COMMAND...                runs in it as root, standard input included
#   machine_network COMMAND...        runs out here, but in its network
#   machine_stop
machine_pid=
machine_leader=
machine_work=

machine_refusal() {
  [ "$(id -u)" = 0 ] || { echo 'needs root'; return; }
  command -v systemd-nspawn >/dev/null || { echo 'needs systemd-nspawn (package systemd-container)'; return; }
  # Tried, not guessed: an overlay of the root, which containers often refuse.
  unshare -m --propagation private sh -c 'd=$(mktemp -d /dev/shm/mstat-probe-XXXXXX) && mount -t tmpfs tmpfs "$d" &&
    mkdir "$d/u" "$d/w" "$d/r" && mount -t overlay overlay -o "lowerdir=/,upperdir=$d/u,workdir=$d/w" "$d/r"; r=$?
    umount "$d/r" 2>/dev/null; umount "$d" 2>/dev/null; rmdir "$d"; exit $r' 2>/dev/null ||
    { echo 'may not mount an overlay of the root'; return; }
  [ ! -e /sys/fs/cgroup/unified/payload ] && [ ! -e /sys/fs/cgroup/payload ] ||
    echo 'another container uses the control groups'
}

machine_boot() {
  exec unshare -m --propagation private bash -eu -c '
    work=$1 files=$2 lower=$3 root=$1/root
    mount -t tmpfs tmpfs "$work"
    mkdir "$work/upper" "$work/work" "$root"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" "$root"
    rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    cp -a "$files/." "$root/"
    printf "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n" >"$root/etc/systemd/system/lab.target"
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet --register=no --keep-unit -M "mstat-lab-$$" -D "$root" \
      --link-journal=no --private-network -b --console=pipe --kill-signal=SIGRTMIN+3 --capability=CAP_BPF,CAP_PERFMON \
      --system-call-filter="bpf perf_event_open adjtimex clock_adjtime" -- systemd.unit=lab.target' machine "$machine_work" "$1" "${2:-/}"
}

machine_booted() {
  machine_leader=$(pgrep -P "$machine_pid" | head -n 1)
  [ -n "$machine_leader" ] && case $(machine systemctl is-system-running 2>/dev/null) in
  running | degraded) ;;
  *) false ;;
  esac
}

# Ends early when nspawn does.
machine_start() {
  machine_work=$(mktemp -d /dev/shm/mstat-machine-XXXXXX)
  (machine_boot "$@") </dev/null >"$machine_work.log" 2>&1 &
  machine_pid=$!
  trap machine_stop EXIT
  await 60 eval 'machine_booted || ! kill -0 $machine_pid' 2>/dev/null && kill -0 "$machine_pid" 2>/dev/null
}

machine() { nsenter -t "$machine_leader" -m -p -u -i -n -C -- "$@"; }
machine_network() { nsenter -t "$machine_leader" -n -- "$@"; }

# Never nspawn itself by SIGKILL: what is in it would survive.
machine_stop() {
  trap - EXIT
  [ -n "$machine_pid" ] || return 0
  [ -z "$machine_leader" ] || kill -RTMIN+4 "$machine_leader" 2>/dev/null
  await 20 eval '! kill -0 $machine_pid 2>/dev/null' || kill -KILL "$machine_leader" 2>/dev/null
  wait "$machine_pid" 2>/dev/null
  find /sys/fs/cgroup/{unified/,systemd/,}{payload,supervisor} -depth -type d -exec rmdir {} + 2>/dev/null
  rmdir "$machine_work" 2>/dev/null
  rm -f "$machine_work.log"
  machine_pid=
}
