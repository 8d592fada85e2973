package dev.sanway.volume;

import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Bytes;
import java.util.Optional;

/** Whether a volume may be asked to grow. Pure. */
final class GrowthCheck {
    private GrowthCheck() {}

    /**
     * Why not, in words for the operator, or nothing.
     *
     * @param unsettled partitions of it are still on their way in or out
     */
    static Optional<String> objection(VolumeRecord volume, long toBytes, boolean unsettled) {
        VolumeRecord.Growth under = volume.growth();
        if (volume.state() != VolumeRecord.State.WIPING && volume.state() != VolumeRecord.State.ASSIGNED) {
            return Optional.of("it is being deleted");
        }
        if (toBytes < volume.sizeBytes()) {
            return Optional.of("it has " + Bytes.text(volume.sizeBytes()) + " and cannot shrink to "
                    + Bytes.text(toBytes) + "; make a smaller volume and copy");
        }
        if (toBytes % volume.blockSizeBytes() != 0) {
            return Optional.of(toBytes + " bytes are no multiple of its block size, " + volume.blockSizeBytes());
        }
        if (toBytes == volume.sizeBytes() && under == null) {
            return Optional.empty();
        }
        if (volume.state() == VolumeRecord.State.WIPING) {
            return Optional.of("it is still being set up; ask again when it is ready");
        }
        if (under != null) {
            return under.toBytes() == toBytes
                    ? Optional.empty()
                    : Optional.of(
                            "it is growing to " + Bytes.text(under.toBytes()) + " already; ask again when it has");
        }
        return unsettled
                ? Optional.of("an earlier growth is not settled yet; ask again in a moment")
                : Optional.empty();
    }
}
