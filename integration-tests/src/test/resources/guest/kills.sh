#!/bin/bash
# Busy file systems while the test kills and restarts the gateway, then a unit. No error may reach them.
. ./steps.sh
initiator "$INITIATOR"
add_node "$portal" node.session.timeo.replacement_timeout 120
node "$portal" --login >/dev/null
linear=$(disk 0) striped=$(disk 1)
mkfs.ext4 -q "$linear"
mkfs.xfs -q "$striped"
mkdir -p /mnt/linear /mnt/striped
mount -o errors=remount-ro "$linear" /mnt/linear
mount "$striped" /mnt/striped
dd if=/dev/urandom of=/dev/shm/seed bs=256k count=1 2>/dev/null

# keep_busy FOLDER: files one after the other, each flushed to the disk before the next; the latest 100 stay.
keep_busy() {
  local i=0 start longest=0 took
  while [ ! -e /tmp/stop ]; do
    i=$((i + 1))
    start=$(cut -d. -f1 /proc/uptime)
    { echo "$1 $i" && cat /dev/shm/seed; } | dd of="$1/file$((i % 100))" bs=256k conv=fsync iflag=fullblock 2>/dev/null || return 1
    took=$(($(cut -d. -f1 /proc/uptime) - start))
    [ $took -le $longest ] || longest=$took
    { echo "$1 $i" && cat /dev/shm/seed; } | sha256sum | sed "s/-/file$((i % 100))/" >"/tmp/sums${1//\//_}.$((i % 100))"
    echo "$i" >"/tmp/count${1//\//_}"
  done
  echo "$1: $i files written and flushed, the slowest took $longest s"
}
keep_busy /mnt/linear &
first=$!
keep_busy /mnt/striped &
second=$!
fio --name=verify --directory=/mnt/striped --size=16M --rw=randrw --bs=4k --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c \
  --verify_fatal=1 --do_verify=1 --verify_backlog=64 --loops=1000 --minimal >/tmp/fio.out 2>&1 &
fio=$!
written() { cat "/tmp/count_mnt_$1" 2>/dev/null || echo 0; }
# more COUNT: both go on by so many files.
more() {
  local a b
  a=$(written linear) b=$(written striped)
  went_on() { [ "$(written linear)" -ge $((a + $1)) ] && [ "$(written striped)" -ge $((b + $1)) ] && kill -0 $fio; }
  until_true 120 went_on "$1"
}
more 20
echo "now: kill the gateway"
gone() { dmesg >/tmp/dmesg && grep -q 'detected conn error' /tmp/dmesg; }
until_true 60 gone
echo "seen: the gateway is gone"
more 20
ok "the gateway was killed and restarted; both file systems go on"

echo "now: kill a unit"
stalled=0 last=
while [ $stalled -lt 5 ]; do
  sleep 1
  if [ "$(written striped)" = "$last" ]; then stalled=$((stalled + 1)); else stalled=0; fi
  last=$(written striped)
done
echo "seen: writes wait"
more 20
ok "a unit was killed and restarted; both file systems go on"
touch /tmp/stop
wait $first || fail "a write to the ext4 failed"
wait $second || fail "a write to the xfs failed"
kill -TERM $fio
wait $fio || true
if grep -q 'verify:' /tmp/fio.out; then fail "fio read something else than it wrote: $(cat /tmp/fio.out)"; fi
for each in linear striped; do
  grep -q "/mnt/$each .*[ ,(]rw[,)]" <(mount) || fail "/mnt/$each is no longer writable"
  cat /tmp/sums_mnt_$each.* >/mnt/$each/sums
  echo 3 >/proc/sys/vm/drop_caches
  sums_hold "/mnt/$each"
  umount "/mnt/$each"
done
e2fsck -f -n "$linear" >/dev/null 2>&1
xfs_repair -n "$striped" >/dev/null 2>&1
errors=$(dmesg | grep -iE 'I/O error|remount|shutdown|hung' || true)
[ -z "$errors" ] || fail "errors reached a file system: $errors"
node "$portal" --logout >/dev/null
echo "kills: all well"
