#!/bin/bash
# Busy ext4 and xfs while the test takes their only unit away for longer than the gateway waits for it. No error may reach them.
# With two portals both lie on dm-multipath, set up as docs/attach.md says.
. ./steps.sh
initiator "$INITIATOR"
if [ "$PORTALS" = "$portal" ]; then
  add_node "$portal" node.session.timeo.replacement_timeout 120
  node "$portal" --login >/dev/null
  first=$(disk 0) second=$(disk 1)
else
  diagnose() { multipath -ll; }
  awk '/^cat >\/etc\/multipath.conf/ {inside = 1; next} /^CONF/ {inside = 0} inside' attach.md >/etc/multipath.conf
  for each in $PORTALS; do
    add_node "$each" node.session.timeo.replacement_timeout 15
    node "$each" --login >/dev/null
  done
  systemctl start multipathd
  first=/dev/mapper/mpatha second=/dev/mapper/mpathb
  until_true 60 test -b "$first" -a -b "$second"
fi
mkfs.ext4 -q "$first"
mkfs.xfs -q "$second"
mkdir -p /mnt/ext4 /mnt/xfs
mount -o errors=remount-ro "$first" /mnt/ext4
mount "$second" /mnt/xfs
dd if=/dev/urandom of=/dev/shm/seed bs=256k count=1 2>/dev/null

# keep_busy FOLDER: files one after the other, each flushed before the next; the latest 50 stay.
keep_busy() {
  local i=0
  while [ ! -e /tmp/stop ]; do
    i=$((i + 1))
    { echo "$1 $i" && cat /dev/shm/seed; } | dd of="$1/file$((i % 50))" bs=256k conv=fsync iflag=fullblock 2>/dev/null || return 1
    { echo "$1 $i" && cat /dev/shm/seed; } | sha256sum | sed "s/-/file$((i % 50))/" >"/tmp/sums_${1##*/}.$((i % 50))"
    echo "$i" >"/tmp/count_${1##*/}"
  done
}
keep_busy /mnt/ext4 &
one=$!
keep_busy /mnt/xfs &
two=$!
written() { cat "/tmp/count_$1" 2>/dev/null || echo 0; }
# more SECONDS COUNT: both go on by so many files within that time.
more() {
  local a b count=$2
  a=$(written ext4) b=$(written xfs)
  went_on() { [ "$(written ext4)" -ge $((a + count)) ] && [ "$(written xfs)" -ge $((b + count)) ]; }
  until_true "$1" went_on
}
more 120 20
for seconds in 34 90; do
  echo "now: a unit away for $seconds s"
  stalled=0 last=
  while [ $stalled -lt 10 ]; do
    sleep 1
    if [ "$(written xfs)" = "$last" ]; then stalled=$((stalled + 1)); else stalled=0; fi
    last=$(written xfs)
  done
  kill -0 $one && kill -0 $two || fail "a write failed at once"
  more 240 20
  ok "a unit was away for $seconds s; both file systems go on"
done
touch /tmp/stop
wait $one || fail "a write to the ext4 failed"
wait $two || fail "a write to the xfs failed"
for each in ext4 xfs; do
  grep -q "/mnt/$each .*[ ,(]rw[,)]" <(mount) || fail "/mnt/$each is no longer writable"
  cat /tmp/sums_$each.* >/mnt/$each/sums
  echo 3 >/proc/sys/vm/drop_caches
  sums_hold "/mnt/$each"
  umount "/mnt/$each"
done
e2fsck -f -n "$first" >/dev/null 2>&1
xfs_repair -n "$second" >/dev/null 2>&1
errors=$(dmesg | grep -iE 'Buffer I/O error|EXT4-fs error|XFS.*error|remount|shutdown' || true)
[ -z "$errors" ] || fail "errors reached a file system: $errors"
[ "$PORTALS" = "$portal" ] || multipath -F
for each in $PORTALS; do node "$each" --logout >/dev/null; done
echo "absence: all well"
