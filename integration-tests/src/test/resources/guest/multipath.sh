#!/bin/bash
# Two portals under dm-multipath, set up as docs/attach.md says; the network to each goes away in turn, in silence, under I/O.
. ./steps.sh
diagnose() {
  multipath -ll
  iscsiadm -m session -P 1 | grep -E 'Portal|State'
  dmsetup status
}
initiator "$INITIATOR"
awk '/^cat >\/etc\/multipath.conf/ {inside = 1; next} /^CONF/ {inside = 0} inside' attach.md >/etc/multipath.conf
grep -q 'vendor "sanway"' /etc/multipath.conf
for each in $PORTALS; do
  add_node "$each" node.session.timeo.replacement_timeout 15
  node "$each" --login >/dev/null
done
systemctl start multipathd
until_true 30 test -b /dev/mapper/mpatha
paths() { multipath -ll mpatha | grep -c "$1" || true; }
have() { [ "$(paths 'active ready *running')" = "$1" ]; }
until_true 30 have 2
multipath -ll
mkfs.ext4 -q /dev/mapper/mpatha
mount -o errors=remount-ro /dev/mapper/mpatha /mnt
fill /mnt 4 4
fio --name=verify --filename=/mnt/fio --size=32M --rw=randrw --bs=4k --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c \
  --verify_fatal=1 --do_verify=1 --verify_backlog=64 --loops=1000 --status-interval=1000 --minimal >/tmp/fio.out 2>&1 &
fio=$!
transferred() { awk '{print $3 + $7}' "/sys/block/$(basename "$(readlink -f /dev/mapper/mpatha)")/stat"; }
# more SECONDS: I/O goes on within that time.
more() {
  local before
  before=$(transferred)
  on() { kill -0 $fio && [ "$(transferred)" -gt $((before + 4000)) ]; }
  until_true "$1" on
}
more 20
for each in $PORTALS; do
  ip route add blackhole "${each%:*}"
  start=$(cut -d. -f1 /proc/uptime)
  until_true 60 have 1
  more 60
  ok "$each went away; the path was given up and I/O went on after $(($(cut -d. -f1 /proc/uptime) - start)) s"
  ip route del blackhole "${each%:*}"
  until_true 90 have 2
  more 20
  ok "$each came back; both paths are in use"
done
kill -TERM $fio
wait $fio || true
if grep -q 'verify:' /tmp/fio.out; then fail "fio read something else than it wrote: $(cat /tmp/fio.out)"; fi
grep -q '/mnt .*[ ,(]rw[,)]' <(mount) || fail "/mnt is no longer writable"
echo 3 >/proc/sys/vm/drop_caches
sums_hold /mnt
umount /mnt
e2fsck -f -n /dev/mapper/mpatha >/dev/null 2>&1
errors=$(dmesg | grep -iE 'I/O error, dev dm|Buffer I/O error on dev dm|EXT4-fs error|remount' || true)
[ -z "$errors" ] || fail "errors reached the file system: $errors"
multipath -F
for each in $PORTALS; do node "$each" --logout >/dev/null; done
echo "multipath: all well"
