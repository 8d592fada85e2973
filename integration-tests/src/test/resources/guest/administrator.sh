#!/bin/bash
# What an administrator does with a host of this gateway, step by step. LUN 0 is linear, 1 striped, 2 striped with 4,096-byte
# blocks. At "now: ..." the test changes the gateway's configuration.
. ./steps.sh
initiator "$INITIATOR"

# --- who may log in
iscsiadm -m discovery -t sendtargets -p "$portal" | sort >/tmp/found
for each in $PORTALS; do echo "$each,1 $TARGET"; done | sort | diff - /tmp/found
ok "discovery shows the host's own target at both portals, and no other"

refused() {
  local status=0
  node "$portal" "$@" --login >/tmp/refused 2>&1 || status=$?
  [ $status = 24 ] || fail "iscsiadm's status is $status, not 24: $(cat /tmp/refused)"
}
# called NAME: an interface of this short name, under which the initiator calls itself so.
called() {
  iscsiadm -m iface -I "$1" -o new >/dev/null
  iscsiadm -m iface -I "$1" -o update -n iface.initiatorname -v "iqn.2026-11.example:$1" >/dev/null
}
called stranger
node "$portal" -I stranger -o new >/dev/null
refused -I stranger
node "$portal" -I stranger -o delete
ok "a stranger is refused with error 24"

guest_target=$TARGET
TARGET=$VAULT
called vault
vault() { node "$portal" -I vault "$@"; }
set_vault() { vault -o update -n "node.session.auth.$1" -v "$2"; }
vault -o new >/dev/null
refused -I vault
set_vault authmethod CHAP
set_vault username vault
set_vault password "not the secret it is"
refused -I vault
set_vault password "$SECRET"
vault --login >/dev/null
sg_turs "$(disk 0)"
log_out "$portal" -I vault
ok "CHAP: nothing and a wrong secret are refused with error 24, the right one logs in"
set_vault username_in gateway
set_vault password_in "another secret altogether"
if vault --login >/dev/null 2>&1; then fail "a target that cannot prove itself was believed"; fi
set_vault password_in "$MUTUAL_SECRET"
vault --login >/dev/null
sg_turs "$(disk 0)"
log_out "$portal" -I vault
vault -o delete
ok "mutual CHAP: the target proves itself, and must"

# --- what SCSI tools say
TARGET=$guest_target
node "$portal" --login >/dev/null
linear=$(disk 0) striped=$(disk 1) large=$(disk 2)
says 'Product identification' sg_inq "$striped"
for page in sv sn di bl bdc lbpv; do sg_vpd -p $page "$striped" >/tmp/vpd.$page; done
says 'Unmap command supported (LBPU): 1' cat /tmp/vpd.lbpv
[ "$(sg_luns -q "$striped" | grep -c '^000')" = 3 ]
[ "$(cat "/sys/block/${large#/dev/}/queue/logical_block_size")" = 4096 ]
[ "$(cat "/sys/block/${linear#/dev/}/queue/physical_block_size")" = 4096 ]
for lun in "$linear" "$striped" "$large"; do sg_vpd -p di "$lun" | grep -A2 'NAA' | grep -o '0x[0-9a-f]*'; done | sort | uniq -d >/tmp/twice
[ ! -s /tmp/twice ] || fail "an identifier is there twice: $(cat /tmp/twice)"
says 'Compare and write' sg_opcodes "$striped"
sg_modes -a "$striped" >/dev/null
says 'lbpme=1' sg_readcap -l "$striped"
ok "INQUIRY, VPD pages, REPORT LUNS, READ CAPACITY, mode pages, operation codes"

# from DEVICE BLOCK: 4,096 bytes from there.
from() { dd if="$1" bs=512 skip="$2" count=8 iflag=direct 2>/dev/null; }
head -c 4096 /dev/urandom >/tmp/a
head -c 4096 /dev/urandom >/tmp/b
head -c 4096 /dev/zero >/tmp/zeroes
dd if=/tmp/a of="$striped" bs=4096 oflag=direct seek=1 2>/dev/null
from "$striped" 8 | cmp - /tmp/a
sg_unmap --lba=8 --num=8 --force "$striped"
from "$striped" 8 | cmp - /tmp/zeroes
head -c 512 /tmp/b >/tmp/b512
for i in 1 2 3 4 5 6 7 8; do cat /tmp/b512; done >/tmp/b8
sg_write_same --16 --lba=1024 --num=8 --in=/tmp/b512 --xferlen=512 "$striped"
from "$striped" 1024 | cmp - /tmp/b8
sg_write_same --16 --unmap --lba=1024 --num=8 --xferlen=512 "$striped"
from "$striped" 1024 | cmp - /tmp/zeroes
head -c 512 /dev/zero >/tmp/cas
cat /tmp/b512 >>/tmp/cas
sg_compare_and_write --in=/tmp/cas --lba=1024 --num=1 --xferlen=1024 "$striped"
from "$striped" 1024 >/tmp/read
cmp -n 512 /tmp/read /tmp/b512
status=0
sg_compare_and_write --in=/tmp/cas --lba=1024 --num=1 --xferlen=1024 "$striped" 2>/tmp/miscompare || status=$?
[ $status = 14 ] || fail "sg_compare_and_write: $status, not 14 (miscompare): $(cat /tmp/miscompare)"
sg_verify --lba=1024 --count=8 "$striped"
sg_get_lba_status --lba=1024 "$striped" >/dev/null
sg_sync "$striped"
blkdiscard "$striped"
from "$striped" 1024 | cmp - /tmp/zeroes
ok "UNMAP, WRITE SAME, COMPARE AND WRITE, VERIFY, GET LBA STATUS, SYNCHRONIZE CACHE"

other=${PORTALS##* }
node "$other" --login >/dev/null
beside=$(disk 1 "$other")
persist() { sg_persist -n "$@" >/tmp/persist 2>&1 || { cat /tmp/persist && return 1; }; }
persist -o -G -S 0xabc "$striped"
persist -o -R -K 0xabc -T 6 "$striped"
persist -i -r "$beside"
grep -q 'Exclusive Access, registrants only' /tmp/persist
if dd if=/tmp/a of="$beside" bs=4096 count=1 oflag=direct 2>/dev/null; then fail "written through a reservation"; fi
says 'reservation conflict' dmesg
dd if=/tmp/a of="$striped" bs=4096 count=1 oflag=direct 2>/dev/null
persist -o -G -S 0xdef "$beside"
dd if=/tmp/b of="$beside" bs=4096 count=1 oflag=direct 2>/dev/null
persist -i -k "$striped"
grep -q 0xabc /tmp/persist && grep -q 0xdef /tmp/persist
persist -o -P -K 0xdef -S 0xabc -T 6 "$beside"
if dd if=/tmp/a of="$striped" bs=4096 count=1 oflag=direct 2>/dev/null; then fail "written after a preemption"; fi
persist -o -C -K 0xdef "$beside"
dd if=/tmp/a of="$striped" bs=4096 count=1 oflag=direct 2>/dev/null
log_out "$other"
ok "persistent reservations: register, reserve, conflict, preempt, clear, over two nexuses"

# --- data
dmesg -c >/dev/null
for each in "$linear" "$striped" "$large"; do verified_fio "$each" 16; done
ok "fio verifies the linear and both striped volumes"
wipefs -aq "$linear" "$striped" "$large"
printf 'label: gpt\nsize=128MiB\ntype=linux\n' | sfdisk -q "$linear"
until_true 10 test -b "${linear}2"
mkdir -p /mnt/1 /mnt/2 /mnt/striped /mnt/large
mkfs.ext4 -q "${linear}1"
mkfs.xfs -q "${linear}2"
mkfs.xfs -q "$striped"
mkfs.ext4 -q "$large"
mount "${linear}1" /mnt/1
mount "${linear}2" /mnt/2
mount "$striped" /mnt/striped
mount "$large" /mnt/large
fill /mnt/1 4 8
fill /mnt/2 8 8
fill /mnt/striped 8 8
fill /mnt/large 8 8
if cat /dev/zero >/mnt/1/rest 2>/dev/null; then fail "a file system had no end"; fi
[ "$(df -k /mnt/1 | awk 'NR == 2 {print $4}')" -lt 1024 ] || fail "an ext4 was not filled"
verified_fio /mnt/2/fio 24
umount /mnt/1 /mnt/2
e2fsck -f -n "${linear}1" >/dev/null 2>&1
xfs_repair -n "${linear}2" >/dev/null 2>&1
ok "partition table; ext4 and xfs made, mounted, filled, unmounted, checked"

# --- a volume grows, a LUN comes
before=$(megabytes "$striped")
echo "now: grow"
grown() {
  iscsiadm -m node -T "$TARGET" --rescan >/dev/null
  [ "$(megabytes "$striped")" -gt "$before" ] && [ "$(megabytes "$large")" -gt "$before" ]
}
until_true 60 grown
says 'Capacity data has changed' dmesg
xfs_growfs /mnt/striped >/dev/null
resize2fs "$large" 2>/dev/null >/dev/null
for each in striped large; do
  [ "$(df -m /mnt/$each | awk 'NR == 2 {print $2}')" -gt "$before" ] || fail "/mnt/$each did not grow"
done
fill /mnt/striped 12 8
ok "both volumes grew from $before to $(megabytes "$striped") MiB under mounted file systems"
echo "now: add"
come() {
  iscsiadm -m node -T "$TARGET" --rescan >/dev/null
  ls "/sys/class/iscsi_session/session$(session "$portal")"/device/target*/*:5/block >/dev/null 2>&1
}
until_true 60 come
says 'LUN assignments on this target have changed' dmesg
verified_fio "$(disk 5)" 8
ok "a new LUN was seen while logged in"

# --- out and in again, with digests
sums_hold /mnt/striped
sums_hold /mnt/large
umount /mnt/striped /mnt/large
log_out "$portal"
node "$portal" -o update -n 'node.conn[0].iscsi.HeaderDigest' -v CRC32C
node "$portal" -o update -n 'node.conn[0].iscsi.DataDigest' -v CRC32C
node "$portal" --login >/dev/null
says 'DataDigest: CRC32C' iscsiadm -m session -P 2
linear=$(disk 0) striped=$(disk 1) large=$(disk 2)
until_true 10 test -b "${linear}2"
for each in "${linear}1" "$large"; do e2fsck -f -n "$each" >/dev/null 2>&1; done
for each in "${linear}2" "$striped"; do xfs_repair -n "$each" >/dev/null 2>&1; done
mount "${linear}1" /mnt/1
mount "${linear}2" /mnt/2
mount "$striped" /mnt/striped
mount "$large" /mnt/large
for each in 1 2 striped large; do sums_hold /mnt/$each; done
verified_fio /mnt/striped/fio 16
rm /mnt/striped/fio
fstrim /mnt/striped
fstrim /mnt/large
for each in 1 2 striped large; do umount /mnt/$each; done
log_out "$portal"
ok "logged out and in again, with digests: file systems clean, checksums right"
# --- LUNs that are asked for one by one, as Kubernetes and OpenStack do: the first may be any
node "$portal" -o update -n node.session.scan -v manual
for lun in 5 1; do
  node "$portal" --login >/dev/null
  device=$(readlink -f "/sys/class/iscsi_session/session$(session "$portal")/device")
  host=$(basename "$(dirname "$device")")
  [ -z "$(ls -d "$device"/target*/*/block 2>/dev/null)" ] || fail "the kernel scanned by itself"
  echo "0 0 $lun" >"/sys/class/scsi_host/$host/scan"
  sg_turs "$(disk $lun)"
  log_out "$portal"
done
node "$portal" -o update -n node.session.scan -v auto
ok "LUNs 5 and 1 found by themselves, each as the first"
echo "errors the kernel saw: $(dmesg | grep -ciE 'I/O error|detected conn error|task abort|lun reset|hung' || true)"
echo "administrator: all well"
