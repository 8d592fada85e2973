package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Assignment;
import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.Outcome;
import dev.sanway.autoconfig.Message.Owner;
import dev.sanway.autoconfig.Message.Release;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitTable.Decision;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What a unit decides about commands. */
class UnitTableTest {
    private static final long MIB = 1 << 20;
    private static final long CAPACITY = 1_000 * MIB;
    private static final UUID DECLARED = new UUID(1, 1);
    private static final UUID MADE = new UUID(1, 2);
    private static final Owner OWNER = new Owner(new UUID(2, 1), new UUID(2, 2), 0);

    private int requests;
    private UnitTable table = UnitTable.empty(new UUID(9, 9))
            .nextBoot()
            .declaring(List.of(new StoredVolume(DECLARED, null, 0, 100 * MIB, 512, Health.GOOD, true)));

    private CommandHeader header(long epoch, long number, long generation) {
        return new CommandHeader(new UUID(7, ++requests), epoch, number, generation);
    }

    private CommandHeader next() {
        return header(1, table.number() + 1, table.generation());
    }

    /** Carries a command out, files included. */
    private Outcome carryOut(Command command) {
        UnitTable before = table;
        return switch (table.decide(command, CAPACITY)) {
            case Decision.Settled settled -> {
                table = settled.table();
                yield settled.result().outcome();
            }
            case Decision.ToPerform _ -> {
                table = table.performed(command, null, java.util.Set.of()).table();
                yield Outcome.DONE;
            }
            case Decision.Again again -> again.result().outcome();
            case Decision.Refused refused -> {
                assertThat(table).isEqualTo(before);
                yield refused.result().outcome();
            }
        };
    }

    private Command assign(CommandHeader header, UUID volume, UUID partition, long startMib, long lengthMib) {
        return new Message.PartitionAssign(
                header, volume, List.of(new Assignment(partition, startMib * MIB, lengthMib * MIB, OWNER)));
    }

    private long generation(UUID partition) {
        return java.util.Objects.requireNonNull(table.partitions().get(partition))
                .generation();
    }

    private StoredVolume made() {
        return java.util.Objects.requireNonNull(table.volumes().get(MADE));
    }

    private UUID partition(int number) {
        return new UUID(3, number);
    }

    @Test
    void theSameRequestGetsTheSameAnswerAndIsCarriedOutOnce() {
        Command first = assign(next(), DECLARED, partition(1), 1, 10);
        assertThat(carryOut(first)).isEqualTo(Outcome.DONE);
        UnitTable after = table;
        assertThat(table.decide(first, CAPACITY))
                .isInstanceOfSatisfying(
                        Decision.Again.class,
                        again -> assertThat(again.result())
                                .isEqualTo(after.results().getLast()));
        // Also under another header, as a control station that was restarted gives it.
        Command again = first.with(new CommandHeader(first.header().requestId(), 5, 1, table.generation()));
        assertThat(carryOut(again)).isEqualTo(Outcome.DONE);
        assertThat(table).isEqualTo(after);
        // A refusal on the merits stays the answer, too.
        Command overlapping = assign(next(), DECLARED, partition(2), 5, 10);
        assertThat(carryOut(overlapping)).isEqualTo(Outcome.ALREADY_ASSIGNED);
        assertThat(carryOut(
                        new Message.PartitionRelease(next(), List.of(new Release(partition(1), table.generation())))))
                .isEqualTo(Outcome.DONE);
        assertThat(carryOut(overlapping)).isEqualTo(Outcome.ALREADY_ASSIGNED);
    }

    @Test
    void whatIsStaleIsRefusedAndChangesNothing() {
        assertThat(carryOut(assign(header(4, 7, 1), DECLARED, partition(1), 1, 1)))
                .isEqualTo(Outcome.DONE);
        long generation = table.generation();
        assertThat(carryOut(assign(header(3, 99, generation), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.STALE_EPOCH);
        assertThat(carryOut(assign(header(4, 7, generation), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.STALE_NUMBER);
        assertThat(carryOut(assign(header(4, 6, generation), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.STALE_NUMBER);
        assertThat(carryOut(assign(header(4, 8, generation - 1), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.OTHER_GENERATION);
        assertThat(carryOut(assign(header(4, 8, generation + 1), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.OTHER_GENERATION);
        assertThat(carryOut(assign(header(4, 8, generation), DECLARED, partition(2), 2, 1)))
                .isEqualTo(Outcome.DONE);
        assertThat(carryOut(assign(header(5, 1, generation + 1), DECLARED, partition(3), 3, 1)))
                .isEqualTo(Outcome.DONE);
    }

    @Test
    void aPartitionIsNeverAssignedTwice() {
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 10, 10))).isEqualTo(Outcome.DONE);
        assertThat(carryOut(assign(next(), DECLARED, partition(2), 19, 1))).isEqualTo(Outcome.ALREADY_ASSIGNED);
        assertThat(carryOut(assign(next(), DECLARED, partition(2), 1, 10))).isEqualTo(Outcome.ALREADY_ASSIGNED);
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 50, 1))).isEqualTo(Outcome.ALREADY_ASSIGNED);
        // All or none, and not twice within one command.
        assertThat(carryOut(new Message.PartitionAssign(
                        next(),
                        DECLARED,
                        List.of(
                                new Assignment(partition(5), 30 * MIB, MIB, OWNER),
                                new Assignment(partition(6), 30 * MIB, MIB, OWNER)))))
                .isEqualTo(Outcome.ALREADY_ASSIGNED);
        assertThat(table.partitions()).hasSize(1);
        assertThat(carryOut(assign(next(), DECLARED, partition(2), 20, 80))).isEqualTo(Outcome.DONE);
    }

    @Test
    void aPartitionLiesWithinItsVolumeBehindTheLabel() {
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 0, 1))).isEqualTo(Outcome.INVALID);
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 99, 2))).isEqualTo(Outcome.INVALID);
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 1, 100))).isEqualTo(Outcome.INVALID);
        assertThat(carryOut(assign(next(), DECLARED, partition(1), 5_000_000, 1)))
                .isEqualTo(Outcome.INVALID);
        assertThat(carryOut(new Message.PartitionAssign(
                        next(), DECLARED, List.of(new Assignment(partition(1), MIB + 512, MIB, OWNER)))))
                .isEqualTo(Outcome.INVALID);
        assertThat(carryOut(assign(next(), MADE, partition(1), 1, 1))).isEqualTo(Outcome.NO_SUCH_VOLUME);
        assertThat(table.partitions()).isEmpty();
    }

    @Test
    void aReleaseNamesTheGeneration() {
        carryOut(assign(next(), DECLARED, partition(1), 1, 1));
        carryOut(assign(next(), DECLARED, partition(2), 2, 1));
        long first = generation(partition(1));
        long second = generation(partition(2));
        assertThat(second).isGreaterThan(first);
        assertThat(carryOut(new Message.PartitionRelease(
                        next(), List.of(new Release(partition(1), first), new Release(partition(2), first)))))
                .isEqualTo(Outcome.NO_SUCH_PARTITION);
        assertThat(table.partitions()).hasSize(2);
        assertThat(carryOut(new Message.PartitionRelease(
                        next(), List.of(new Release(partition(1), first), new Release(partition(2), second)))))
                .isEqualTo(Outcome.DONE);
        assertThat(table.partitions()).isEmpty();
    }

    @Test
    void volumesAreMadeWithinTheCapacity() {
        assertThat(carryOut(new Message.VolumeCreate(next(), MADE, 901 * MIB, true)))
                .isEqualTo(Outcome.NO_SPACE);
        assertThat(carryOut(new Message.VolumeCreate(next(), MADE, 1_000, true)))
                .isEqualTo(Outcome.INVALID);
        assertThat(carryOut(new Message.VolumeCreate(next(), MADE, 800 * MIB, true)))
                .isEqualTo(Outcome.DONE);
        assertThat(made().lun()).isEqualTo(1);
        assertThat(carryOut(new Message.VolumeCreate(next(), MADE, 800 * MIB, true)))
                .isEqualTo(Outcome.DONE);
        assertThat(carryOut(new Message.VolumeCreate(next(), MADE, 700 * MIB, true)))
                .isEqualTo(Outcome.INVALID);
        assertThat(carryOut(new Message.VolumeExtend(next(), MADE, 901 * MIB))).isEqualTo(Outcome.NO_SPACE);
        assertThat(carryOut(new Message.VolumeExtend(next(), MADE, 799 * MIB))).isEqualTo(Outcome.INVALID);
        assertThat(carryOut(new Message.VolumeExtend(next(), MADE, 900 * MIB))).isEqualTo(Outcome.DONE);
        assertThat(carryOut(new Message.VolumeExtend(next(), new UUID(1, 5), MIB)))
                .isEqualTo(Outcome.NO_SUCH_VOLUME);
        assertThat(made().sizeBytes()).isEqualTo(900 * MIB);
        assertThat(table.performed(
                                new Message.VolumeCreate(next(), new UUID(1, 6), MIB, true),
                                "no space left",
                                java.util.Set.of())
                        .table()
                        .volumes())
                .isEqualTo(table.volumes());
    }

    @Test
    void deletingIsRefusedWhileAPartitionIsAssignedAndForWhatIsDeclared() {
        carryOut(new Message.VolumeCreate(next(), MADE, 10 * MIB, true));
        carryOut(assign(next(), MADE, partition(1), 1, 1));
        assertThat(carryOut(new Message.VolumeDelete(next(), MADE))).isEqualTo(Outcome.IN_USE);
        assertThat(carryOut(new Message.VolumeDelete(next(), DECLARED))).isEqualTo(Outcome.DECLARED);
        assertThat(carryOut(new Message.VolumeExtend(next(), DECLARED, 200 * MIB)))
                .isEqualTo(Outcome.DECLARED);
        carryOut(new Message.PartitionRelease(next(), List.of(new Release(partition(1), table.generation()))));
        assertThat(carryOut(new Message.VolumeDelete(next(), MADE))).isEqualTo(Outcome.DONE);
        assertThat(table.volumes()).containsOnlyKeys(DECLARED);
        long generation = table.generation();
        assertThat(carryOut(new Message.VolumeDelete(next(), MADE))).isEqualTo(Outcome.DONE);
        assertThat(table.generation()).isEqualTo(generation);
    }

    @Test
    void answersAreBoundedAndAnOlderRequestIsStaleThen() {
        Command first = assign(next(), DECLARED, partition(1), 1, 1);
        carryOut(first);
        for (int i = 0; i < UnitTable.MAX_RESULTS; i++) {
            carryOut(new Message.VolumeDelete(next(), MADE));
        }
        assertThat(table.results()).hasSize(UnitTable.MAX_RESULTS);
        assertThat(carryOut(first)).isEqualTo(Outcome.STALE_NUMBER);
    }
}
