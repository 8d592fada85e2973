package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.Outcome;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Control station and units in virtual time, over a network that does what networks do, with failures of power between any two
 * effects. A failure names its seed; {@code -Dsanway.seed=N} runs that one alone.
 */
class SimulationTest {
    private static final long MIB = 1 << 20;
    private static final long CHAOS_MILLIS = 150_000;
    private static final long PEACE_MILLIS = 180_000;

    /** What happened in all runs, to see that the runs are worth something. */
    private final Map<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);

    private long sent;
    private long carelessTales;
    private long starts;
    private final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);

    @Test
    void bothSidesEndUpAgreeing() {
        seeds(1, 60);
        assertThat(outcomes.keySet())
                .containsAll(EnumSet.of(
                        Outcome.DONE,
                        Outcome.NO_SUCH_VOLUME,
                        Outcome.NO_SPACE,
                        Outcome.IN_USE,
                        Outcome.ALREADY_ASSIGNED,
                        Outcome.NO_SUCH_PARTITION,
                        Outcome.INVALID,
                        Outcome.FAILED));
        assertThat(carelessTales).as("tales under a wrong revision").isPositive();
        assertThat(drops.keySet())
                .containsAll(EnumSet.of(
                        DropReason.TRUNCATED,
                        DropReason.BAD_AUTHENTICATOR,
                        DropReason.WRONG_DIRECTION,
                        DropReason.MISADDRESSED,
                        DropReason.OTHER_BOOT,
                        DropReason.OLD_BOOT,
                        DropReason.REPLAYED,
                        DropReason.UNKNOWN_SENDER,
                        DropReason.OTHER_ADDRESS,
                        DropReason.UNEXPECTED_ANSWER,
                        DropReason.INCOMPLETE,
                        DropReason.BUSY));
    }

    @Test
    @Tag("slow")
    void bothSidesEndUpAgreeingTwoThousandTimes() {
        seeds(10_000, 2_000);
        System.out.println("2,000 runs: " + sent + " datagrams sent, " + starts + " starts; outcomes " + outcomes
                + ", drops " + drops);
    }

    private void seeds(long first, int count) {
        Long one = Long.getLong("sanway.seed");
        for (long seed = one != null ? one : first; seed < (one != null ? one + 1 : first + count); seed++) {
            try {
                run(seed);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    private void run(long seed) {
        SimulatedNetwork network = new SimulatedNetwork(seed);
        SimulatedControl control = new SimulatedControl(network, 1);
        List<SimulatedUnit> units = new ArrayList<>();
        int count = 1 + network.random.nextInt(4);
        for (int i = 0; i < count; i++) {
            UUID uuid = SampleMessages.uuid(network.random);
            units.add(new SimulatedUnit(
                    network,
                    100 + i,
                    uuid,
                    network.chance(0.5) ? List.of(control.address()) : List.of(),
                    1_000 * MIB,
                    declared(network, many(network))));
            plan(network, control, uuid);
        }
        units.forEach(unit -> control.watched.put(unit.table.unit(), unit));
        control.careless = 0.3;
        network.unkind = true;
        network.loss = network.random.nextDouble() * 0.4;
        double failure = network.random.nextDouble() * 0.01;
        control.failure = failure;
        network.after(network.random.nextInt(5_000), control::start);
        for (SimulatedUnit unit : units) {
            unit.failure = failure;
            network.after(network.random.nextInt(5_000), unit::start);
        }
        long end = network.nowMillis() + CHAOS_MILLIS;
        trouble(network, control, units, end);
        network.runUntil(end);
        network.heal();
        control.failure = 0;
        units.forEach(unit -> unit.failure = 0);
        control.start();
        units.forEach(SimulatedUnit::start);
        for (long second = 0; second < PEACE_MILLIS / 1_000 && !agreed(control, units); second++) {
            network.runUntil(network.nowMillis() + 1_000);
            control.start();
            units.forEach(SimulatedUnit::start);
        }
        check(control, units);
        carelessTales += control.carelessTales;
        sent += network.sent;
        starts += control.starts();
        for (SimulatedUnit unit : units) {
            starts += unit.table.boot();
        }
    }

    /** Now and then something falls over, goes in an orderly way, or is cut off. */
    private static void trouble(
            SimulatedNetwork network, SimulatedControl control, List<SimulatedUnit> units, long endMillis) {
        network.after(network.random.nextInt(8_000), () -> {
            if (network.nowMillis() >= endMillis) {
                return;
            }
            SimulatedUnit unit = units.get(network.random.nextInt(units.size()));
            int down = network.random.nextInt(20_000);
            switch (network.random.nextInt(6)) {
                case 0 -> {
                    control.crash();
                    network.after(down, control::start);
                }
                case 1 -> {
                    unit.crash();
                    network.after(down, unit::start);
                }
                case 2 -> {
                    unit.stop();
                    network.after(3_000 + down, unit::start);
                }
                case 3 -> unit.declareAnew(declared(network, many(network)));
                case 4 -> network.cut(unit.address(), down);
                default -> network.cut(control.address(), down);
            }
            trouble(network, control, units, endMillis);
        });
    }

    /** Now and then more than is told at once. */
    private static int many(SimulatedNetwork network) {
        return network.random.nextInt(network.chance(0.15) ? 500 : 30);
    }

    /** Units whose disks are set back to something older and changed there, so that only another boot tells. */
    @Test
    void aUnitThatWasSetBackIsTakenForWhatItIsNow() {
        for (long seed = 1; seed <= 40; seed++) {
            SimulatedNetwork network = new SimulatedNetwork(seed);
            SimulatedControl control = new SimulatedControl(network, 1);
            SimulatedUnit unit = new SimulatedUnit(
                    network,
                    100,
                    SampleMessages.uuid(network.random),
                    List.of(control.address()),
                    1_000 * MIB,
                    declared(network, 3));
            control.watched.put(unit.table.unit(), unit);
            network.loss = network.random.nextDouble() * 0.3;
            control.start();
            unit.start();
            List<UnitTable> older = new ArrayList<>();
            for (int round = 0; round < 8; round++) {
                older.add(unit.table);
                unit.declareAnew(declared(network, 1 + network.random.nextInt(5)));
                network.runUntil(network.nowMillis() + 5_000 + network.random.nextInt(20_000));
                if (network.chance(0.4)) {
                    unit.crash();
                    unit.setBack(older.get(network.random.nextInt(older.size())));
                    unit.start();
                    network.runUntil(network.nowMillis() + network.random.nextInt(20_000));
                }
            }
            unit.crash();
            unit.setBack(older.getFirst());
            network.heal();
            unit.start();
            network.runUntil(network.nowMillis() + 90_000);
            assertThat(agreed(control, List.of(unit)))
                    .as("seed %s: %s %s", seed, control.station().units(), unit.table)
                    .isTrue();
        }
    }

    static List<StoredVolume> declared(SimulatedNetwork network, int count) {
        List<StoredVolume> volumes = new ArrayList<>();
        for (int lun = 0; lun < count; lun++) {
            volumes.add(
                    new StoredVolume(SampleMessages.uuid(network.random), null, lun, 10 * MIB, 512, Health.GOOD, true));
        }
        return volumes;
    }

    /** Commands of every kind, most of them sensible. */
    private static void plan(SimulatedNetwork network, SimulatedControl control, UUID unit) {
        List<UUID> volumes = new ArrayList<>();
        List<UUID> partitions = new ArrayList<>();
        volumes.add(SampleMessages.uuid(network.random));
        UUID pool = SampleMessages.uuid(network.random);
        int generation = 1;
        for (int i = 15 + network.random.nextInt(60); i > 0; i--) {
            CommandHeader header = new CommandHeader(SampleMessages.uuid(network.random), 1, 1, 1);
            UUID volume = volumes.get(network.random.nextInt(volumes.size()));
            long size = MIB * (20 + network.random.nextInt(300));
            switch (network.random.nextInt(8)) {
                case 0, 1 -> {
                    control.want(unit, new Message.VolumeCreate(header, volume, size, true));
                    volumes.add(SampleMessages.uuid(network.random));
                }
                case 2 -> control.want(unit, new Message.VolumeExtend(header, volume, size));
                case 3 -> control.want(unit, new Message.VolumeDelete(header, volume));
                case 4 -> {
                    if (!partitions.isEmpty()) {
                        UUID partition = partitions.get(network.random.nextInt(partitions.size()));
                        control.want(
                                unit,
                                new Message.PartitionRelease(
                                        header, List.of(new Message.Release(partition, generation + 1))));
                    }
                }
                default -> {
                    List<Message.Assignment> assignments = new ArrayList<>();
                    long at = MIB * (1 + network.random.nextInt(40));
                    for (int n = 1 + network.random.nextInt(network.chance(0.2) ? 40 : 3); n > 0; n--) {
                        UUID partition = SampleMessages.uuid(network.random);
                        partitions.add(partition);
                        assignments.add(new Message.Assignment(
                                partition, at, MIB, new Message.Owner(pool, SampleMessages.uuid(network.random), n)));
                        at += MIB;
                    }
                    control.want(unit, new Message.PartitionAssign(header, volume, assignments));
                }
            }
            generation++;
        }
    }

    private static boolean agreed(SimulatedControl control, List<SimulatedUnit> units) {
        return control.up()
                && control.settled()
                && units.stream()
                        .allMatch(unit -> unit.up()
                                && control.station()
                                        .unit(unit.table.unit())
                                        .filter(view ->
                                                view.status() == UnitView.Status.ONLINE && same(view, unit.table))
                                        .isPresent());
    }

    private static boolean same(UnitView view, UnitTable table) {
        return view.storage() != null
                && view.boot() == table.boot()
                && view.admission() == Admission.ADOPTED
                && view.storage().revision() == table.revision()
                && view.storage().generation() == table.generation()
                && view.storage().volumes().equals(table.volumes())
                && view.storage().partitions().equals(table.partitions());
    }

    private void check(SimulatedControl control, List<SimulatedUnit> units) {
        assertThat(control.settled()).as("every intent is answered").isTrue();
        for (SimulatedUnit unit : units) {
            UnitView view = control.station().unit(unit.table.unit()).orElseThrow();
            assertThat(same(view, unit.table))
                    .as("the same on both sides: %s %s", view, unit.table)
                    .isTrue();
            assertThat(view.status()).isEqualTo(UnitView.Status.ONLINE);
            assertThat(unit.agent().admission()).isPresent();
            assertThat(unit.table.partitions().keySet())
                    .isEqualTo(expected(control.intents.getOrDefault(unit.table.unit(), List.of())));
            count(unit.drops);
        }
        count(control.drops);
        control.intents
                .values()
                .forEach(list -> list.forEach(
                        intent -> outcomes.merge(java.util.Objects.requireNonNull(intent.outcome), 1, Integer::sum)));
    }

    /** What the answers together say must be assigned. */
    private static Set<UUID> expected(List<SimulatedControl.Intent> intents) {
        Map<UUID, Boolean> assigned = new HashMap<>();
        for (SimulatedControl.Intent intent : intents) {
            if (intent.outcome == Outcome.DONE) {
                if (intent.command instanceof Message.PartitionAssign assign) {
                    assign.assignments().forEach(one -> assigned.put(one.partition(), true));
                } else if (intent.command instanceof Message.PartitionRelease release) {
                    release.releases().forEach(one -> assigned.remove(one.partition()));
                }
            }
        }
        return assigned.keySet();
    }

    private void count(DropCounters counters) {
        for (DropReason reason : DropReason.values()) {
            if (counters.of(reason) > 0) {
                drops.merge(reason, counters.of(reason), Long::sum);
            }
        }
    }

    @Test
    void aThousandUnitsAreAdoptedWithinAMinute() {
        SimulatedNetwork network = new SimulatedNetwork(1);
        network.loss = 0.01;
        SimulatedControl control = new SimulatedControl(network, 1);
        List<SimulatedUnit> units = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            units.add(new SimulatedUnit(
                    network,
                    100 + i,
                    SampleMessages.uuid(network.random),
                    List.of(control.address()),
                    100 * MIB,
                    declared(network, 10)));
        }
        long start = network.nowMillis();
        control.start();
        units.forEach(SimulatedUnit::start);
        while (network.nowMillis() < start + 60_000 && !agreed(control, units)) {
            network.runUntil(network.nowMillis() + 100);
        }
        long adopted = network.nowMillis() - start;
        assertThat(agreed(control, units)).as("adopted within 60 s").isTrue();
        assertThat(control.station().units())
                .allMatch(view ->
                        view.storage() != null && view.storage().volumes().size() == 10);
        network.runUntil(network.nowMillis() + 10_000);
        long before = network.sent;
        network.runUntil(network.nowMillis() + 60_000);
        double perSecond = (network.sent - before) / 60.0;
        long with = usedBytes();
        control.crash();
        long stationBytes = with - usedBytes();
        System.out.printf(
                "1,000 units adopted after %d ms; %.0f datagrams per second then; the control station holds %d KiB%n",
                adopted, perSecond, stationBytes >> 10);
        // A heartbeat and its answer every two seconds for each.
        assertThat(perSecond).isBetween(900.0, 1_150.0);
        assertThat(stationBytes).isLessThan(32 * MIB);
    }

    private static long usedBytes() {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            System.gc();
            used = Math.min(
                    used,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return used;
    }

    /** Somebody copied a unit's directory. */
    @Test
    void aSecondLiveUnitWithTheSameUuidIsRefusedAndReported() {
        SimulatedNetwork network = new SimulatedNetwork(7);
        SimulatedControl control = new SimulatedControl(network, 1);
        UUID uuid = SampleMessages.uuid(network.random);
        SimulatedUnit original =
                new SimulatedUnit(network, 100, uuid, List.of(control.address()), 100 * MIB, List.of());
        SimulatedUnit copy = new SimulatedUnit(network, 101, uuid, List.of(control.address()), 100 * MIB, List.of());
        control.start();
        original.start();
        network.runUntil(network.nowMillis() + 10_000);
        copy.start();
        network.runUntil(network.nowMillis() + 120_000);
        UnitView view = control.station().unit(uuid).orElseThrow();
        assertThat(view.address()).isEqualTo(original.address());
        assertThat(view.status()).isEqualTo(UnitView.Status.ONLINE);
        assertThat(original.agent().admission()).hasValue(Admission.ADOPTED);
        assertThat(control.reports).anyMatch(text -> text.contains("another unit with the UUID " + uuid));
        assertThat(copy.reports).anyMatch(text -> text.contains("is live at"));
        // The original goes, and the copy is the unit.
        original.crash();
        network.runUntil(network.nowMillis() + 60_000);
        assertThat(control.station().unit(uuid).orElseThrow().address()).isEqualTo(copy.address());
        assertThat(copy.agent().admission()).hasValue(Admission.ADOPTED);
    }

    @Test
    void silenceMakesAUnitSuspectAndThenOffline() {
        SimulatedNetwork network = new SimulatedNetwork(8);
        SimulatedControl control = new SimulatedControl(network, 1);
        UUID uuid = SampleMessages.uuid(network.random);
        SimulatedUnit unit = new SimulatedUnit(network, 100, uuid, List.of(control.address()), 100 * MIB, List.of());
        control.start();
        unit.start();
        network.runUntil(network.nowMillis() + 10_000);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.ONLINE);
        unit.crash();
        network.runUntil(network.nowMillis() + 3_500);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.ONLINE);
        network.runUntil(network.nowMillis() + 3_500);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.SUSPECT);
        network.runUntil(network.nowMillis() + 9_000);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.OFFLINE);
        unit.start();
        network.runUntil(network.nowMillis() + 1_000);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.ONLINE);
        unit.stop();
        network.runUntil(network.nowMillis() + 1_000);
        assertThat(status(control, uuid)).isEqualTo(UnitView.Status.SHUT_DOWN);
        assertThat(unit.up()).isFalse();
    }

    private static UnitView.Status status(SimulatedControl control, UUID uuid) {
        return control.station().unit(uuid).orElseThrow().status();
    }
}
