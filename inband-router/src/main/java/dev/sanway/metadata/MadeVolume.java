package dev.sanway.metadata;

import java.util.List;

/**
 * A volume that was made by command rather than in the YAML.
 *
 * @param name as of {@link VolumeRecord}
 * @param width 0: linear
 * @param thin space is taken as it is written
 * @param attachments who sees it
 */
public record MadeVolume(
        String name,
        long sizeBytes,
        int blockSizeBytes,
        int width,
        int chunkBytes,
        boolean thin,
        List<Attachment> attachments) {
    public MadeVolume {
        attachments = List.copyOf(attachments);
    }

    /** A host, and the LUN under which it sees the volume; -1: the lowest free, kept once chosen. */
    public record Attachment(String host, int lun) {}

    public MadeVolume ofSize(long bytes) {
        return new MadeVolume(name, bytes, blockSizeBytes, width, chunkBytes, thin, attachments);
    }

    public MadeVolume named(String other) {
        return new MadeVolume(other, sizeBytes, blockSizeBytes, width, chunkBytes, thin, attachments);
    }

    public MadeVolume withAttachments(List<Attachment> others) {
        return new MadeVolume(name, sizeBytes, blockSizeBytes, width, chunkBytes, thin, others);
    }
}
