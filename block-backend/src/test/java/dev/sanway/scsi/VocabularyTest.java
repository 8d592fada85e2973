package dev.sanway.scsi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Each structure against bytes written down by hand from the standard, and against itself. */
class VocabularyTest {

    private static byte[] hex(String text) {
        return HexFormat.of().parseHex(text.replace(" ", ""));
    }

    private static SenseData parsed(byte[] bytes) {
        SenseData sense = SenseData.parse(bytes);
        if (sense == null) {
            throw new AssertionError("no sense data: " + HexFormat.of().formatHex(bytes));
        }
        return sense;
    }

    @Test
    void fixedSenseIsLaidOutAsInSpc4Table53() {
        assertThat(SenseData.invalidCdbField(2, 5).encode(false))
                .isEqualTo(hex("70 00 05 00000000 0A 00000000 24 00 00 CD0002"));
        assertThat(SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.UNRECOVERED_READ_ERROR)
                        .withInformation(0x12345678)
                        .encode(false))
                .isEqualTo(hex("F0 00 03 12345678 0A 00000000 11 00 00 000000"));
        assertThat(SenseData.of(SenseKey.MEDIUM_ERROR, AdditionalSense.WRITE_ERROR)
                        .withInformation(0x1_0000_0000L)
                        .encode(false)[0])
                .as("VALID is zero where the field is too short")
                .isEqualTo((byte) 0x70);
    }

    @Test
    void descriptorSenseIsLaidOutAsInSpc4Table29() {
        assertThat(SenseData.invalidParameter(0x123, -1).encode(true))
                .isEqualTo(hex("72 05 26 00 000000 08 02 06 0000 80 0123 00"));
        assertThat(SenseData.of(SenseKey.MISCOMPARE, AdditionalSense.MISCOMPARE_DURING_VERIFY)
                        .withInformation(700)
                        .encode(true))
                .isEqualTo(hex("72 0E 1D 00 000000 0C 00 0A 80 00 00000000000002BC"));
    }

    @Test
    void senseSurvivesItsDescriptorFormat() {
        for (AdditionalSense row : AdditionalSense.values()) {
            for (SenseKey key : SenseKey.values()) {
                SenseData sense = SenseData.of(key, row).withInformation(-2);
                assertThat(parsed(sense.encode(true))).isEqualTo(sense);
                assertThat(parsed(SenseData.of(key, row).encode(false))).isEqualTo(SenseData.of(key, row));
            }
            assertThat(AdditionalSense.of(row.asc(), row.ascq())).contains(row);
        }
        SenseData progress = SenseData.of(SenseKey.NOT_READY, AdditionalSense.NOT_READY)
                .withKeySpecific(new SenseData.Progress(0x8000));
        assertThat(parsed(progress.encode(false))).isEqualTo(progress);
        assertThat(parsed(hex("71 00 03"))).extracting(SenseData::deferred).isEqualTo(true);
        assertThat(SenseData.parse(new byte[0])).isNull();
        assertThat(SenseData.parse(new byte[] {0x7F, 0, 0})).isNull();
    }

    @Test
    void opcodesOfCdbsAreWhereTheyBelong() {
        assertThat(Cdb.read10(0x12345678, 0x9ABC, true)).isEqualTo(hex("28 08 12345678 00 9ABC 00"));
        assertThat(Cdb.write16(0x1122334455667788L, 0x01020304, false))
                .isEqualTo(hex("8A 00 1122334455667788 01020304 00 00"));
        assertThat(Cdb.writeSame16(1, 2, true, true)).isEqualTo(hex("93 09 0000000000000001 00000002 00 00"));
        assertThat(Cdb.compareAndWrite(5, 3, true)).isEqualTo(hex("89 08 0000000000000005 000000 03 00 00"));
        assertThat(Cdb.readCapacity16(32)).isEqualTo(hex("9E 10 0000000000000000 00000020 00 00"));
        assertThat(Cdb.inquiryVpd(0x83, 0x1FF)).isEqualTo(hex("12 01 83 01FF 00"));
        assertThat(Cdb.unmapParameters(List.of(new Cdb.UnmapRange(7, 0xFFFFFFFFL))))
                .isEqualTo(hex("0016 0010 00000000 0000000000000007 FFFFFFFF 00000000"));
        assertThatThrownBy(() -> Cdb.read10(0x1_0000_0000L, 1, false)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Cdb.write10(0, 0x10000, false)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void inquiryDataComesBack() {
        InquiryData data = new InquiryData(0, 0, "sanway", "VOLUME", "0001");
        byte[] bytes = data.encode();
        assertThat(bytes).hasSize(96);
        assertThat(Arrays.copyOf(bytes, 8)).isEqualTo(hex("00 00 06 12 5B 10 00 02"));
        assertThat(InquiryData.parse(bytes)).isEqualTo(data);
        assertThat(InquiryData.parse(new byte[35])).isNull();
        assertThat(data.isConnectedDisk()).isTrue();
    }

    @Test
    void capacityComesBackInBothForms() {
        CapacityData huge = new CapacityData(0x1_2345_6789L, 512, false, 3, 8, true, true);
        assertThat(CapacityData.parse16(huge.encode16())).isEqualTo(huge);
        assertThat(huge.encode10()).isEqualTo(hex("FFFFFFFF 00000200"));
        assertThat(huge.encode16()).startsWith(hex("0000000123456789 00000200 00 03 C008"));
        assertThat(CapacityData.parse16(new byte[11])).isNull();
    }

    @Test
    void logicalUnitNumbersUseTheSimplestMethod() {
        assertThat(LogicalUnitNumber.encode(7)).isEqualTo(0x0007_0000_0000_0000L);
        assertThat(LogicalUnitNumber.encode(300)).isEqualTo(0x412C_0000_0000_0000L);
        for (int number = 0; number <= LogicalUnitNumber.MAX; number++) {
            assertThat(LogicalUnitNumber.decode(LogicalUnitNumber.encode(number)))
                    .isEqualTo(number);
        }
        assertThat(LogicalUnitNumber.decode(0x4007_0000_0000_0000L))
                .as("flat form of a low one")
                .isEqualTo(7);
        for (long other : new long[] {0x0107L << 48, LogicalUnitNumber.REPORT_LUNS_WELL_KNOWN, 1, 0x8000L << 48}) {
            assertThat(LogicalUnitNumber.decode(other)).isEqualTo(LogicalUnitNumber.NONE);
        }
        assertThatThrownBy(() -> LogicalUnitNumber.encode(0x4000)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void vpdPagesComeBack() {
        List<VpdPage> pages = List.of(
                new VpdPage.SupportedPages(List.of(0, 0x80, 0x83, 0xB0)),
                new VpdPage.UnitSerialNumber("0123456789abcdef"),
                new VpdPage.DeviceIdentification(List.of(
                        Designator.naa(hex("6025357000000000 0000000000000001")),
                        Designator.t10Vendor("sanway", "abc"),
                        Designator.relativePort(2),
                        Designator.targetPortGroup(1),
                        Designator.scsiName(Designator.Association.TARGET_PORT, "iqn.a:b,t,0x0001"))),
                new VpdPage.BlockLimits(true, 128, 8, 1, 2, 3, 0xFFFFFFFFL, 256, 128, true, 5, 1L << 40),
                new VpdPage.BlockDeviceCharacteristics(1),
                new VpdPage.LogicalBlockProvisioning(0, true, true, false, true, 2),
                new VpdPage.BootId(UUID.randomUUID()));
        Set<Class<?>> kinds = new HashSet<>();
        for (VpdPage page : pages) {
            kinds.add(page.getClass());
            assertThat(VpdPage.parse(page.encode(0))).isEqualTo(page);
        }
        assertThat(kinds).as("every kind").containsExactlyInAnyOrder(VpdPage.class.getPermittedSubclasses());
        assertThat(pages.get(3).encode(0)).hasSize(64);
        assertThat(VpdPage.parse(hex("00 B0 000C 00 00 0000 00000000 00000100")))
                .as("SBC-2's short page")
                .isEqualTo(new VpdPage.BlockLimits(false, 0, 0, 0, 0x100, 0, 0, 0, 0, false, 0, 0));
    }

    @Test
    void transportIdsComeBackWhateverTheNamesLength() {
        for (int length = 1; length <= 222; length++) {
            TransportId id = new TransportId("iqn." + "x".repeat(length - Math.min(length, 4)) + "y", "80000000000a");
            byte[] bytes = id.encode();
            assertThat(bytes.length % 4).isZero();
            assertThat(bytes.length).isGreaterThanOrEqualTo(24);
            assertThat(TransportId.parse(bytes, 0)).isEqualTo(id);
            assertThat(TransportId.lengthBytes(bytes, 0)).isEqualTo(bytes.length);
        }
        TransportId device = new TransportId("iqn.a:b", null);
        assertThat(TransportId.parse(device.encode(), 0)).isEqualTo(device);
        byte[] wrong = device.encode();
        wrong[0] = 0x06; // SAS
        assertThat(TransportId.parse(wrong, 0)).isNull();
        byte[] notUtf8 = device.encode();
        notUtf8[5] = (byte) 0xff;
        assertThat(TransportId.parse(notUtf8, 0)).isNull();
    }

    @Test
    void lunListsAreCutAndCountWhatIsMissing() {
        List<Long> luns = new ArrayList<>(List.of(0L, LogicalUnitNumber.encode(300)));
        byte[] bytes = new LunList(luns, false).encode();
        assertThat(LunList.parse(bytes)).isEqualTo(new LunList(luns, false));
        assertThat(LunList.parse(Arrays.copyOf(bytes, 16))).isEqualTo(new LunList(List.of(0L), true));
        assertThat(LunList.parse(new byte[7])).isNull();
    }

    @Test
    void modeDataTellCacheAndWriteProtection() {
        assertThat(ModeHeader.parse6(hex("17 00 90 00 08 12 04 00 00000000 00000000 00000000 00000000")))
                .isEqualTo(new ModeHeader(true, true, true));
        assertThat(ModeHeader.parse6(hex("0B 00 00 08 0000000000000200")))
                .isEqualTo(new ModeHeader(false, false, null));
    }

    /** Parsers of what a peer sends take anything. */
    @Test
    void noBytesBreakAParser() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 200_000; i++) {
            byte[] bytes = new byte[random.nextInt(80)];
            random.nextBytes(bytes);
            if (bytes.length > 1 && random.nextBoolean()) {
                bytes[0] = (byte) (0x70 + random.nextInt(4));
                bytes[1] = (byte) List.of(0, 0x80, 0x83, 0xB0, 0xB1, 0xB2, 0xC0)
                        .get(random.nextInt(7))
                        .intValue();
            }
            try {
                List<@Nullable Object> results = new ArrayList<>();
                results.add(SenseData.parse(bytes));
                results.add(VpdPage.parse(bytes));
                results.add(InquiryData.parse(bytes));
                results.add(CapacityData.parse10(bytes));
                results.add(CapacityData.parse16(bytes));
                results.add(LunList.parse(bytes));
                results.add(ModeHeader.parse6(bytes));
                results.add(TransportId.parse(bytes, 0));
                assertThat(results).hasSize(8);
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ": " + HexFormat.of().formatHex(bytes), e);
            }
        }
    }

    @Test
    void whatADeviceCallsItselfForgesNoLineOfALog() {
        byte[] inquiry = new InquiryData(0, 0, "A\nB", "x\u001b[2J", "1").encode();
        InquiryData read = InquiryData.parse(inquiry);
        assertThat(read).isEqualTo(new InquiryData(0, 0, "A?B", "x?[2J", "1"));
        byte[] page = new VpdPage.UnitSerialNumber("1\r\n2").encode(0);
        assertThat(VpdPage.parse(page)).isEqualTo(new VpdPage.UnitSerialNumber("1??2"));
        assertThat(Designator.scsiName(Designator.Association.LOGICAL_UNIT, "iqn.a\u2028b")
                        .toString())
                .endsWith("iqn.a?b");
    }
}
