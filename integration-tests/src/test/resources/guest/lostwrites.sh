#!/bin/bash
# Writes that were done and not flushed, then the unit loses its power: fsync must say so, and once.
. ./steps.sh
initiator "$INITIATOR"
add_node "$portal" node.session.timeo.replacement_timeout 120
node "$portal" --login >/dev/null
disk=$(disk 0)
# The disk stays open, so that nothing flushes it meanwhile.
exec 7<>"$disk"
dd if=/dev/urandom of="$disk" bs=64k count=64 oflag=direct conv=notrunc 2>/dev/null
echo "now: take the power"
# awaited: a read that took as long as the unit was away.
waited() {
  local start=$SECONDS
  dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null
  [ $((SECONDS - start)) -ge 4 ]
}
until_true 60 waited
flush() { dd if=/dev/zero of="$disk" bs=4k count=1 conv=notrunc,fsync 2>/tmp/said; }
if flush; then fail "fsync says nothing of the loss"; fi
grep -q 'Remote I/O error' /tmp/said || fail "fsync says something else: $(cat /tmp/said)"
ok "fsync failed: $(grep fsync /tmp/said)"
flush || fail "fsync fails again: $(cat /tmp/said)"
exec 7<&-
node "$portal" --logout >/dev/null
echo "lostwrites: all well"
