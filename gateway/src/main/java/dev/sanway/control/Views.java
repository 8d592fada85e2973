package dev.sanway.control;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the REST API shows: plain records, each a JSON object with these names. Sizes are in bytes. */
public interface Views {

    /**
     * A volume: {@code state} is ready, wiping, notReady, kept or deleting, with {@code detail} for people.
     *
     * @param provisioning thick or thin
     * @param usedBytes of a thin volume what was written, in whole extents
     * @param declared where: {@code gateway.yaml:LINE}, {@code command}, or {@code nowhere} for one that is kept
     */
    record VolumeView(
            String name,
            UUID uuid,
            long sizeBytes,
            int blockSizeBytes,
            String layout,
            int width,
            int chunkBytes,
            String provisioning,
            long usedBytes,
            String state,
            @Nullable String detail,
            String declared,
            List<AttachmentView> hosts,
            List<PartitionView> partitions) {}

    /** Who sees a volume, and as what. */
    record AttachmentView(String host, String target, int lun) {}

    /**
     * A partition of a unit's volume (Fig. 5): where it lies and to whom it is assigned. {@code state} is free, wiping, assigned,
     * released, or restorable, which is assigned to a volume that was deleted.
     *
     * @param uuid null: what is free is no partition yet
     */
    record PartitionView(
            @Nullable UUID uuid,
            String unit,
            int lun,
            long startBytes,
            long lengthBytes,
            String state,
            @Nullable String volume) {}

    /**
     * A unit: {@code state} is online, connecting, offline, maintenance or draining, and of one with an agent also pending,
     * adopted, refused, suspect, stopped or removing.
     *
     * @param connected whether the gateway is logged in to it
     * @param spare it only takes the place of another unit
     * @param agent null: it has none, and is declared in the YAML
     */
    record UnitView(
            String name,
            String portal,
            String target,
            String state,
            boolean connected,
            boolean spare,
            @Nullable String detail,
            List<UnitLunView> luns,
            @Nullable AgentView agent) {}

    /**
     * A unit whose maintenance began, or is over.
     *
     * @param volumes those that are not ready while it is away
     */
    record MaintenanceView(UnitView unit, List<String> volumes) {}

    /**
     * A logical unit of a unit. The last three are null until it was reached.
     *
     * @param barrier what ends writes of earlier sessions: ordered (an ORDERED command) or login
     * @param restart how it tells that it was restarted: bootId, attention or none
     * @param cache how writes are made to last: volatile (flushes count), protected, writeThrough, or none if it has no volatile cache
     */
    record UnitLunView(
            int lun,
            @Nullable UUID uuid,
            long sizeBytes,
            long freeBytes,
            String state,
            @Nullable String detail,
            @Nullable String barrier,
            @Nullable String restart,
            @Nullable String cache) {}

    /** A host's session; {@code number} tells it from the host's others. */
    record SessionView(
            String host,
            int number,
            String initiator,
            String remoteAddress,
            Instant since,
            long commands,
            long readBytes,
            long writtenBytes) {}

    /** A host and its target; {@code declared} as of {@link VolumeView}. */
    record HostView(String name, String target, List<String> initiators, boolean chap, String declared) {}

    /**
     * Background work: {@code kind} is wipe, grow, delete, erase, move or drain, {@code state} running, done, cancelled or failed.
     *
     * @param volume empty of a task that is about a whole unit
     * @param unit the one that is left; null: none is
     * @param bytes all that there is to do; 0: not known
     * @param detail what stands in its way, or why it failed
     */
    record TaskView(
            long id,
            String kind,
            String volume,
            @Nullable String unit,
            String state,
            int percent,
            long doneBytes,
            long bytes,
            @Nullable String detail,
            String startedAt,
            @Nullable String endedAt) {}

    /** A volume that was deleted and can be restored until its space is needed. */
    record DeletedVolumeView(
            UUID uuid, String name, long sizeBytes, String layout, String provisioning, String deletedAt) {}

    /**
     * What goes with a unit that is given up as lost.
     *
     * @param volumes deleted ones, which can then not be restored any more
     * @param erasing the names of those that are being wiped; what lies elsewhere of them still is
     */
    record LossView(String unit, List<DeletedVolumeView> volumes, List<String> erasing) {}

    /**
     * A host that was deleted and can be restored.
     *
     * @param volumes what it saw
     */
    record DeletedHostView(
            String name, List<String> initiators, boolean chap, List<String> volumes, String deletedAt) {}

    /**
     * A host that was restored, and what became of what it saw.
     *
     * @param volumes that it sees again
     * @param deleted meanwhile, and can be restored
     * @param lost their space is given to others
     */
    record RestoredHostView(HostView host, List<String> volumes, List<String> deleted, List<String> lost) {}

    /** An error: one line that says what was wrong and what would be right; of a configuration a line for each mistake. */
    record ErrorView(
            String error,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> problems) {}

    /** The configuration that the gateway runs with, adopted at its start, by SIGHUP or by {@code config apply}. */
    record ConfigView(long revision, String adoptedAt, String origin, String file, String text) {}

    /** What adopting a configuration would change, or did; {@code losses}: what hosts that are logged in lose. */
    record DiffView(long revision, List<ConfigDiff.Change> changes, List<String> losses, List<String> refusals) {}

    /** Where the API takes its answers from: snapshots, from any thread. */
    interface Source {
        List<VolumeView> volumes();

        /** One of them. */
        default Optional<VolumeView> volume(String name) {
            return volumes().stream()
                    .filter(volume -> volume.name().equals(name))
                    .findFirst();
        }

        List<PartitionView> partitions();

        List<UnitView> units();

        List<SessionView> sessions();

        List<HostView> hosts();

        PoolView pool();

        /** Those that can be restored, the one that was deleted first at first. */
        List<DeletedVolumeView> deletedVolumes();
    }
}
