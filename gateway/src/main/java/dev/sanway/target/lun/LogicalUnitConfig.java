package dev.sanway.target.lun;

import java.util.UUID;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What a logical unit says of itself and how much it takes on. Immutable.
 *
 * @param uuid the persisted identity that serial number and designators derive from
 * @param product product identification, up to 16 ASCII characters
 * @param revision product revision, up to 4 ASCII characters
 * @param thin thin provisioned (space may run out), or else resource provisioned; matters only where the device can unmap
 * @param bootId shown in vendor VPD page C0h; null: no such page
 * @param initialUnitAttention whether a new nexus first sees POWER ON OCCURRED, as SAM-5 5.14 wants it; some initiators cannot
 *     cope
 * @param spaceUsed how full what backs it is, in per cent, asked on its loop; -1: not known
 * @param maxTasks commands under way in all
 * @param maxTasksPerNexus commands under way of one nexus
 * @param retryPaceMillis an initiator is not told to send a command again before the command was here so long
 */
public record LogicalUnitConfig(
        UUID uuid,
        String product,
        String revision,
        boolean thin,
        @Nullable UUID bootId,
        boolean initialUnitAttention,
        IntSupplier spaceUsed,
        int maxTasks,
        int maxTasksPerNexus,
        int retryPaceMillis) {

    /** Long enough that repeating costs nothing, short beside what initiators wait for one answer (30 s). */
    private static final int RETRY_PACE_MILLIS = 5_000;

    /** T10 vendor identification of everything we serve. */
    public static final String VENDOR = "sanway";

    /** A gateway's volume with the usual bounds. */
    public static LogicalUnitConfig volume(UUID uuid, boolean thin) {
        return new LogicalUnitConfig(uuid, "VOLUME", "0001", thin, null, true, () -> -1, 8192, 1024, RETRY_PACE_MILLIS);
    }

    /** An IP SAN unit's volume with the usual bounds. */
    public static LogicalUnitConfig unit(UUID uuid, boolean thin, UUID bootId) {
        return new LogicalUnitConfig(uuid, "UNIT", "0001", thin, bootId, true, () -> -1, 8192, 1024, RETRY_PACE_MILLIS);
    }

    public LogicalUnitConfig withInitialUnitAttention(boolean value) {
        return new LogicalUnitConfig(
                uuid, product, revision, thin, bootId, value, spaceUsed, maxTasks, maxTasksPerNexus, retryPaceMillis);
    }

    public LogicalUnitConfig withSpaceUsed(IntSupplier percent) {
        return new LogicalUnitConfig(
                uuid,
                product,
                revision,
                thin,
                bootId,
                initialUnitAttention,
                percent,
                maxTasks,
                maxTasksPerNexus,
                retryPaceMillis);
    }

    public LogicalUnitConfig withRetryPace(int millis) {
        return new LogicalUnitConfig(
                uuid,
                product,
                revision,
                thin,
                bootId,
                initialUnitAttention,
                spaceUsed,
                maxTasks,
                maxTasksPerNexus,
                millis);
    }
}
