package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Assignment;
import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.Outcome;
import dev.sanway.autoconfig.Message.Release;
import dev.sanway.autoconfig.Message.Result;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a unit keeps: its boot number, the partition table (Fig. 5), which commands it carried out and what it answered. A value;
 * decisions are pure and give another one, which is kept whole before anybody is answered.
 *
 * @param epoch the highest of a command that was decided
 * @param number the highest in that epoch
 * @param generation of the partition table: one more with each change of volumes or partitions by command
 * @param revision of all that is told: also changes with what the operator changes
 * @param results of the last commands, oldest first
 * @param control the control station that answered last; null: none yet
 */
public record UnitTable(
        UUID unit,
        long boot,
        long epoch,
        long number,
        long generation,
        long revision,
        Map<UUID, StoredVolume> volumes,
        Map<UUID, StoredPartition> partitions,
        List<Result> results,
        @Nullable UUID control,
        long controlBoot) {

    /** Answers to so many commands are kept; a control station has one command under way at a unit. */
    public static final int MAX_RESULTS = 256;

    /** Partitions begin behind the label, and at multiples of this. */
    public static final long ALIGNMENT_BYTES = 1 << 20;

    private static final long LABEL_BYTES = 1 << 20;
    private static final int NEW_BLOCK_SIZE_BYTES = 512;

    public UnitTable {
        volumes = Map.copyOf(volumes);
        partitions = Map.copyOf(partitions);
        results = List.copyOf(results);
    }

    /** Of a unit that never ran. */
    public static UnitTable empty(UUID unit) {
        return new UnitTable(unit, 0, 0, 0, 1, 1, Map.of(), Map.of(), List.of(), null, 0);
    }

    public UnitTable nextBoot() {
        return new UnitTable(
                unit,
                boot + 1,
                epoch,
                number,
                generation,
                revision,
                volumes,
                partitions,
                results,
                control,
                controlBoot);
    }

    UnitTable under(UUID newControl, long newControlBoot) {
        return new UnitTable(
                unit,
                boot,
                epoch,
                number,
                generation,
                revision,
                volumes,
                partitions,
                results,
                newControl,
                newControlBoot);
    }

    /** The same with the volumes that the operator declares; partitions of a volume that is gone stay known. */
    public UnitTable declaring(List<StoredVolume> declared) {
        Map<UUID, StoredVolume> now = new HashMap<>(volumes);
        now.values().removeIf(StoredVolume::declared);
        declared.forEach(volume -> now.put(volume.uuid(), volume));
        return withVolumes(now);
    }

    /** The same with volumes as they were found: another size or health than was kept. */
    public UnitTable found(List<StoredVolume> found) {
        Map<UUID, StoredVolume> now = new HashMap<>(volumes);
        found.forEach(volume -> now.replace(volume.uuid(), volume));
        return withVolumes(now);
    }

    /** A new revision, if that changes anything. */
    private UnitTable withVolumes(Map<UUID, StoredVolume> now) {
        return now.equals(volumes)
                ? this
                : new UnitTable(
                        unit,
                        boot,
                        epoch,
                        number,
                        generation,
                        revision + 1,
                        now,
                        partitions,
                        results,
                        control,
                        controlBoot);
    }

    long usedBytes() {
        return volumes.values().stream().mapToLong(StoredVolume::sizeBytes).sum();
    }

    /** What is to be done about a command. */
    sealed interface Decision {
        /** It is refused, nothing changes, and the same request may be decided otherwise another time. */
        record Refused(Result result) implements Decision {}

        /** It was decided before: the same answer again. */
        record Again(Result result) implements Decision {}

        /** It is decided: the table is kept, then the answer goes out. */
        record Settled(UnitTable table, Result result) implements Decision {}

        /** Files have to be made or extended first. */
        record ToPerform() implements Decision {}
    }

    /** Decides about a command. */
    Decision decide(Command command, long capacityBytes) {
        Message.CommandHeader header = command.header();
        for (Result result : results) {
            if (result.requestId().equals(header.requestId())) {
                return new Decision.Again(result);
            }
        }
        if (header.epoch() < epoch) {
            return refused(header, Outcome.STALE_EPOCH, "epoch " + header.epoch() + " is over; this is " + epoch);
        }
        if (header.epoch() == epoch && header.number() <= number) {
            return refused(
                    header, Outcome.STALE_NUMBER, "number " + header.number() + " was passed; last was " + number);
        }
        if (header.expectedGeneration() != generation) {
            return refused(
                    header,
                    Outcome.OTHER_GENERATION,
                    "the table has generation " + generation + ", not " + header.expectedGeneration());
        }
        return switch (command) {
            case Message.VolumeCreate create -> create(create, capacityBytes);
            case Message.VolumeExtend extend -> extend(extend, capacityBytes);
            case Message.VolumeDelete delete -> delete(delete);
            case Message.PartitionAssign assign -> assign(assign);
            case Message.PartitionRelease release -> release(release);
        };
    }

    private Decision.Refused refused(Message.CommandHeader header, Outcome outcome, String explanation) {
        return new Decision.Refused(new Result(header.requestId(), outcome, revision, generation, explanation));
    }

    /** The decision that nothing changes, which is kept, so that it stays the answer. */
    private Decision.Settled settled(Command command, Outcome outcome, String explanation) {
        return settled(command, outcome, explanation, revision, generation, volumes, partitions);
    }

    private Decision.Settled done(
            Command command, Map<UUID, StoredVolume> newVolumes, Map<UUID, StoredPartition> newPartitions) {
        return settled(command, Outcome.DONE, "", revision + 1, generation + 1, newVolumes, newPartitions);
    }

    private Decision.Settled settled(
            Command command,
            Outcome outcome,
            String explanation,
            long newRevision,
            long newGeneration,
            Map<UUID, StoredVolume> newVolumes,
            Map<UUID, StoredPartition> newPartitions) {
        Result result = new Result(command.header().requestId(), outcome, newRevision, newGeneration, explanation);
        List<Result> newResults = new java.util.ArrayList<>(results);
        newResults.add(result);
        if (newResults.size() > MAX_RESULTS) {
            newResults.removeFirst();
        }
        return new Decision.Settled(
                new UnitTable(
                        unit,
                        boot,
                        command.header().epoch(),
                        command.header().number(),
                        newGeneration,
                        newRevision,
                        newVolumes,
                        newPartitions,
                        newResults,
                        control,
                        controlBoot),
                result);
    }

    private Decision create(Message.VolumeCreate create, long capacityBytes) {
        StoredVolume before = volumes.get(create.volume());
        if (before != null) {
            return before.sizeBytes() == create.sizeBytes()
                    ? settled(create, Outcome.DONE, "")
                    : settled(create, Outcome.INVALID, "the volume exists, with " + before.sizeBytes() + " bytes");
        }
        return room(create, create.sizeBytes(), 0, capacityBytes);
    }

    private Decision extend(Message.VolumeExtend extend, long capacityBytes) {
        StoredVolume before = volumes.get(extend.volume());
        if (before == null) {
            return settled(extend, Outcome.NO_SUCH_VOLUME, "there is no volume " + extend.volume());
        }
        if (before.declared()) {
            return settled(extend, Outcome.DECLARED, "the volume stands in unit.yaml; its size is changed there");
        }
        if (extend.sizeBytes() < before.sizeBytes()) {
            return settled(extend, Outcome.INVALID, "it has " + before.sizeBytes() + " bytes and is not made smaller");
        }
        return extend.sizeBytes() == before.sizeBytes()
                ? settled(extend, Outcome.DONE, "")
                : room(extend, extend.sizeBytes(), before.sizeBytes(), capacityBytes);
    }

    private Decision room(Command command, long sizeBytes, long beforeBytes, long capacityBytes) {
        if (sizeBytes % NEW_BLOCK_SIZE_BYTES != 0) {
            return settled(command, Outcome.INVALID, sizeBytes + " bytes are no whole number of blocks");
        }
        long free = capacityBytes - usedBytes() + beforeBytes;
        return sizeBytes <= free
                ? new Decision.ToPerform()
                : settled(
                        command,
                        Outcome.NO_SPACE,
                        "needs " + sizeBytes + " bytes, and " + Math.max(0, free) + " are free");
    }

    /**
     * A volume was made or extended, or could not be.
     *
     * @param reservedLuns numbers that a new volume does not get
     */
    Decision.Settled performed(Command command, @Nullable String failure, Set<Integer> reservedLuns) {
        if (failure != null) {
            return settled(command, Outcome.FAILED, failure);
        }
        return switch (command) {
            case Message.VolumeCreate create ->
                done(
                        command,
                        with(
                                volumes,
                                create.volume(),
                                new StoredVolume(
                                        create.volume(),
                                        null,
                                        freeLun(reservedLuns),
                                        create.sizeBytes(),
                                        NEW_BLOCK_SIZE_BYTES,
                                        Health.GOOD,
                                        false)),
                        partitions);
            case Message.VolumeExtend extend ->
                done(command, changed(extend.volume(), volume -> sized(volume, extend.sizeBytes())), partitions);
            case Message.VolumeDelete _, Message.PartitionAssign _, Message.PartitionRelease _ ->
                throw new IllegalStateException("nothing to perform for " + command);
        };
    }

    private static StoredVolume sized(StoredVolume volume, long sizeBytes) {
        return new StoredVolume(
                volume.uuid(),
                volume.target(),
                volume.lun(),
                sizeBytes,
                volume.blockSizeBytes(),
                volume.health(),
                volume.declared());
    }

    private Map<UUID, StoredVolume> changed(UUID volume, UnaryOperator<StoredVolume> change) {
        Map<UUID, StoredVolume> more = new HashMap<>(volumes);
        more.computeIfPresent(volume, (_, before) -> change.apply(before));
        return more;
    }

    private int freeLun(Set<Integer> reserved) {
        Set<Integer> taken = new HashSet<>(reserved);
        volumes.values().forEach(volume -> taken.add(volume.lun()));
        int lun = 0;
        while (taken.contains(lun)) {
            lun++;
        }
        return lun;
    }

    private static <T> Map<UUID, T> with(Map<UUID, T> map, UUID key, T value) {
        Map<UUID, T> more = new LinkedHashMap<>(map);
        more.put(key, value);
        return more;
    }

    private Decision delete(Message.VolumeDelete delete) {
        StoredVolume volume = volumes.get(delete.volume());
        if (volume == null) {
            return settled(delete, Outcome.DONE, "");
        }
        if (volume.declared()) {
            return settled(delete, Outcome.DECLARED, "the volume stands in unit.yaml and is never deleted on request");
        }
        long assigned = partitions.values().stream()
                .filter(partition -> partition.volume().equals(delete.volume()))
                .count();
        if (assigned > 0) {
            return settled(delete, Outcome.IN_USE, assigned + " partitions of the volume are assigned");
        }
        Map<UUID, StoredVolume> fewer = new HashMap<>(volumes);
        fewer.remove(delete.volume());
        return done(delete, fewer, partitions);
    }

    private Decision assign(Message.PartitionAssign assign) {
        StoredVolume volume = volumes.get(assign.volume());
        if (volume == null) {
            return settled(assign, Outcome.NO_SUCH_VOLUME, "there is no volume " + assign.volume());
        }
        Map<UUID, StoredPartition> more = new HashMap<>(partitions);
        for (Assignment assignment : assign.assignments()) {
            long start = assignment.startBytes();
            if (start < LABEL_BYTES
                    || start % ALIGNMENT_BYTES != 0
                    || assignment.lengthBytes() % ALIGNMENT_BYTES != 0
                    || assignment.lengthBytes() > volume.sizeBytes() - start) {
                return settled(
                        assign,
                        Outcome.INVALID,
                        "no partition of " + assignment.lengthBytes() + " bytes can be at " + start + " of "
                                + volume.sizeBytes());
            }
            StoredPartition partition = new StoredPartition(
                    assignment.partition(),
                    assign.volume(),
                    start,
                    assignment.lengthBytes(),
                    generation + 1,
                    assignment.owner());
            for (StoredPartition other : more.values()) {
                if (other.uuid().equals(partition.uuid()) || other.overlaps(partition)) {
                    return settled(
                            assign,
                            Outcome.ALREADY_ASSIGNED,
                            "partition " + other.uuid() + " of " + other.owner().virtualVolume() + " is there");
                }
            }
            more.put(partition.uuid(), partition);
        }
        return done(assign, volumes, more);
    }

    private Decision release(Message.PartitionRelease release) {
        Map<UUID, StoredPartition> fewer = new HashMap<>(partitions);
        for (Release one : release.releases()) {
            StoredPartition gone = fewer.remove(one.partition());
            if (gone == null || gone.generation() != one.generation()) {
                return settled(
                        release,
                        Outcome.NO_SUCH_PARTITION,
                        "there is no partition " + one.partition() + " of generation " + one.generation());
            }
        }
        return done(release, volumes, fewer);
    }
}
