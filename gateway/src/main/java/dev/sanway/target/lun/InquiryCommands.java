package dev.sanway.target.lun;

import dev.sanway.block.Geometry;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Designator;
import dev.sanway.scsi.InquiryData;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.VpdPage;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Who and what a logical unit is: INQUIRY, READ CAPACITY, TEST UNIT READY, REQUEST SENSE. */
final class InquiryCommands {
    /** Blocks that one COMPARE AND WRITE may cover. */
    static final int MAX_COMPARE_AND_WRITE_BLOCKS = 128;

    /** Block descriptors that one UNMAP may carry. */
    static final int MAX_UNMAP_DESCRIPTORS = 256;

    /**
     * Whole mebibytes, 31 MiB at 512 bytes, so that pieces of that length end at granules. It stays below 65,536 blocks: whoever
     * is told of more (libiscsi's suite is) believes that he may also write that much data with one command.
     */
    private static final long MAX_WRITE_SAME_BLOCKS = 62 * 1024;

    /**
     * The 24 bits after NAA 6h. No IEEE company identifier was bought for this project: the locally administered bit is set, so
     * that it collides with no assigned one.
     */
    private static final int COMPANY_ID = 0x02_5357;

    private InquiryCommands() {}

    static int allocationLength(byte[] cdb) {
        return BigEndian.u16(cdb, 3);
    }

    /** INQUIRY (SPC-4 6.6). */
    static void inquiry(Task task) {
        byte[] cdb = task.cdb();
        boolean vital = (cdb[1] & 0x01) != 0;
        int code = BigEndian.u8(cdb, 2);
        if (!vital) {
            if (code != 0) {
                task.invalidField(2, -1);
                return;
            }
            LogicalUnitConfig config = task.unit.config();
            InquiryData data = new InquiryData(
                    0, InquiryData.DIRECT_ACCESS, LogicalUnitConfig.VENDOR, config.product(), config.revision());
            task.good(data.encode(), allocationLength(cdb));
            return;
        }
        VpdPage page = page(task, code);
        if (page == null) {
            task.invalidField(2, -1);
        } else {
            task.good(page.encode(InquiryData.DIRECT_ACCESS), allocationLength(cdb));
        }
    }

    private static @Nullable VpdPage page(Task task, int code) {
        LogicalUnit unit = task.unit;
        LogicalUnitConfig config = unit.config();
        UUID bootId = config.bootId();
        return switch (code) {
            case VpdPage.SUPPORTED_PAGES -> {
                List<Integer> codes = new ArrayList<>(List.of(
                        VpdPage.SUPPORTED_PAGES,
                        VpdPage.UNIT_SERIAL_NUMBER,
                        VpdPage.DEVICE_IDENTIFICATION,
                        VpdPage.BLOCK_LIMITS,
                        VpdPage.BLOCK_DEVICE_CHARACTERISTICS,
                        VpdPage.LOGICAL_BLOCK_PROVISIONING));
                if (bootId != null) {
                    codes.add(VpdPage.BOOT_ID);
                }
                yield new VpdPage.SupportedPages(codes);
            }
            case VpdPage.UNIT_SERIAL_NUMBER -> new VpdPage.UnitSerialNumber(serial(config.uuid()));
            case VpdPage.DEVICE_IDENTIFICATION ->
                new VpdPage.DeviceIdentification(
                        designators(config.uuid(), task.command().nexus()));
            case VpdPage.BLOCK_LIMITS -> blockLimits(unit);
            case VpdPage.BLOCK_DEVICE_CHARACTERISTICS -> new VpdPage.BlockDeviceCharacteristics(1);
            case VpdPage.LOGICAL_BLOCK_PROVISIONING -> {
                boolean unmaps = unit.unmaps();
                int type = unmaps ? (config.thin() ? 2 : 1) : 0;
                yield new VpdPage.LogicalBlockProvisioning(
                        0,
                        unmaps,
                        unmaps,
                        unmaps,
                        unmaps && unit.device().limits().unmappedReadsZeroes(),
                        type);
            }
            case VpdPage.BOOT_ID -> bootId == null ? null : new VpdPage.BootId(bootId);
            default -> null;
        };
    }

    /** The unit serial number: the UUID's 32 hex digits. */
    static String serial(UUID uuid) {
        return uuid.toString().replace("-", "");
    }

    /**
     * The NAA IEEE Registered Extended identifier (SPC-4 7.8.5.6.5): 6h, our company identifier, and 100 bits of the UUID's
     * SHA-256, so that it never changes and two UUIDs never meet.
     */
    static byte[] naa(UUID uuid) {
        byte[] bits = ByteBuffer.allocate(16)
                .putLong(uuid.getMostSignificantBits())
                .putLong(uuid.getLeastSignificantBits())
                .array();
        byte[] digest;
        try {
            digest = MessageDigest.getInstance("SHA-256").digest(bits);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        byte[] naa = Arrays.copyOfRange(digest, 0, 16);
        BigEndian.put32(naa, 0, 0x6000_0000L | ((long) COMPANY_ID << 4) | (naa[3] & 0x0F));
        return naa;
    }

    private static List<Designator> designators(UUID uuid, Nexus nexus) {
        byte[] naa = naa(uuid);
        int port = nexus.targetPortalGroupTag();
        return List.of(
                Designator.naa(naa),
                Designator.t10Vendor(LogicalUnitConfig.VENDOR, serial(uuid)),
                Designator.scsiName(
                        Designator.Association.LOGICAL_UNIT,
                        "naa." + HexFormat.of().withUpperCase().formatHex(naa)),
                Designator.relativePort(port),
                Designator.targetPortGroup(ReportCommands.TARGET_PORT_GROUP),
                Designator.scsiName(
                        Designator.Association.TARGET_PORT,
                        nexus.targetName() + String.format(Locale.ROOT, ",t,0x%04x", port)),
                Designator.scsiName(Designator.Association.TARGET_DEVICE, nexus.targetName()));
    }

    private static VpdPage blockLimits(LogicalUnit unit) {
        Limits limits = unit.device().limits();
        Geometry geometry = unit.device().geometry();
        boolean unmaps = unit.unmaps();
        return new VpdPage.BlockLimits(
                true,
                maxCompareAndWriteBlocks(unit),
                geometry.physicalBlockSizeBytes() / geometry.blockSizeBytes(),
                limits.maxTransferBlocks(),
                limits.optimalTransferBlocks(),
                0,
                unmaps ? 0xFFFF_FFFFL : 0,
                unmaps ? MAX_UNMAP_DESCRIPTORS : 0,
                limits.unmapGranularityBlocks(),
                unmaps,
                limits.unmapAlignmentBlocks(),
                maxWriteSameBlocks());
    }

    static int maxCompareAndWriteBlocks(LogicalUnit unit) {
        return Math.min(MAX_COMPARE_AND_WRITE_BLOCKS, unit.device().limits().maxTransferBlocks());
    }

    /** Bounded, so that what one command writes ends well within hosts' time-outs. */
    static long maxWriteSameBlocks() {
        return MAX_WRITE_SAME_BLOCKS;
    }

    /** READ CAPACITY(10) (SBC-3 5.15). */
    static void readCapacity10(Task task) {
        if (sizeUnknown(task)) {
            return;
        }
        task.good(capacity(task.unit).encode10(), 8);
    }

    /** READ CAPACITY(16) (SBC-3 5.16). */
    static void readCapacity16(Task task) {
        if (sizeUnknown(task)) {
            return;
        }
        task.good(capacity(task.unit).encode16(), BigEndian.i32(task.cdb(), 10));
    }

    /** A device that was never reached has no size yet; ends the task then. */
    private static boolean sizeUnknown(Task task) {
        boolean unknown = task.unit.device().geometry().blockCount() == 0;
        if (unknown) {
            task.check(FailureSense.of(
                    task.unit.device().readiness() instanceof Readiness.Unready why
                            ? why
                            : new Readiness.Away("its size is not known yet")));
        }
        return unknown;
    }

    private static CapacityData capacity(LogicalUnit unit) {
        Geometry geometry = unit.device().geometry();
        int exponent = Integer.numberOfTrailingZeros(geometry.physicalBlockSizeBytes() / geometry.blockSizeBytes());
        return new CapacityData(
                geometry.blockCount() - 1,
                geometry.blockSizeBytes(),
                false,
                exponent,
                0,
                unit.unmaps(),
                unit.unmaps() && unit.device().limits().unmappedReadsZeroes());
    }

    /** TEST UNIT READY (SPC-4 6.47). */
    static void testUnitReady(Task task) {
        switch (task.unit.readiness()) {
            case Readiness.Ready _ -> task.good();
            case Readiness.Unready why -> task.check(FailureSense.of(why));
        }
    }

    /** REQUEST SENSE (SPC-4 6.39): a pending unit attention, or whether the unit is ready. */
    static void requestSense(Task task) {
        SenseData attention = task.nexus().attentions.poll();
        SenseData sense = attention != null
                ? attention
                : task.unit.readiness() instanceof Readiness.Unready why ? FailureSense.of(why) : SenseData.none();
        task.good(sense.encode((task.cdb()[1] & 0x01) != 0), BigEndian.u8(task.cdb(), 4));
    }
}
