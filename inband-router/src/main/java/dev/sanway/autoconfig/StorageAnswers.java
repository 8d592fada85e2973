package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.StorageEnquiry;
import dev.sanway.autoconfig.Message.StorageInformation;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Answers enquiries: the volumes and then the partitions, by UUID; the cursor counts them. */
final class StorageAnswers {
    /** What a page needs beside its elements, at most: eight numbers, two list heads, the map's. */
    private static final int OVERHEAD_BYTES = 96;

    private StorageAnswers() {}

    static StorageInformation answer(StorageEnquiry enquiry, UnitTable table, long capacityBytes) {
        boolean same = enquiry.knownRevision() == table.revision();
        if (same && enquiry.cursor() == 0) {
            return information(table, capacityBytes, 0, 0, true, List.of(), List.of());
        }
        List<StoredVolume> volumes = new ArrayList<>(table.volumes().values());
        volumes.sort(Comparator.comparing(StoredVolume::uuid));
        List<StoredPartition> partitions = new ArrayList<>(table.partitions().values());
        partitions.sort(Comparator.comparing(StoredPartition::uuid));
        int all = volumes.size() + partitions.size();
        // A cursor of another revision means nothing now: from the beginning.
        int from = same && enquiry.cursor() < all ? (int) enquiry.cursor() : 0;
        int to = from;
        int pages = 1;
        int room = Datagram.MAX_DATA_BYTES - OVERHEAD_BYTES;
        while (to < all) {
            int length = length(
                    to < volumes.size()
                            ? MessageCodec.map(volumes.get(to))
                            : MessageCodec.map(partitions.get(to - volumes.size())));
            if (length > room) {
                if (pages == enquiry.windowPages()) {
                    break;
                }
                pages++;
                room = Datagram.MAX_DATA_BYTES - OVERHEAD_BYTES;
            }
            room -= length;
            to++;
        }
        int volumesTo = Math.min(to, volumes.size());
        return information(
                table,
                capacityBytes,
                from,
                to == all ? 0 : to,
                false,
                volumes.subList(Math.min(from, volumesTo), volumesTo),
                partitions.subList(Math.max(0, from - volumes.size()), Math.max(0, to - volumes.size())));
    }

    private static int length(DataMap element) {
        return DataAreaCodec.encode(element).length;
    }

    private static StorageInformation information(
            UnitTable table,
            long capacityBytes,
            long cursor,
            long next,
            boolean unchanged,
            List<StoredVolume> volumes,
            List<StoredPartition> partitions) {
        return new StorageInformation(
                table.revision(),
                table.generation(),
                capacityBytes,
                Math.max(0, capacityBytes - table.usedBytes()),
                cursor,
                next,
                unchanged,
                volumes,
                partitions);
    }
}
