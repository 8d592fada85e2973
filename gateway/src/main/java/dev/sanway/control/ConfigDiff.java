package dev.sanway.control;

import dev.sanway.config.Access;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Sizes;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.VolumeLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What adopting another gateway.yaml would change, in words, and what of it a running gateway cannot do. Pure.
 *
 * @param changes in the order in which people read a configuration: units, hosts, volumes
 * @param losses what hosts that are logged in would lose: not without being asked for
 * @param refusals each with file, line and key, and what to do; if there is one, nothing is adopted
 */
public record ConfigDiff(List<Change> changes, List<String> losses, List<String> refusals) {

    public ConfigDiff {
        changes = List.copyOf(changes);
        losses = List.copyOf(losses);
        refusals = List.copyOf(refusals);
    }

    /** How something changes. */
    public enum Kind {
        added,
        changed,
        /** It vanishes from the file, and its data stay. */
        kept,
        removed
    }

    /** One change: {@code subject} such as {@code volume web1/data}. */
    public record Change(Kind kind, String subject, String text) {}

    /** What the configurations do not say. */
    interface Facts {
        /** A volume as it is, whether declared or kept. */
        Optional<VolumeRecord> volume(String name);

        /** The LUN under which a host has seen a volume. */
        Optional<Integer> lun(String host, String volume);

        /** The volumes that have partitions on a unit. */
        List<String> volumesOn(String unit);

        /** How many sessions a host has now. */
        long sessions(String host);
    }

    /**
     * Compares. Both configurations include what was made by command; the file's own entries have a line above 0.
     *
     * @param shownAs what to call the file
     */
    static ConfigDiff between(GatewayConfig now, GatewayConfig wanted, String shownAs, Facts facts) {
        Comparison comparison = new Comparison(now, wanted, shownAs, facts);
        comparison.gateway();
        comparison.units();
        comparison.hosts();
        comparison.volumes();
        return new ConfigDiff(comparison.changes, comparison.losses, comparison.refusals);
    }

    private static final class Comparison {
        private final GatewayConfig now;
        private final GatewayConfig wanted;
        private final String shownAs;
        private final Facts facts;
        private final List<Change> changes = new ArrayList<>();
        private final List<String> losses = new ArrayList<>();
        private final List<String> refusals = new ArrayList<>();

        Comparison(GatewayConfig now, GatewayConfig wanted, String shownAs, Facts facts) {
            this.now = now;
            this.wanted = wanted;
            this.shownAs = shownAs;
            this.facts = facts;
        }

        private void refuse(int line, String key, String text) {
            refusals.add(shownAs + ":" + Math.max(1, line) + ": " + key + ": " + text);
        }

        private void lose(String host, String what) {
            long sessions = facts.sessions(host);
            if (sessions > 0) {
                losses.add("host " + host + " is logged in (" + sessions + (sessions == 1 ? " session" : " sessions")
                        + ") and would lose " + what);
            }
        }

        private static <T> Map<String, T> byName(List<T> all, Function<T, String> name) {
            Map<String, T> map = new LinkedHashMap<>();
            all.forEach(each -> map.put(name.apply(each), each));
            return map;
        }

        // ---- the gateway itself

        private void gateway() {
            fixed("name", GatewayConfig::name);
            fixed("iqnPrefix", GatewayConfig::iqnPrefix);
            if (now.keyLines().containsKey("initiatorName") || wanted.keyLines().containsKey("initiatorName")) {
                // Else it follows from the others.
                fixed("initiatorName", GatewayConfig::initiatorName);
            }
            fixed("portals", GatewayConfig::portals);
            fixed("stateDirectory", GatewayConfig::stateDirectory);
            fixed("management", GatewayConfig::management);
            fixed("unitTimeout", GatewayConfig::unitTimeout);
            fixed("eventLoops", GatewayConfig::eventLoops);
            fixed("limits", config -> config.limits());
            fixed("moveBandwidth", config -> config.moves().bytesPerSecond());
            fixed("movesAtOnce", config -> config.moves().atOnce());
            autoConfig(now.autoConfig(), wanted.autoConfig());
        }

        private void fixed(String key, Function<GatewayConfig, Object> value) {
            if (!Objects.equals(value.apply(now), value.apply(wanted))) {
                refuse(
                        wanted.keyLines().getOrDefault(key, wanted.keyLines().getOrDefault("name", 1)),
                        "gateway." + key,
                        "cannot change while the gateway runs; leave it as it is, or stop the gateway and start it with "
                                + "the new file");
            }
        }

        private void autoConfig(GatewayConfig.@Nullable AutoConfig before, GatewayConfig.@Nullable AutoConfig after) {
            if ((before == null) != (after == null) || (before != null && after != null && !before.alike(after))) {
                refuse(
                        after == null ? 1 : after.line(),
                        "autoConfig",
                        "but for \"adopt\" and what is in the poolKeyFile it cannot change while the gateway runs; leave it as "
                                + "it is, or stop the gateway and start it with the new file");
                return;
            }
            if (before == null || after == null) {
                return;
            }
            if (!before.keys().same(after.keys())) {
                changes.add(
                        new Change(Kind.changed, "the pool's keys", after.keys().words()));
            }
            if (before.adoptAll() != after.adoptAll()) {
                changes.add(new Change(
                        Kind.changed,
                        "auto-configuration",
                        after.adoptAll()
                                ? "units that are found are adopted by themselves, those that wait now, too"
                                : "units that are found wait for \"sanway unit adopt\""));
            }
        }

        // ---- units

        private void units() {
            Map<String, GatewayConfig.Unit> before = byName(now.units(), GatewayConfig.Unit::name);
            Map<String, GatewayConfig.Unit> after = byName(wanted.units(), GatewayConfig.Unit::name);
            after.forEach((name, unit) -> {
                GatewayConfig.Unit old = before.get(name);
                if (old == null) {
                    changes.add(new Change(
                            Kind.added,
                            "unit " + name,
                            unit.target() + " at " + unit.portal().getAddress().getHostAddress() + ":"
                                    + unit.portal().getPort()));
                } else if (!alike(old, unit)) {
                    refuse(
                            unit.line(),
                            "units " + name,
                            "how a unit is reached cannot change while the gateway runs; leave it as it is, or stop the "
                                    + "gateway and start it with the new file");
                }
            });
            before.forEach((name, unit) -> {
                if (!after.containsKey(name)) {
                    List<String> volumes = facts.volumesOn(name);
                    if (volumes.isEmpty()) {
                        changes.add(new Change(Kind.removed, "unit " + name, "nothing is assigned on it"));
                    } else {
                        refuse(
                                1,
                                "units",
                                "unit " + name + " is missing, but holds data of " + String.join(", ", volumes)
                                        + "; put it back, or delete those volumes first. If the unit is gone for good, with "
                                        + "what is on it: sanway unit remove " + name + " --lost");
                    }
                }
            });
        }

        private static boolean alike(GatewayConfig.Unit one, GatewayConfig.Unit other) {
            return one.portal().equals(other.portal())
                    && one.target().written().equals(other.target().written())
                    && one.luns().equals(other.luns())
                    && Objects.equals(one.chap(), other.chap())
                    && one.maxSessions() == other.maxSessions()
                    && one.cache() == other.cache()
                    && one.digests() == other.digests();
        }

        // ---- hosts

        private void hosts() {
            Map<String, GatewayConfig.Host> before = byName(now.hosts(), GatewayConfig.Host::name);
            Map<String, GatewayConfig.Host> after = byName(wanted.hosts(), GatewayConfig.Host::name);
            Map<String, String> owners = new LinkedHashMap<>();
            for (GatewayConfig.Host host : wanted.hosts()) {
                for (String initiator : host.access().initiators()) {
                    String other = initiator.equals("*") ? null : owners.putIfAbsent(initiator, host.name());
                    if (other != null) {
                        refuse(
                                line(host, after.get(other)),
                                "hosts",
                                "initiator " + initiator + " belongs to both " + other + " and " + host.name()
                                        + ", one of which was made by command; write it once");
                    }
                }
            }
            after.forEach((name, host) -> {
                GatewayConfig.Host old = before.get(name);
                if (old == null) {
                    changes.add(new Change(
                            Kind.added, "host " + name, access(host.access()) + "; target " + host.target()));
                } else {
                    change(old, host);
                }
            });
            before.forEach((name, host) -> {
                if (!after.containsKey(name)) {
                    long sessions = facts.sessions(name);
                    lose(name, "its target");
                    changes.add(new Change(
                            Kind.removed,
                            "host " + name,
                            "nobody can log in to its target any more"
                                    + (sessions == 0 ? "" : "; its " + sessions + " sessions end")));
                }
            });
        }

        private static int line(GatewayConfig.Host one, GatewayConfig.@Nullable Host other) {
            return other == null ? one.line() : Math.max(one.line(), other.line());
        }

        private void change(GatewayConfig.Host old, GatewayConfig.Host host) {
            String subject = "host " + host.name();
            if (old.line() == 0 && host.line() > 0) {
                changes.add(new Change(Kind.changed, subject, "was made by command; the file declares it from now on"));
            }
            List<String> initiators = host.access().initiators();
            if (!Set.copyOf(old.access().initiators()).equals(Set.copyOf(initiators))) {
                changes.add(new Change(
                        Kind.changed,
                        subject,
                        "initiators " + String.join(", ", initiators) + " instead of "
                                + String.join(", ", old.access().initiators()) + ", from the next login on"));
            }
            if (!Objects.equals(old.access().chap(), host.access().chap())) {
                String what = host.access().chap() == null
                        ? "no CHAP any more"
                        : old.access().chap() == null ? "CHAP is asked for" : "other CHAP credentials";
                changes.add(new Change(Kind.changed, subject, what + ", from the next login on"));
            }
        }

        private static String access(Access access) {
            return "initiators " + String.join(", ", access.initiators())
                    + (access.chap() == null ? ", no CHAP" : ", CHAP");
        }

        // ---- volumes

        private void volumes() {
            Map<String, GatewayConfig.Volume> before = byName(now.volumes(), GatewayConfig.Volume::name);
            Map<String, GatewayConfig.Volume> after = byName(wanted.volumes(), GatewayConfig.Volume::name);
            after.forEach((name, volume) -> {
                Optional<VolumeRecord> record = facts.volume(name);
                GatewayConfig.Volume old = before.get(name);
                record.ifPresent(has -> compare(has, old, volume));
                if (old == null) {
                    changes.add(new Change(
                            Kind.added,
                            "volume " + name,
                            record.isPresent()
                                    ? "shown again, with the data it has: " + hosts(volume)
                                    : Sizes.show(volume.sizeBytes()) + ", "
                                            + Volumes.layout(volume).describe() + ", " + hosts(volume)));
                } else {
                    change(old, volume, record.isPresent());
                }
            });
            before.forEach((name, volume) -> {
                if (!after.containsKey(name)) {
                    vanished(volume);
                }
            });
            luns();
        }

        /** What stands in the file as before is not told again, even if it could never be had. */
        private void compare(VolumeRecord has, GatewayConfig.@Nullable Volume old, GatewayConfig.Volume volume) {
            if (volume.line() == 0) {
                return;
            }
            VolumeRecord.Growth growth = has.growth();
            long least = has.sizeBytes();
            String key = "volume " + volume.name();
            boolean sameSize = old != null && old.sizeBytes() == volume.sizeBytes();
            if (volume.sizeBytes() < least && !sameSize) {
                refuse(
                        volume.line(),
                        key + " size",
                        Sizes.show(volume.sizeBytes()) + " is less than the " + Sizes.show(least)
                                + " that it has; volumes do not shrink: write " + least
                                + ", or make another volume and copy");
            } else if (volume.sizeBytes() > least && !sameSize) {
                changes.add(new Change(
                        Kind.changed,
                        "volume " + volume.name(),
                        "grows from " + Sizes.show(least) + " to " + Sizes.show(volume.sizeBytes())
                                + (growth == null || growth.toBytes() == volume.sizeBytes()
                                        ? ""
                                        : " instead of " + Sizes.show(growth.toBytes()) + ", which is given up")));
            } else if (growth != null && !sameSize) {
                changes.add(new Change(
                        Kind.changed,
                        "volume " + volume.name(),
                        "stays at " + Sizes.show(least) + "; growing to " + Sizes.show(growth.toBytes())
                                + " is given up"));
            }
            if (volume.blockSizeBytes() != has.blockSizeBytes()
                    && (old == null || old.blockSizeBytes() != volume.blockSizeBytes())) {
                refuse(
                        volume.line(),
                        key + " blockSize",
                        "it has blocks of " + has.blockSizeBytes() + " bytes, which never change; write that, or make "
                                + "another volume and copy");
            }
            VolumeLayout layout = Volumes.layout(volume);
            if (!layout.equals(has.layout()) && (old == null || !old.layout().equals(volume.layout()))) {
                refuse(
                        volume.line(),
                        key + " layout",
                        "it is " + has.layout().describe()
                                + ", which never changes; write that, or make another volume " + "and copy");
            }
        }

        private void change(GatewayConfig.Volume old, GatewayConfig.Volume volume, boolean assigned) {
            String subject = "volume " + volume.name();
            if (old.line() == 0 && volume.line() > 0) {
                changes.add(new Change(Kind.changed, subject, "was made by command; the file declares it from now on"));
            }
            boolean other = old.sizeBytes() != volume.sizeBytes()
                    || old.blockSizeBytes() != volume.blockSizeBytes()
                    || !old.layout().equals(volume.layout());
            if (!assigned && other) {
                changes.add(new Change(
                        Kind.changed,
                        subject,
                        Sizes.show(volume.sizeBytes()) + ", "
                                + Volumes.layout(volume).describe() + "; it has no partitions yet"));
            }
            Set<String> hosts = new HashSet<>();
            for (GatewayConfig.Attachment attachment : volume.attachments()) {
                hosts.add(attachment.host());
                Optional<GatewayConfig.Attachment> was = old.attachments().stream()
                        .filter(each -> each.host().equals(attachment.host()))
                        .findFirst();
                int number = was.map(GatewayConfig.Attachment::lun).orElse(-1) >= 0
                        ? was.get().lun()
                        : facts.lun(attachment.host(), volume.name()).orElse(-1);
                if (was.isEmpty()) {
                    changes.add(new Change(Kind.changed, subject, "host " + attachment.host() + " sees it, too"));
                } else if (attachment.lun() >= 0 && attachment.lun() != number) {
                    if (number >= 0) {
                        lose(attachment.host(), "LUN " + number + ", " + subject);
                    }
                    changes.add(new Change(
                            Kind.changed,
                            subject,
                            "LUN " + attachment.lun() + (number < 0 ? "" : " instead of " + number) + " for host "
                                    + attachment.host()));
                }
            }
            for (GatewayConfig.Attachment was : old.attachments()) {
                if (!hosts.contains(was.host())) {
                    lose(was.host(), subject);
                    changes.add(new Change(Kind.changed, subject, "host " + was.host() + " sees it no more"));
                }
            }
        }

        private void vanished(GatewayConfig.Volume volume) {
            boolean assigned = facts.volume(volume.name()).isPresent();
            if (assigned) {
                volume.attachments().forEach(each -> lose(each.host(), "volume " + volume.name()));
            }
            changes.add(
                    assigned
                            ? new Change(
                                    Kind.kept,
                                    "volume " + volume.name(),
                                    "declared no more: its LUN vanishes, its data are kept; declare it again, or: sanway "
                                            + "volume delete " + volume.name())
                            : new Change(Kind.removed, "volume " + volume.name(), "it had no partitions yet"));
        }

        private static String hosts(GatewayConfig.Volume volume) {
            return String.join(
                    ", ",
                    volume.attachments().stream()
                            .map(each ->
                                    (each.lun() < 0 ? "the next LUN" : "LUN " + each.lun()) + " of host " + each.host())
                            .toList());
        }

        /** Numbers that are written once in the file may still be those of volumes whose number stands in no file. */
        private void luns() {
            Map<String, GatewayConfig.Volume> taken = new LinkedHashMap<>();
            for (GatewayConfig.Volume volume : wanted.volumes()) {
                for (GatewayConfig.Attachment attachment : volume.attachments()) {
                    int number = attachment.lun() >= 0
                            ? attachment.lun()
                            : now.volumes().stream()
                                            .anyMatch(each -> each.name().equals(volume.name()))
                                    ? facts.lun(attachment.host(), volume.name())
                                            .orElse(-1)
                                    : -1;
                    GatewayConfig.Volume other =
                            number < 0 ? null : taken.putIfAbsent(attachment.host() + " " + number, volume);
                    if (other != null) {
                        refuse(
                                Math.max(volume.line(), other.line()),
                                "lun",
                                "LUN " + number + " of host " + attachment.host() + " is that of both " + other.name()
                                        + " and " + volume.name() + "; write another one");
                    }
                }
            }
        }
    }
}
