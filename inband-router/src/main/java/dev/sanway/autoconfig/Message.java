package dev.sanway.autoconfig;

import java.net.InetAddress;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the two sides tell each other; {@code docs/autoconfig.cddl} has keys, units and limits. */
public sealed interface Message {

    /** Its type on the wire. */
    default MessageType type() {
        return switch (this) {
            case Startup _ -> MessageType.STARTUP;
            case StartupAck _ -> MessageType.STARTUP_ACK;
            case StorageEnquiry _ -> MessageType.STORAGE_ENQUIRY;
            case StorageInformation _ -> MessageType.STORAGE_INFORMATION;
            case Heartbeat _ -> MessageType.HEARTBEAT;
            case HeartbeatAck _ -> MessageType.HEARTBEAT_ACK;
            case Shutdown _ -> MessageType.SHUTDOWN;
            case ShutdownAck _ -> MessageType.SHUTDOWN_ACK;
            case ControlAnnounce _ -> MessageType.CONTROL_ANNOUNCE;
            case VolumeCreate _ -> MessageType.VOLUME_CREATE;
            case VolumeExtend _ -> MessageType.VOLUME_EXTEND;
            case VolumeDelete _ -> MessageType.VOLUME_DELETE;
            case VolumeResult _ -> MessageType.VOLUME_RESULT;
            case PartitionAssign _ -> MessageType.PARTITION_ASSIGN;
            case PartitionRelease _ -> MessageType.PARTITION_RELEASE;
            case PartitionResult _ -> MessageType.PARTITION_RESULT;
        };
    }

    /**
     * A network card.
     *
     * @param speedBitsPerSecond 0: not known
     */
    record Nic(String name, byte[] mac, List<InetAddress> addresses, int mtuBytes, long speedBitsPerSecond) {
        public Nic {
            addresses = List.copyOf(addresses);
        }
    }

    /** Where the unit's target listens. */
    record Portal(InetAddress address, int port) {}

    /** A unit is there (Fig. 3). A hint: nothing in it is believed before an iSCSI login has shown it. */
    record Startup(String name, String software, List<Nic> nics, List<Portal> portals, String target, boolean spare)
            implements Message {
        public Startup {
            nics = List.copyOf(nics);
            portals = List.copyOf(portals);
        }
    }

    /** What a unit is to the control station. */
    enum Admission {
        /** Not yet adopted. */
        PENDING(0),
        ADOPTED(1),
        REFUSED(2);

        private final int code;

        Admission(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    /**
     * Answers {@link Startup}.
     *
     * @param reason why it is refused, or pending again; else empty
     */
    record StartupAck(Admission admission, long epoch, String reason) implements Message {}

    /**
     * Asks for what a unit stores.
     *
     * @param knownRevision what is known already, or the one that the cursor belongs to; 0: nothing
     * @param cursor 0: from the beginning; else where the last answer ended
     * @param windowPages how many pages the answer may have
     */
    record StorageEnquiry(long knownRevision, long cursor, int windowPages) implements Message {}

    /** How a unit or one of its volumes does. */
    enum Health {
        GOOD(0),
        DEGRADED(1),
        FAILED(2);

        private final int code;

        Health(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    /**
     * A unit's volume (Fig. 5).
     *
     * @param target null: the one of {@link Startup}
     * @param declared it stands in unit.yaml and is never deleted on request
     */
    record StoredVolume(
            UUID uuid,
            @Nullable String target,
            int lun,
            long sizeBytes,
            int blockSizeBytes,
            Health health,
            boolean declared) {}

    /**
     * Whose a partition is.
     *
     * @param role which part of the virtual volume
     */
    record Owner(UUID pool, UUID virtualVolume, int role) {}

    /** An assigned partition of a unit's volume; what lies between them is free. */
    record StoredPartition(UUID uuid, UUID volume, long startBytes, long lengthBytes, long generation, Owner owner) {
        long endBytes() {
            return startBytes + lengthBytes;
        }

        boolean overlaps(StoredPartition other) {
            return volume.equals(other.volume) && startBytes < other.endBytes() && other.startBytes < endBytes();
        }
    }

    /**
     * Answers {@link StorageEnquiry} with a part of what there is, or all.
     *
     * @param revision grows with every change of what is told here, but for free space
     * @param generation of the partition table
     * @param cursor the one asked for; 0 also if it belonged to another revision
     * @param nextCursor where to go on; 0: this was the end
     * @param unchanged the revision is the known one, and nothing is told again
     */
    record StorageInformation(
            long revision,
            long generation,
            long capacityBytes,
            long freeBytes,
            long cursor,
            long nextCursor,
            boolean unchanged,
            List<StoredVolume> volumes,
            List<StoredPartition> partitions)
            implements Message {
        public StorageInformation {
            volumes = List.copyOf(volumes);
            partitions = List.copyOf(partitions);
        }
    }

    /**
     * A unit lives.
     *
     * @param loadPermille how busy it is
     */
    record Heartbeat(long revision, Health health, int loadPermille) implements Message {}

    /** Answers {@link Heartbeat}. */
    record HeartbeatAck(Admission admission, long epoch) implements Message {}

    /**
     * A unit goes.
     *
     * @param expectedBackSeconds 0: not known
     */
    record Shutdown(String reason, boolean planned, long expectedBackSeconds) implements Message {}

    /** Answers {@link Shutdown}. */
    record ShutdownAck() implements Message {}

    /** A control station is there. A hint: units say {@link Startup} again. */
    record ControlAnnounce(String name, InetAddress address, int port) implements Message {}

    /**
     * What makes a command happen once, in order, and on the state that it was meant for.
     *
     * @param requestId the same at each repetition, also after a restart of the control station
     * @param number strictly rising in an epoch
     * @param expectedGeneration of the partition table
     */
    record CommandHeader(UUID requestId, long epoch, long number, long expectedGeneration) {}

    /** What a control station has a unit do. */
    sealed interface Command extends Message {
        CommandHeader header();

        /** The same under another header. */
        default Command with(CommandHeader other) {
            return switch (this) {
                case VolumeCreate create -> new VolumeCreate(other, create.volume(), create.sizeBytes(), create.thin());
                case VolumeExtend extend -> new VolumeExtend(other, extend.volume(), extend.sizeBytes());
                case VolumeDelete delete -> new VolumeDelete(other, delete.volume());
                case PartitionAssign assign -> new PartitionAssign(other, assign.volume(), assign.assignments());
                case PartitionRelease release -> new PartitionRelease(other, release.releases());
            };
        }
    }

    /** A volume is made within the unit's capacity. */
    record VolumeCreate(CommandHeader header, UUID volume, long sizeBytes, boolean thin) implements Command {}

    /** A volume gets a new size, not below the one that it has. */
    record VolumeExtend(CommandHeader header, UUID volume, long sizeBytes) implements Command {}

    /** A volume without assigned partitions goes to the trash folder; one that is absent is gone already. */
    record VolumeDelete(CommandHeader header, UUID volume) implements Command {}

    /** A partition to be, and whose. */
    record Assignment(UUID partition, long startBytes, long lengthBytes, Owner owner) {}

    /** Partitions of a volume become somebody's, exclusively: all or none. */
    record PartitionAssign(CommandHeader header, UUID volume, List<Assignment> assignments) implements Command {
        public PartitionAssign {
            assignments = List.copyOf(assignments);
        }
    }

    /** A partition, and the generation that it is expected to have. */
    record Release(UUID partition, long generation) {}

    /** Partitions become nobody's: all or none. */
    record PartitionRelease(CommandHeader header, List<Release> releases) implements Command {
        public PartitionRelease {
            releases = List.copyOf(releases);
        }
    }

    /** What became of a command. */
    enum Outcome {
        DONE(0),
        /** The epoch is lower than one seen before. */
        STALE_EPOCH(1),
        /** The number is not above the last one of this epoch. */
        STALE_NUMBER(2),
        /** The partition table is another one than expected. */
        OTHER_GENERATION(3),
        NO_SUCH_VOLUME(4),
        /** There is no room for it within the unit's capacity. */
        NO_SPACE(5),
        /** Partitions of the volume are assigned. */
        IN_USE(6),
        /** The volume stands in unit.yaml and is changed there. */
        DECLARED(7),
        /** It would overlap an assigned partition, or its UUID is taken. */
        ALREADY_ASSIGNED(8),
        NO_SUCH_PARTITION(9),
        /** A size or place that cannot be. */
        INVALID(10),
        /** The unit tried and could not. */
        FAILED(11);

        private final int code;

        Outcome(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    /**
     * What became of a command.
     *
     * @param revision of what is stored, after it
     * @param generation of the partition table, after it
     * @param explanation for the operator; empty if it is done
     */
    record Result(UUID requestId, Outcome outcome, long revision, long generation, String explanation) {}

    /** Answers a {@link Command}. */
    sealed interface CommandResult extends Message {
        Result result();
    }

    /** Answers 10 to 12. */
    record VolumeResult(Result result) implements CommandResult {}

    /** Answers 14 and 15. */
    record PartitionResult(Result result) implements CommandResult {}
}
