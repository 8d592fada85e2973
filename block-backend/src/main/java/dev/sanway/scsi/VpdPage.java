package dev.sanway.scsi;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Vital product data pages (SPC-4 7.8, SBC-3 6.6). {@link #encode} adds the header; {@link #parse} takes it off. */
public sealed interface VpdPage {
    int SUPPORTED_PAGES = 0x00;
    int UNIT_SERIAL_NUMBER = 0x80;
    int DEVICE_IDENTIFICATION = 0x83;
    int BLOCK_LIMITS = 0xB0;
    int BLOCK_DEVICE_CHARACTERISTICS = 0xB1;
    int LOGICAL_BLOCK_PROVISIONING = 0xB2;

    /** Our vendor-specific page: 16 bytes of boot id, only in IP SAN units. */
    int BOOT_ID = 0xC0;

    /** 00h (SPC-4 7.8.13): the codes, ascending. */
    record SupportedPages(List<Integer> pageCodes) implements VpdPage {
        public SupportedPages {
            pageCodes = List.copyOf(pageCodes);
        }
    }

    /** 80h (SPC-4 7.8.14). */
    record UnitSerialNumber(String serial) implements VpdPage {}

    /** 83h (SPC-4 7.8.5). */
    record DeviceIdentification(List<Designator> designators) implements VpdPage {
        public DeviceIdentification {
            designators = List.copyOf(designators);
        }
    }

    /**
     * B0h (SBC-3 6.6.3). Quantities are logical blocks; 0 means not stated, but for the maxima of UNMAP, where it means not
     * supported. The two 32-bit maxima of UNMAP are unlimited at FFFFFFFFh.
     */
    record BlockLimits(
            boolean writeSameNonZero,
            int maxCompareAndWriteBlocks,
            int optimalGranularityBlocks,
            long maxTransferBlocks,
            long optimalTransferBlocks,
            long maxPrefetchBlocks,
            long maxUnmapBlocks,
            long maxUnmapDescriptors,
            long unmapGranularityBlocks,
            boolean unmapAlignmentValid,
            long unmapAlignmentBlocks,
            long maxWriteSameBlocks)
            implements VpdPage {}

    /** B1h (SBC-3 6.6.2). {@code rotationRate} 1: non-rotating medium. */
    record BlockDeviceCharacteristics(int rotationRate) implements VpdPage {}

    /** B2h (SBC-3 6.6.4). {@code provisioningType} 0 fully, 1 resource, 2 thin provisioned. */
    record LogicalBlockProvisioning(
            int thresholdExponent,
            boolean unmapSupported,
            boolean writeSame16Unmaps,
            boolean writeSame10Unmaps,
            boolean unmappedReadsZeroes,
            int provisioningType)
            implements VpdPage {}

    /** C0h, ours: changes whenever the machine beneath a unit may have lost what was not flushed. */
    record BootId(UUID id) implements VpdPage {}

    private int code() {
        return switch (this) {
            case SupportedPages _ -> SUPPORTED_PAGES;
            case UnitSerialNumber _ -> UNIT_SERIAL_NUMBER;
            case DeviceIdentification _ -> DEVICE_IDENTIFICATION;
            case BlockLimits _ -> BLOCK_LIMITS;
            case BlockDeviceCharacteristics _ -> BLOCK_DEVICE_CHARACTERISTICS;
            case LogicalBlockProvisioning _ -> LOGICAL_BLOCK_PROVISIONING;
            case BootId _ -> BOOT_ID;
        };
    }

    /** The page with its header of four bytes. {@code peripheral}: qualifier and device type, 0 for a disk. */
    default byte[] encode(int peripheral) {
        byte[] body = body(this);
        byte[] page = new byte[4 + body.length];
        page[0] = (byte) peripheral;
        page[1] = (byte) code();
        BigEndian.put16(page, 2, body.length);
        System.arraycopy(body, 0, page, 4, body.length);
        return page;
    }

    private static byte[] body(VpdPage page) {
        return switch (page) {
            case SupportedPages supported -> {
                byte[] codes = new byte[supported.pageCodes().size()];
                for (int i = 0; i < codes.length; i++) {
                    codes[i] = supported.pageCodes().get(i).byteValue();
                }
                yield codes;
            }
            case UnitSerialNumber serial -> serial.serial().getBytes(StandardCharsets.US_ASCII);
            case DeviceIdentification identification -> {
                byte[] all = {};
                for (Designator designator : identification.designators()) {
                    byte[] one = designator.encode();
                    int at = all.length;
                    all = Arrays.copyOf(all, at + one.length);
                    System.arraycopy(one, 0, all, at, one.length);
                }
                yield all;
            }
            case BlockLimits limits -> limitsBody(limits);
            case BlockDeviceCharacteristics characteristics -> {
                byte[] body = new byte[60];
                BigEndian.put16(body, 0, characteristics.rotationRate());
                yield body;
            }
            case LogicalBlockProvisioning provisioning -> {
                byte[] body = new byte[4];
                body[0] = (byte) provisioning.thresholdExponent();
                body[1] = (byte) ((provisioning.unmapSupported() ? 0x80 : 0)
                        | (provisioning.writeSame16Unmaps() ? 0x40 : 0)
                        | (provisioning.writeSame10Unmaps() ? 0x20 : 0)
                        | (provisioning.unmappedReadsZeroes() ? 0x04 : 0));
                body[2] = (byte) provisioning.provisioningType();
                yield body;
            }
            case BootId boot -> {
                byte[] body = new byte[16];
                BigEndian.put64(body, 0, boot.id().getMostSignificantBits());
                BigEndian.put64(body, 8, boot.id().getLeastSignificantBits());
                yield body;
            }
        };
    }

    private static byte[] limitsBody(BlockLimits limits) {
        byte[] body = new byte[60];
        body[0] = (byte) (limits.writeSameNonZero() ? 1 : 0);
        body[1] = (byte) limits.maxCompareAndWriteBlocks();
        BigEndian.put16(body, 2, limits.optimalGranularityBlocks());
        BigEndian.put32(body, 4, limits.maxTransferBlocks());
        BigEndian.put32(body, 8, limits.optimalTransferBlocks());
        BigEndian.put32(body, 12, limits.maxPrefetchBlocks());
        BigEndian.put32(body, 16, limits.maxUnmapBlocks());
        BigEndian.put32(body, 20, limits.maxUnmapDescriptors());
        BigEndian.put32(body, 24, limits.unmapGranularityBlocks());
        BigEndian.put32(body, 28, limits.unmapAlignmentValid() ? 0x8000_0000L | limits.unmapAlignmentBlocks() : 0);
        BigEndian.put64(body, 32, limits.maxWriteSameBlocks());
        return body;
    }

    /**
     * Reads a page of one of the kinds above; null if it is another one, or malformed, or cut off within what it must have.
     */
    static @Nullable VpdPage parse(byte[] bytes) {
        if (bytes.length < 4) {
            return null;
        }
        int code = BigEndian.u8(bytes, 1);
        byte[] body = Arrays.copyOfRange(bytes, 4, Math.min(bytes.length, 4 + BigEndian.u16(bytes, 2)));
        return switch (code) {
            case SUPPORTED_PAGES -> {
                List<Integer> codes = new ArrayList<>();
                for (byte one : body) {
                    codes.add(one & 0xFF);
                }
                yield new SupportedPages(codes);
            }
            case UNIT_SERIAL_NUMBER ->
                new UnitSerialNumber(Printable.text(body, 0, body.length, StandardCharsets.US_ASCII));
            case DEVICE_IDENTIFICATION -> new DeviceIdentification(designators(body));
            case BLOCK_LIMITS -> limits(body);
            case BLOCK_DEVICE_CHARACTERISTICS ->
                body.length < 2 ? null : new BlockDeviceCharacteristics(BigEndian.u16(body, 0));
            case LOGICAL_BLOCK_PROVISIONING ->
                body.length < 3
                        ? null
                        : new LogicalBlockProvisioning(
                                body[0] & 0xFF,
                                (body[1] & 0x80) != 0,
                                (body[1] & 0x40) != 0,
                                (body[1] & 0x20) != 0,
                                // SBC-4 made LBPRZ three bits: 001b still means zeroes, others do not promise them.
                                (body[1] >> 2 & 0x07) == 1,
                                body[2] & 0x07);
            case BOOT_ID ->
                body.length != 16 ? null : new BootId(new UUID(BigEndian.i64(body, 0), BigEndian.i64(body, 8)));
            default -> null;
        };
    }

    private static List<Designator> designators(byte[] body) {
        List<Designator> found = new ArrayList<>();
        int at = 0;
        while (at + 4 <= body.length && at + 4 + BigEndian.u8(body, at + 3) <= body.length) {
            int length = BigEndian.u8(body, at + 3);
            found.add(new Designator(
                    Designator.Association.of(body[at + 1] >> 4),
                    body[at + 1] & 0x0F,
                    body[at] & 0x0F,
                    Arrays.copyOfRange(body, at + 4, at + 4 + length)));
            at += 4 + length;
        }
        return found;
    }

    /** SBC-2's page is 12 bytes long, SBC-3's 60: what is missing is not stated. */
    private static @Nullable BlockLimits limits(byte[] body) {
        if (body.length < 12) {
            return null;
        }
        byte[] whole = Arrays.copyOf(body, 60);
        long alignment = BigEndian.u32(whole, 28);
        return new BlockLimits(
                (whole[0] & 1) != 0,
                whole[1] & 0xFF,
                BigEndian.u16(whole, 2),
                BigEndian.u32(whole, 4),
                BigEndian.u32(whole, 8),
                BigEndian.u32(whole, 12),
                BigEndian.u32(whole, 16),
                BigEndian.u32(whole, 20),
                BigEndian.u32(whole, 24),
                (alignment & 0x8000_0000L) != 0,
                alignment & 0x7FFF_FFFFL,
                BigEndian.i64(whole, 32));
    }
}
