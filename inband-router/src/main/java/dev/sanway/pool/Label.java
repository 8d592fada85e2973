package dev.sanway.pool;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * What the first MiB of a unit volume says about it, so that any LUN tells by itself what it holds.
 *
 * <p>Two copies are written in turn, the one with the even sequence at offset 0, the odd at 512 KiB: a torn write leaves the
 * other copy whole. A copy, all numbers big-endian:
 *
 * <pre>
 *   offset  bytes
 *        0     16  "sanway label", zero-padded
 *       16      4  format version: 1
 *       20      4  CRC-32C of the copy as long as it says, with zeroes here
 *       24      4  length of the copy in bytes
 *       28      4  number of partitions
 *       32      8  sequence; the valid copy with the higher one counts
 *       40     16  pool UUID
 *       56     16  gateway UUID
 *       72     16  label UUID
 *       88     40  zero, for later versions
 *      128     64  per partition: UUID 16, start 8, length 8, state 4, index 4, volume UUID 16, generation 8
 * </pre>
 *
 * <p>Nobody opens a volume from a label. That is why the UUID that a slab has kept when it moved is not in it: the store has it, and
 * the pages of the slab's map bear it.
 *
 * <p>A label without partitions fits into one block, so the first one, written where there was nothing, is whole or absent.
 */
public record Label(UUID pool, UUID gateway, UUID uuid, long sequence, List<Partition> partitions) {
    public static final int FORMAT_VERSION = 1;

    /** What is reserved for each copy. */
    public static final int COPY_BYTES = 512 << 10;

    private static final byte[] MAGIC = java.util.Arrays.copyOf("sanway label".getBytes(StandardCharsets.US_ASCII), 16);
    private static final int CRC_OFFSET = 20;
    private static final int HEADER_BYTES = 128;
    private static final int PARTITION_BYTES = 64;
    private static final int WRITE_BYTES = 4096;

    /** How many partitions a label holds. */
    public static final int MAX_PARTITIONS = (COPY_BYTES - HEADER_BYTES) / PARTITION_BYTES;

    public Label {
        partitions = List.copyOf(partitions);
        if (partitions.size() > MAX_PARTITIONS) {
            throw new IllegalArgumentException(partitions.size() + " partitions; a label holds " + MAX_PARTITIONS);
        }
        if (sequence < 1) {
            throw new IllegalArgumentException("label sequence " + sequence);
        }
        for (Partition partition : partitions) {
            if (!partition.unitVolume().equals(uuid) || partition.state() == PartitionState.FREE) {
                throw new IllegalArgumentException("not this label's: " + partition);
            }
        }
    }

    /** The label that follows this one. */
    public Label next(UUID newGateway, List<Partition> newPartitions) {
        return new Label(pool, newGateway, uuid, sequence + 1, newPartitions);
    }

    /** Where this label's copy is written, in bytes. */
    public int offsetBytes() {
        return sequence % 2 == 0 ? 0 : COPY_BYTES;
    }

    /** The copy, padded with zeroes to a multiple of 4,096 bytes. */
    public byte[] encode() {
        int length = HEADER_BYTES + partitions.size() * PARTITION_BYTES;
        ByteBuffer out = ByteBuffer.allocate(Math.ceilDiv(length, WRITE_BYTES) * WRITE_BYTES);
        out.put(MAGIC).putInt(FORMAT_VERSION).putInt(0).putInt(length).putInt(partitions.size());
        out.putLong(sequence);
        put(out, pool);
        put(out, gateway);
        put(out, uuid);
        out.position(HEADER_BYTES);
        for (Partition partition : partitions) {
            Partition.PartitionOwner owner = java.util.Objects.requireNonNull(partition.owner());
            put(out, partition.uuid());
            out.putLong(partition.startBytes()).putLong(partition.lengthBytes());
            out.putInt(partition.state().code()).putInt(owner.index());
            put(out, owner.volume());
            out.putLong(partition.generation());
        }
        out.putInt(CRC_OFFSET, checksum(out.array(), length));
        return out.array();
    }

    private static void put(ByteBuffer out, UUID uuid) {
        out.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
    }

    private static UUID uuid(ByteBuffer in) {
        return new UUID(in.getLong(), in.getLong());
    }

    private static int checksum(byte[] copy, int length) {
        CRC32C crc = new CRC32C();
        crc.update(copy, 0, CRC_OFFSET);
        crc.update(new byte[4], 0, 4);
        crc.update(copy, CRC_OFFSET + 4, length - CRC_OFFSET - 4);
        return (int) crc.getValue();
    }

    /** What is found in one copy's place. */
    private sealed interface Copy {
        record Valid(Label label) implements Copy {}

        record Newer(int version) implements Copy {}

        /** Begins like a label, but is none. */
        record Damaged() implements Copy {}

        /** Does not even begin like one. */
        record NoLabel() implements Copy {}
    }

    private static Copy decode(byte[] copy) {
        ByteBuffer in = ByteBuffer.wrap(copy);
        byte[] magic = new byte[MAGIC.length];
        in.get(magic);
        if (!java.util.Arrays.equals(magic, MAGIC)) {
            return new Copy.NoLabel();
        }
        int version = in.getInt();
        if (version > FORMAT_VERSION) {
            return new Copy.Newer(version);
        }
        int crc = in.getInt();
        int length = in.getInt();
        int count = in.getInt();
        if (version != FORMAT_VERSION
                || count < 0
                || count > MAX_PARTITIONS
                || length != HEADER_BYTES + count * PARTITION_BYTES
                || crc != checksum(copy, length)) {
            return new Copy.Damaged();
        }
        long sequence = in.getLong();
        UUID pool = uuid(in);
        UUID gateway = uuid(in);
        UUID uuid = uuid(in);
        in.position(HEADER_BYTES);
        List<Partition> partitions = new ArrayList<>(count);
        try {
            for (int i = 0; i < count; i++) {
                UUID partition = uuid(in);
                long start = in.getLong();
                long size = in.getLong();
                PartitionState state = PartitionState.of(in.getInt());
                int index = in.getInt();
                UUID volume = uuid(in);
                partitions.add(new Partition(
                        partition,
                        uuid,
                        start,
                        size,
                        state,
                        new Partition.PartitionOwner(volume, index),
                        in.getLong()));
            }
            return new Copy.Valid(new Label(pool, gateway, uuid, sequence, partitions));
        } catch (IllegalArgumentException _) {
            // The checksum fits and the content does not: written by something that is not this program.
            return new Copy.Damaged();
        }
    }

    /** What a LUN's first MiB, and for blankness its last, says. */
    public sealed interface Reading {
        record Labelled(Label label) implements Reading {}

        /** All zero: may be labelled. */
        record Blank() implements Reading {}

        /**
         * Something else's data, or a label beyond recognition; not to be overwritten without being told.
         *
         * @param erasable whether an operator may have it erased: not a LUN that is too small, nor one whose label is
         *     damaged, for that may be another pool's
         */
        record Foreign(String explanation, boolean erasable) implements Reading {}

        /** Labelled by a newer version of this program; not to be guessed at. */
        record Newer(int version) implements Reading {}
    }

    /**
     * Judges a LUN by its ends.
     *
     * @param first the first MiB
     * @param last the last MiB
     */
    public static Reading read(byte[] first, byte[] last) {
        Copy even = decode(java.util.Arrays.copyOf(first, COPY_BYTES));
        Copy odd = decode(java.util.Arrays.copyOfRange(first, COPY_BYTES, 2 * COPY_BYTES));
        if (even instanceof Copy.Newer newer) {
            return new Reading.Newer(newer.version());
        }
        if (odd instanceof Copy.Newer newer) {
            return new Reading.Newer(newer.version());
        }
        if (even instanceof Copy.Valid one && odd instanceof Copy.Valid other) {
            if (!one.label().uuid().equals(other.label().uuid())
                    || !one.label().pool().equals(other.label().pool())) {
                return new Reading.Foreign("its two label copies contradict each other", false);
            }
            return new Reading.Labelled(
                    one.label().sequence() > other.label().sequence() ? one.label() : other.label());
        }
        if (even instanceof Copy.Valid one) {
            return new Reading.Labelled(one.label());
        }
        if (odd instanceof Copy.Valid other) {
            return new Reading.Labelled(other.label());
        }
        if (even instanceof Copy.Damaged || odd instanceof Copy.Damaged) {
            return new Reading.Foreign("it has a sanway label whose two copies are both damaged", false);
        }
        int found = firstNonZero(first);
        int foundAtEnd = firstNonZero(last);
        if (found >= 0 || foundAtEnd >= 0) {
            String place = found >= 0
                    ? "byte " + found + " is not zero"
                    : "byte " + (last.length - foundAtEnd) + " from its end is not zero";
            return new Reading.Foreign(
                    "it holds "
                            + ForeignContent.recognise(first, last)
                                    .map(what -> what + " (" + place + ")")
                                    .orElse("data: " + place),
                    true);
        }
        return new Reading.Blank();
    }

    private static int firstNonZero(byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] != 0) {
                return i;
            }
        }
        return -1;
    }
}
