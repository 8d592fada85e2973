#!/bin/bash
# Busy file systems while the test kills and restarts the gateway, then a unit. No error may reach them.
. ./steps.sh
. ./busy.sh
initiator "$INITIATOR"
add_node "$portal" node.session.timeo.replacement_timeout 120
node "$portal" --login >/dev/null
linear=$(disk 0) striped=$(disk 1)
busy "$linear" "$striped"
fio --name=verify --directory=/mnt/xfs --size=16M --rw=randrw --bs=4k --ioengine=libaio --iodepth=8 --direct=1 --verify=crc32c \
  --verify_fatal=1 --do_verify=1 --verify_backlog=64 --loops=1000 --minimal >/tmp/fio.out 2>&1 &
fio=$!
more 120 20
echo "now: kill the gateway"
gone() { dmesg >/tmp/dmesg && grep -q 'detected conn error' /tmp/dmesg; }
until_true 60 gone
echo "seen: the gateway is gone"
more 120 20
ok "the gateway was killed and restarted; both file systems go on"

echo "now: kill a unit"
stalled 5
echo "seen: writes wait"
more 120 20
kill -0 $fio || fail "fio has ended: $(cat /tmp/fio.out)"
ok "a unit was killed and restarted; both file systems go on"
kill -TERM $fio
wait $fio || true
if grep -q 'verify:' /tmp/fio.out; then fail "fio read something else than it wrote: $(cat /tmp/fio.out)"; fi
whole "$linear" "$striped"
no_errors 'I/O error|remount|shutdown|hung'
node "$portal" --logout >/dev/null
echo "kills: all well"
