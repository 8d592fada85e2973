package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.block.DeviceEvent;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.Designator;
import dev.sanway.scsi.InquiryData;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.LunList;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.scsi.VpdPage;
import dev.sanway.target.lun.DeviceServer.Answer;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a host sees of its target: numbers, identities, modes, and news of them. */
class HostTargetTest {
    private final DeviceServer server = new DeviceServer();

    @AfterEach
    void close() {
        server.close();
    }

    private Answer run(Nexus nexus, long lun, byte[] cdb) {
        return server.start(nexus, lun, 9000, TaskAttribute.SIMPLE, cdb, new byte[0], true)
                .await();
    }

    /** A host that asks for little and does not read keeps little in memory. */
    @Test
    void parameterDataKeepNothingThatWasCutOff() {
        CompletableFuture<Integer> kept = new CompletableFuture<>();
        TaskListener listener = new TaskListener() {
            @Override
            public void dataOutWanted(ScsiTask task, int lengthBytes) {
                throw new AssertionError("it writes nothing");
            }

            @Override
            public void completed(ScsiTask task, ScsiResponse response) {
                kept.complete(response.dataIn().array().length);
                response.dataIn().release();
            }

            @Override
            public void aborted(ScsiTask task) {
                throw new AssertionError("nobody aborted it");
            }
        };
        byte[] cdb = cdb(0xA3, 0x0C, 0, 0, 0, 0, 0, 0, 0, 16);
        server.target.start(new ScsiCommand(server.a, 0, 4711, cdb, TaskAttribute.SIMPLE, 16, 0), listener);
        assertThat(DeviceServer.get(kept)).isEqualTo(16);
    }

    @Test
    void absentUnitsAnswerWhatTheStandardLetsThem() {
        long absent = LogicalUnitNumber.encode(300);
        InquiryData data =
                InquiryData.parse(run(server.a, absent, Cdb.inquiry(96)).data());
        assertThat(data).isNotNull().extracting(InquiryData::qualifier).isEqualTo(3);
        LunList luns =
                LunList.parse(run(server.a, absent, Cdb.reportLuns(0, 512)).data());
        assertThat(luns).isEqualTo(new LunList(List.of(0L), false));
        SenseData sense = SenseData.parse(
                run(server.a, absent, Cdb.requestSense(true, 252)).data());
        assertThat(sense).isEqualTo(SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED));
        for (byte[] cdb : List.of(cdb(0), Cdb.read16(0, 1, false), cdb(0xFF), Cdb.readCapacity16(32))) {
            DeviceServer.check(
                    run(server.a, absent, cdb), SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED);
        }
        CompletableFuture<Boolean> removed = new CompletableFuture<>();
        server.target.remove(0, 1000, removed::complete);
        assertThat(DeviceServer.get(removed)).isTrue();
        InquiryData zero = InquiryData.parse(run(server.a, 0, Cdb.inquiry(96)).data());
        assertThat(zero).isNotNull().extracting(InquiryData::qualifier).isEqualTo(1);
        assertThat(run(server.a, 0x1234_5678_0000_0000L, cdb(0)).status()).isEqualTo(StatusCode.CHECK_CONDITION);
    }

    @Test
    void reportLunsSelectsAndRefuses() {
        server.target.add(700, server.unit);
        LunList luns = LunList.parse(server.good(server.a, Cdb.reportLuns(2, 512)));
        assertThat(luns).isEqualTo(new LunList(List.of(0L, 0x42BC_0000_0000_0000L), false));
        assertThat(LunList.parse(server.good(server.a, Cdb.reportLuns(1, 512))))
                .isEqualTo(new LunList(List.of(), false));
        assertThat(LunList.parse(server.good(server.a, Cdb.reportLuns(0, 16))))
                .isEqualTo(new LunList(List.of(0L), true));
        server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB, Cdb.reportLuns(3, 512));
        server.fails(server.a, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB, Cdb.reportLuns(0, 8));
    }

    @Test
    void aNewInventoryIsToldOncePerNexusOfThatTargetOnly() {
        LogicalUnit second = new LogicalUnit(server.device, LogicalUnitConfig.volume(UUID.randomUUID(), false), null);
        server.target.add(5, second);
        server.good(server.b, cdb(0));
        server.good(server.a, Cdb.inquiry(96));
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.REPORTED_LUNS_CHANGED, cdb(0));
        server.good(server.a, cdb(0));
        assertThatThrownBy(() -> server.target.add(5, second)).isInstanceOf(IllegalArgumentException.class);
        CompletableFuture<Boolean> removed = new CompletableFuture<>();
        server.target.remove(5, 1000, removed::complete);
        assertThat(DeviceServer.get(removed)).isTrue();
        server.good(server.a, Cdb.reportLuns(0, 512));
        server.good(server.a, cdb(0)); // REPORT LUNS told it already
        assertThat(server.target.units()).containsOnlyKeys(0);
    }

    @Test
    void identityComesFromTheUuidAloneAndTheSameForEveryHost() {
        VpdPage a = VpdPage.parse(server.good(server.a, Cdb.inquiryVpd(0x83, 255)));
        VpdPage b = VpdPage.parse(server.good(server.b, Cdb.inquiryVpd(0x83, 255)));
        assertThat(unitDesignators(a)).hasSize(3).isEqualTo(unitDesignators(b));
        // Pinned: hosts know a volume by this for ever.
        assertThat(HexFormat.of().formatHex(InquiryCommands.naa(new UUID(1, 2))))
                .isEqualTo("6025357cfd7b0b623b803e2f4e02ad1c");
        assertThat(InquiryCommands.naa(new UUID(1, 2))).isNotEqualTo(InquiryCommands.naa(new UUID(1, 3)));
        assertThat(VpdPage.parse(server.good(server.a, Cdb.inquiryVpd(0x80, 255))))
                .isEqualTo(new VpdPage.UnitSerialNumber("00000000000000010000000000000002"));
    }

    private static List<Designator> unitDesignators(@Nullable VpdPage page) {
        if (!(page instanceof VpdPage.DeviceIdentification identification)) {
            throw new AssertionError("not a page 83h: " + page);
        }
        return identification.designators().stream()
                .filter(it -> it.association() == Designator.Association.LOGICAL_UNIT)
                .toList();
    }

    @Test
    void everySupportedPageCanBeReadAndNoOther() {
        if (!(VpdPage.parse(server.good(server.a, Cdb.inquiryVpd(0, 255)))
                instanceof VpdPage.SupportedPages supported)) {
            throw new AssertionError("not a page 00h");
        }
        assertThat(supported.pageCodes()).isSorted().doesNotContain(0xC0);
        for (int code = 0; code < 256; code++) {
            Answer answer = server.run(server.a, Cdb.inquiryVpd(code, 255));
            assertThat(answer.status() == StatusCode.GOOD)
                    .as("page %02X", code)
                    .isEqualTo(supported.pageCodes().contains(code));
            if (answer.status() == StatusCode.GOOD) {
                assertThat(answer.data()[1] & 0xFF).isEqualTo(code);
                assertThat(BigEndian.u16(answer.data(), 2)).isEqualTo(answer.data().length - 4);
                assertThat(server.good(server.a, Cdb.inquiryVpd(code, 3))).hasSize(3);
            }
        }
        CapacityData capacity = CapacityData.parse16(server.good(server.a, Cdb.readCapacity16(32)));
        assertThat(capacity).isEqualTo(new CapacityData(16383, 512, false, 3, 0, true, true));
        assertThat(server.good(server.a, Cdb.readCapacity16(12))).hasSize(12);
    }

    @Test
    void newsOfTheDeviceReachesEveryNexus() {
        server.onLoop(() -> server.gate.grow(1000));
        for (Nexus nexus : List.of(server.a, server.b)) {
            server.fails(nexus, SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_CHANGED, cdb(0));
            assertThat(CapacityData.parse10(server.good(nexus, Cdb.readCapacity10())))
                    .extracting(it -> it == null ? -1 : it.lastLba())
                    .isEqualTo(17383L);
        }
        server.onLoop(() -> server.gate.tell(new DeviceEvent.SpaceLow(83)));
        server.fails(server.a, SenseKey.UNIT_ATTENTION, AdditionalSense.THIN_PROVISIONING_SOFT_THRESHOLD, cdb(0));
        byte[] log = server.good(server.a, cdb(0x4D, 0, 0x4C, 0, 0, 0, 0, 1, 0));
        assertThat(BigEndian.u16(log, 4)).isEqualTo(3);
        assertThat(BigEndian.u16(log, 8)).isEqualTo(17);
    }

    @Test
    void aNewNexusSeesPowerOnOnceAndRequestSenseTakesItOff() {
        DeviceServer fresh = new DeviceServer(512, new MemoryTarget.HeapReservationStore(), true);
        try {
            fresh.good(fresh.a, Cdb.inquiry(96));
            fresh.good(fresh.a, Cdb.reportLuns(0, 512));
            SenseData sense = SenseData.parse(fresh.good(fresh.a, Cdb.requestSense(false, 252)));
            assertThat(sense)
                    .isEqualTo(SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET));
            fresh.good(fresh.a, cdb(0));
            fresh.fails(fresh.b, SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET, cdb(0));
            fresh.good(fresh.b, cdb(0));
            CompletableFuture<Boolean> lost = new CompletableFuture<>();
            fresh.target.nexusLost(fresh.a, 1000, lost::complete);
            assertThat(DeviceServer.get(lost)).isTrue();
            fresh.target.nexusEstablished(fresh.a);
            fresh.fails(fresh.a, SenseKey.UNIT_ATTENTION, AdditionalSense.NEXUS_LOSS, cdb(0));
            fresh.good(fresh.a, cdb(0));
        } finally {
            fresh.close();
        }
    }

    @Test
    void graverResetsReplaceLesserOnesAndNothingIsToldTwice() {
        UnitAttentions attentions = new UnitAttentions();
        attentions.establish(AdditionalSense.CAPACITY_CHANGED);
        attentions.establish(AdditionalSense.CAPACITY_CHANGED);
        attentions.establish(AdditionalSense.NEXUS_LOSS);
        attentions.establish(AdditionalSense.DEVICE_RESET);
        attentions.establish(AdditionalSense.NEXUS_LOSS);
        attentions.establish(AdditionalSense.POWER_ON);
        attentions.establish(AdditionalSense.BUS_RESET);
        assertThat(attentions.poll()).isEqualTo(SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON));
        assertThat(attentions.poll())
                .isEqualTo(SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.CAPACITY_CHANGED));
        assertThat(attentions.poll()).isNull();
    }

    // ---- modes

    private byte[] page(int code, int control) {
        return server.good(server.a, cdb(0x1A, 0x08, control << 6 | code, 0, 255));
    }

    private Answer select(byte[] sensed) {
        byte[] list = sensed.clone();
        list[0] = 0;
        list[2] = 0;
        return server.run(server.a, cdb(0x15, 0x10, 0, 0, list.length), list);
    }

    @Test
    void everyBitOfEveryModePageChangesExactlyIfItIsChangeable() {
        for (int code : new int[] {0x08, 0x0A, 0x1C}) {
            byte[] changeable = page(code, 1);
            for (int i = 6; i < changeable.length; i++) {
                for (int bit = 0; bit < 8; bit++) {
                    byte[] before = page(code, 0);
                    byte[] wanted = before.clone();
                    wanted[i] ^= (byte) (1 << bit);
                    Answer answer = select(wanted);
                    boolean may = (changeable[i] >> bit & 1) != 0;
                    assertThat(answer.status() == StatusCode.GOOD)
                            .as("page %02X byte %d bit %d", code, i, bit)
                            .isEqualTo(may);
                    if (may) {
                        server.fails(
                                server.b, SenseKey.UNIT_ATTENTION, AdditionalSense.MODE_PARAMETERS_CHANGED, cdb(0));
                        byte[] now = page(code, 0);
                        assertThat(now[i]).isEqualTo(wanted[i]);
                        assertThat(select(before).status()).isZero();
                        server.run(server.b, cdb(0));
                    } else {
                        SenseData sense = DeviceServer.check(
                                answer, SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_PARAMETER_LIST);
                        assertThat(sense.keySpecific()).isEqualTo(new SenseData.FieldPointer(false, i, bit));
                    }
                }
            }
        }
        server.fails(
                server.a,
                SenseKey.ILLEGAL_REQUEST,
                AdditionalSense.SAVING_PARAMETERS_NOT_SUPPORTED,
                cdb(0x1A, 0, 0xC8, 0, 255));
    }

    @Test
    void softwareWriteProtectionAndDescriptorSenseTakeEffect() {
        byte[] before = page(0x0A, 0);
        byte[] wanted = before.clone();
        wanted[4 + 4] |= 0x08; // SWP
        wanted[4 + 2] |= 0x04; // D_SENSE
        assertThat(select(wanted).status()).isZero();
        Answer answer = server.run(server.a, Cdb.write16(0, 1, false), new byte[512]);
        DeviceServer.check(answer, SenseKey.DATA_PROTECT, AdditionalSense.SOFTWARE_WRITE_PROTECTED);
        server.good(server.a, Cdb.read16(0, 1, false));
        assertThat(page(0x3F, 0)[2] & 0x80).isEqualTo(0x80);
        assertThat(select(before).status()).isZero();
        server.good(server.a, Cdb.write16(0, 1, false), new byte[512]);
    }

    @Test
    void modeDataOfBothSizesAgree() {
        byte[] six = server.good(server.a, cdb(0x1A, 0x08, 0x3F, 0xFF, 255));
        byte[] ten = server.good(server.a, cdb(0x5A, 0x08, 0x3F, 0xFF, 0, 0, 0, 2, 0));
        assertThat(six[0] & 0xFF).isEqualTo(six.length - 1);
        assertThat(BigEndian.u16(ten, 0)).isEqualTo(ten.length - 2);
        assertThat(HexFormat.of().formatHex(ten, 8, ten.length))
                .isEqualTo(HexFormat.of().formatHex(six, 4, six.length));
        byte[] longLba = server.good(server.a, cdb(0x5A, 0x10, 0x08, 0, 0, 0, 0, 2, 0));
        assertThat(longLba[4]).isEqualTo((byte) 1);
        assertThat(BigEndian.i64(longLba, 8)).isEqualTo(16384);
        assertThat(BigEndian.i32(longLba, 20)).isEqualTo(512);
    }
}
