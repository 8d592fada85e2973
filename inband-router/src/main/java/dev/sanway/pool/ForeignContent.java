package dev.sanway.pool;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Recognises what lies on a LUN that is not ours, so that an operator sees what an erasure would cost. A table of the
 * signatures that stand in the first MiB; what is not in it is still data.
 */
final class ForeignContent {

    /** {@code bytes} at {@code offset} mean {@code what}. */
    private record Signature(int offset, byte[] bytes, String what) {
        boolean matches(byte[] first) {
            return offset + bytes.length <= first.length
                    && java.util.Arrays.equals(first, offset, offset + bytes.length, bytes, 0, bytes.length);
        }
    }

    private static Signature text(int offset, String text, String what) {
        return new Signature(offset, text.getBytes(StandardCharsets.ISO_8859_1), what);
    }

    private static Signature hex(int offset, String digits, String what) {
        return new Signature(offset, HexFormat.of().parseHex(digits), what);
    }

    private static final int EXT_OFFSET = 1024;
    private static final Signature EXT = hex(EXT_OFFSET + 0x38, "53ef", "an ext file system");

    /** The more telling first: a partition table may stand before a file system's own first sector. */
    private static final List<Signature> SIGNATURES = List.of(
            text(0, "LUKS\u00ba\u00be", "a LUKS encrypted volume"),
            text(0, "XFSB", "an XFS file system"),
            text(0x10040, "_BHRfS_M", "a Btrfs file system"),
            text(512, "LABELONE", "an LVM physical volume"),
            hex(4096, "fc4e2ba9", "a member of a Linux software RAID"),
            text(3, "NTFS    ", "an NTFS file system"),
            text(3, "EXFAT   ", "an exFAT file system"),
            text(0x52, "FAT32", "a FAT file system"),
            text(0x36, "FAT16", "a FAT file system"),
            text(4086, "SWAPSPACE2", "Linux swap space"),
            text(0x8001, "CD001", "an ISO 9660 file system"),
            text(0, "QFI\u00fb", "a qcow2 image"),
            text(512, "EFI PART", "a GPT partition table"),
            hex(510, "55aa", "an MBR partition table or boot sector"));

    private ForeignContent() {}

    /**
     * What is there, such as {@code an ext4 file system "data"}; nothing if that is not known.
     *
     * @param first the first MiB
     * @param last the last MiB
     */
    static Optional<String> recognise(byte[] first, byte[] last) {
        if (EXT.matches(first)) {
            return Optional.of(ext(first));
        }
        for (Signature signature : SIGNATURES) {
            if (signature.matches(first)) {
                return Optional.of(signature.what());
            }
        }
        byte[] gpt = "EFI PART".getBytes(StandardCharsets.US_ASCII);
        boolean backup = java.util.Arrays.equals(last, last.length - 512, last.length - 512 + gpt.length, gpt, 0, 8);
        return backup ? Optional.of("the second copy of a GPT partition table") : Optional.empty();
    }

    /** Features tell which of the family it is (the kernel's fs/ext4/ext4.h): extents ext4, a journal ext3. */
    private static String ext(byte[] first) {
        ByteBuffer superblock = ByteBuffer.wrap(first, EXT_OFFSET, 1024).slice().order(ByteOrder.LITTLE_ENDIAN);
        boolean extents = (superblock.getInt(0x60) & 0x40) != 0;
        boolean journal = (superblock.getInt(0x5c) & 0x4) != 0;
        String label = new String(first, EXT_OFFSET + 0x78, 16, StandardCharsets.UTF_8).split("\0", -1)[0];
        superblock.order(ByteOrder.BIG_ENDIAN);
        UUID uuid = new UUID(superblock.getLong(0x68), superblock.getLong(0x70));
        return "an " + (extents ? "ext4" : journal ? "ext3" : "ext2") + " file system"
                + (label.isEmpty() ? "" : " \"" + label.replaceAll("\\p{Cntrl}", "?") + "\"") + ", UUID " + uuid;
    }
}
