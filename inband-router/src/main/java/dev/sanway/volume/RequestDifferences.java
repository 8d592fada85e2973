package dev.sanway.volume;

import dev.sanway.metadata.VolumeRecord;
import java.util.ArrayList;
import java.util.List;

/** In what a volume is otherwise than it is asked for. */
final class RequestDifferences {

    private RequestDifferences() {}

    /** One line for each difference. */
    static List<String> between(VolumeRecord kept, Assignments.VolumeRequest wanted) {
        List<String> differences = new ArrayList<>();
        if (kept.sizeBytes() != wanted.sizeBytes()) {
            differences.add("size " + kept.sizeBytes() + " is kept, " + wanted.sizeBytes() + " asked for");
        }
        if (kept.blockSizeBytes() != wanted.blockSizeBytes()) {
            differences.add(
                    "block size " + kept.blockSizeBytes() + " is kept, " + wanted.blockSizeBytes() + " asked for");
        }
        if (!kept.layout().equals(wanted.layout())) {
            differences.add("layout " + kept.layout().describe() + " is kept, "
                    + wanted.layout().describe() + " asked for");
        }
        return differences;
    }
}
