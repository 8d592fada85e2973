#!/bin/bash
# A file system on a thin volume whose pool is smaller than what was promised of it: it fills up, the pool grows, and what is deleted
# goes back to the pool.
. ./steps.sh
initiator "$INITIATOR"
add_node "$portal"
node "$portal" --login >/dev/null
thin=$(disk 0) thick=$(disk 1)
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$thin"
mkfs.ext4 -q "$thick"
mkdir -p /mnt/thin /mnt/thick
mount -o errors=remount-ro "$thin" /mnt/thin
mount -o errors=remount-ro "$thick" /mnt/thick
ok "both volumes have file systems"

dd if=/dev/urandom of=/dev/shm/seed bs=1M count=8 2>/dev/null
# write_file NUMBER: 8 MiB that no other file has, past the cache.
write_file() {
  printf '%08d' "$1" | dd of=/dev/shm/seed conv=notrunc 2>/dev/null
  dd if=/dev/shm/seed of="/mnt/thin/file$1" bs=1M oflag=direct 2>/tmp/dd || return 1
  sha256sum /dev/shm/seed | sed "s/-/file$1/; s,/dev/shm/seed,file$1," >>/tmp/sums
}
hold() {
  echo 3 >/proc/sys/vm/drop_caches
  (cd /mnt/thin && sha256sum --quiet -c /tmp/sums)
}
count=0
while write_file $count; do
  count=$((count + 1))
  [ $count -lt 100 ] || fail "the pool was never full"
done
grep -q 'No space left on device' /tmp/dd || fail "the writer hears of something else: $(cat /tmp/dd)"
ok "after $count files of 8 MiB the pool is full, and the writer is told so"
dmesg | grep -q 'thin provisioning soft threshold' || fail "the kernel was not warned"
hold || fail "what was written before is not there"
dd if=/dev/shm/seed of=/mnt/thin/file0 bs=1M count=4 oflag=direct conv=notrunc 2>/dev/null || fail "what has its place is not writable"
sed -i '/file0$/d' /tmp/sums
(cd /mnt/thin && sha256sum file0) >>/tmp/sums
dd if=/dev/shm/seed of=/mnt/thick/file bs=1M count=4 conv=fsync 2>/dev/null || fail "the other volume is concerned"
grep -q "/mnt/thin .*[ ,(]rw[,)]" <(mount) || fail "the file system is no longer writable"
ok "everything else goes on"

echo "now: adopt a unit"
until_true 60 write_file $count
ok "the writer goes on"
for ((i = count + 1; i <= count + 20; i++)); do
  write_file $i || fail "file $i: $(cat /tmp/dd)"
done
hold || fail "not everything is there"
ok "20 files more"
echo "now: look at the pool"
rm /mnt/thin/file*
sync
fstrim -v /mnt/thin
echo "now: look at the pool again"
umount /mnt/thin /mnt/thick
e2fsck -f -n "$thin" >/dev/null 2>&1 || fail "the file system is damaged"
! dmesg | grep -i remount || fail "a file system was made read-only"
node "$portal" --logout >/dev/null
echo "thin: all well"
