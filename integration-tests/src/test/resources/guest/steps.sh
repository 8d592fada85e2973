# Sourced by the guest's test scripts. TARGET is the target they mean, PORTALS its portals.
# shellcheck shell=bash
set -euo pipefail
portal=${PORTALS%% *}
# What else there is to know when a step has failed.
diagnose() { :; }
trap 'status=$?; [ $status = 0 ] || { echo "FAILED after the last ok above, status $status"; dmesg | tail -15; diagnose; }' EXIT

ok() {
  echo "ok: $* ($(cut -d' ' -f1 /proc/uptime) s)"
}

fail() {
  echo "wrong: $*"
  exit 1
}

# initiator NAME: starts the daemon under this name.
initiator() {
  echo "InitiatorName=$1" >/etc/iscsi/initiatorname.iscsi
  systemctl restart iscsid
}

# node PORTAL WORD...: iscsiadm about TARGET at one of its portals.
node() {
  local at=$1
  shift
  iscsiadm -m node -T "$TARGET" -p "$at" "$@"
}

# add_node PORTAL [NAME VALUE]...: a record, with settings of it.
add_node() {
  local at=$1
  shift
  node "$at" -o new >/dev/null
  while [ $# -gt 0 ]; do
    node "$at" -o update -n "$1" -v "$2"
    shift 2
  done
}

# says TEXT COMMAND...: the command succeeds, and its output contains the text.
says() {
  local text=$1
  shift
  "$@" >/tmp/said
  grep -qF "$text" /tmp/said || fail "$* does not say '$text': $(tail -20 /tmp/said)"
}

# log_out PORTAL [OPTION...]: when nobody looks at the disks any more.
log_out() {
  udevadm settle
  node "$@" --logout >/dev/null
}

# session PORTAL: the number of the session there.
session() {
  iscsiadm -m session | sed -n "s/^tcp: \[\([0-9]*\)\] $1,.* $TARGET .*/\1/p"
}

# disk LUN [PORTAL]: waits for the LUN's block device, at most 20 s, and prints it.
disk() {
  local number tries device
  number=$(session "${2:-$portal}")
  for ((tries = 0; tries < 100; tries++)); do
    for device in "/sys/class/iscsi_session/session$number"/device/target*/*:"$1"/block/*; do
      if [ -b "/dev/${device##*/}" ]; then
        echo "/dev/${device##*/}"
        return
      fi
    done
    sleep 0.2
  done
  fail "no disk for LUN $1" >&2
}

# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "not in time: $*"
    sleep 0.2
  done
}

megabytes() {
  echo $(($(blockdev --getsize64 "$1") / 1048576))
}

# fill FOLDER COUNT MEGABYTES: files of different content, and their checksums.
fill() {
  local i
  dd if=/dev/urandom of=/dev/shm/seed bs=1M count="$3" 2>/dev/null
  for ((i = 1; i <= $2; i++)); do
    { echo "$1 $i" && cat /dev/shm/seed; } >"$1/file$i"
  done
  (cd "$1" && sha256sum file* >sums)
}

sums_hold() {
  (cd "$1" && sha256sum --quiet -c sums)
}

# verified_fio FILE MEGABYTES [OPTION...]: large writes, then small ones at random over them, all read again and compared.
verified_fio() {
  local file=$1 size=$2 kind
  shift 2
  for kind in "write 256k 4" "randrw 4k 16"; do
    # shellcheck disable=SC2086
    set -- $kind "$@"
    fio --name=verify --filename="$file" --size="${size}M" --rw="$1" --bs="$2" --iodepth="$3" --ioengine=libaio --direct=1 \
      --verify=crc32c --verify_fatal=1 --do_verify=1 --randrepeat=0 --minimal "${@:4}" >/tmp/fio.out ||
      { cat /tmp/fio.out && return 1; }
    shift 3
  done
}
