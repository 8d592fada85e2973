package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.Startup;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A unit as the control station sees it.
 *
 * @param reason why it is refused, or pending again; else empty
 * @param startup what it claims; null: not heard since this start
 * @param storage null: not told yet
 * @param skewMillis how far its clock is ahead; advisory
 * @param heardMillis when it was heard last; 0: not since this start
 */
public record UnitView(
        UUID unit,
        String name,
        long boot,
        Admission admission,
        String reason,
        Status status,
        @Nullable Startup startup,
        @Nullable InetSocketAddress address,
        Health health,
        int loadPermille,
        long skewMillis,
        long heardMillis,
        @Nullable Storage storage) {

    /**
     * <pre>
     *   ABSENT → ONLINE ⇄ SUSPECT → OFFLINE → ONLINE
     *              └→ SHUT_DOWN → ONLINE
     * </pre>
     */
    public enum Status {
        /** Known from an earlier run, not heard since. */
        ABSENT,
        ONLINE,
        SUSPECT,
        OFFLINE,
        /** It said that it goes. */
        SHUT_DOWN
    }

    /** What it stores, all of one revision. */
    public record Storage(
            long revision,
            long generation,
            long capacityBytes,
            long freeBytes,
            Map<UUID, StoredVolume> volumes,
            Map<UUID, StoredPartition> partitions) {
        public Storage {
            volumes = Map.copyOf(volumes);
            partitions = Map.copyOf(partitions);
        }
    }
}
