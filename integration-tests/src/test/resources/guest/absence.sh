#!/bin/bash
# Busy ext4 and xfs while the test takes their only unit away for longer than the gateway waits for it. No error may reach them.
# With two portals both lie on dm-multipath, set up as docs/attach.md says.
. ./steps.sh
. ./busy.sh
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
busy "$first" "$second"
more 120 20
for seconds in 34 90; do
  echo "now: a unit away for $seconds s"
  stalled 10
  still_busy || fail "a write failed at once"
  more 240 20
  ok "a unit was away for $seconds s; both file systems go on"
done
whole "$first" "$second"
no_errors 'Buffer I/O error|EXT4-fs error|XFS.*error|remount|shutdown'
[ "$PORTALS" = "$portal" ] || multipath -F
for each in $PORTALS; do node "$each" --logout >/dev/null; done
echo "absence: all well"
