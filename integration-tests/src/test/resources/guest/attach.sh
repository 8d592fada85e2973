#!/bin/bash
# Runs every line in the sh blocks of the Linux chapter of docs/attach.md, in their order, with this test's portals.
. ./steps.sh
sed -n '/^## Linux/,/^## Windows/p' attach.md |
  sed "s/192\.0\.2\.10:3260/${PORTALS%% *}/g; s/192\.0\.2\.11:3260/${PORTALS##* }/g" |
  awk '/^```sh/ {n++; inside = 1; next} /^```/ {inside = 0} inside {print > ("block" n)}'
count=$(find . -name 'block*' | wc -l)
[ "$count" -ge 8 ] || fail "only $count blocks found in docs/attach.md"
for ((i = 1; i <= count; i++)); do
  if grep -q /dev/mapper "block$i"; then until_true 30 test -b /dev/mapper/mpatha; fi
  bash -euo pipefail "block$i" >out 2>&1 || { cat out && fail "block $i of docs/attach.md: $(cat "block$i")"; }
  cat out >>said
  ok "block $i: $(head -n 1 "block$i")"
  # What the lines are there for.
  if grep -q '^mkfs' "block$i"; then fill /srv/data 4 4; fi
done
findmnt -n -o SOURCE /srv/data | grep -x /dev/mapper/mpatha
sums_hold /srv/data
[ "$(multipath -ll mpatha | grep -c 'active ready *running')" = 2 ] || fail "not two paths: $(multipath -ll)"
multipath -ll
multipathd show maps raw format '%w %n %Q' || true
[ "$(cat /sys/class/iscsi_session/session*/recovery_tmo | sort -u)" = 15 ]
for each in /sys/block/sd*/device; do [ "$(cat "$each/queue_depth")" = 32 ]; done
umount /srv/data
echo "attach: all well"
