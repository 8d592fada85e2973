# Sourced after steps.sh: a busy ext4 and a busy xfs, under which the tests' faults come.
# shellcheck shell=bash
readonly latest=50

# busy DISK DISK: an ext4 at /mnt/ext4 and an xfs at /mnt/xfs, and a writer for each.
busy() {
  mkfs.ext4 -q "$1"
  mkfs.xfs -q "$2"
  mkdir -p /mnt/ext4 /mnt/xfs
  mount -o errors=remount-ro "$1" /mnt/ext4
  mount "$2" /mnt/xfs
  dd if=/dev/urandom of=/dev/shm/seed bs=256k count=1 2>/dev/null
  keep_busy ext4 &
  on_ext4=$!
  keep_busy xfs &
  on_xfs=$!
}

# keep_busy NAME: files one after the other, each flushed to the disk before the next; the latest ones stay.
keep_busy() {
  local i=0 start longest=0 took
  while [ ! -e /tmp/stop ]; do
    i=$((i + 1))
    start=$(cut -d. -f1 /proc/uptime)
    { echo "$1 $i" && cat /dev/shm/seed; } | dd of="/mnt/$1/file$((i % latest))" bs=256k conv=fsync iflag=fullblock 2>/dev/null || return 1
    took=$(($(cut -d. -f1 /proc/uptime) - start))
    [ $took -le $longest ] || longest=$took
    { echo "$1 $i" && cat /dev/shm/seed; } | sha256sum | sed "s/-/file$((i % latest))/" >"/tmp/sums_$1.$((i % latest))"
    echo "$i" >"/tmp/count_$1"
  done
  echo "$1: $i files written and flushed, the slowest took $longest s"
}

written() { cat "/tmp/count_$1" 2>/dev/null || echo 0; }

still_busy() { kill -0 "$on_ext4" && kill -0 "$on_xfs"; }

# more SECONDS COUNT: both go on by so many files within that time.
more() {
  local a b count=$2
  a=$(written ext4) b=$(written xfs)
  went_on() { [ "$(written ext4)" -ge $((a + count)) ] && [ "$(written xfs)" -ge $((b + count)) ] && still_busy; }
  until_true "$1" went_on
}

# stalled SECONDS: waits until nothing has been written to the xfs for so long.
stalled() {
  local still=0 last='' now
  while [ $still -lt "$1" ]; do
    sleep 1
    now=$(written xfs)
    if [ "$now" = "$last" ]; then still=$((still + 1)); else still=0; fi
    last=$now
  done
}

# whole DISK DISK: the writers end well; both file systems are writable still, clean, and hold what was written.
whole() {
  local each
  touch /tmp/stop
  wait "$on_ext4" || fail "a write to the ext4 failed"
  wait "$on_xfs" || fail "a write to the xfs failed"
  for each in ext4 xfs; do
    grep -q "/mnt/$each .*[ ,(]rw[,)]" <(mount) || fail "/mnt/$each is no longer writable"
    cat /tmp/sums_"$each".* >"/mnt/$each/sums"
    echo 3 >/proc/sys/vm/drop_caches
    sums_hold "/mnt/$each"
  done
  for each in ext4 xfs; do umount "/mnt/$each"; done
  e2fsck -f -n "$1" >/dev/null 2>&1
  xfs_repair -n "$2" >/dev/null 2>&1
}

# no_errors PATTERN: of the kernel's.
no_errors() {
  local errors
  errors=$(dmesg | grep -iE "$1" || true)
  [ -z "$errors" ] || fail "errors reached a file system: $errors"
}
