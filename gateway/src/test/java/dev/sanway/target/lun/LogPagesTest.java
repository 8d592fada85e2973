package dev.sanway.target.lun;

import static dev.sanway.target.lun.DeviceServer.cdb;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** LOG SENSE: each page that is listed is there and says something. */
class LogPagesTest {
    private static final int LUN = 3;

    private final DeviceServer server = new DeviceServer();
    private final AtomicInteger used = new AtomicInteger(-1);
    private int nextTag = 1000;

    @AfterEach
    void close() {
        server.close();
    }

    private void add(boolean thin) {
        server.target.add(
                LUN,
                new LogicalUnit(
                        server.device,
                        LogicalUnitConfig.volume(UUID.randomUUID(), thin)
                                .withInitialUnitAttention(false)
                                .withSpaceUsed(used::get),
                        null));
        server.good(server.a, cdb(0xA0, 0, 0, 0, 0, 0, 0, 0, 2, 0)); // REPORT LUNS takes the news of it off
    }

    private DeviceServer.Answer log(int page, int pointer) {
        return server.start(
                        server.a,
                        LogicalUnitNumber.encode(LUN),
                        nextTag++,
                        TaskAttribute.SIMPLE,
                        cdb(0x4D, 0, 0x40 | page, 0, 0, 0, pointer, 1, 0),
                        new byte[0],
                        true)
                .await();
    }

    private byte[] page(int page) {
        DeviceServer.Answer answer = log(page, 0);
        assertThat(answer.status()).as("%s", answer.sense()).isEqualTo(StatusCode.GOOD);
        return answer.data();
    }

    @Test
    void aThinVolumeTellsWhatIsLeftOfThePoolBeforeAnyThresholdWasPassed() {
        add(true);
        used.set(12);
        assertThat(page(0)).containsExactly(0, 0, 0, 3, 0, 0x0C, 0x2F);
        assertThat(page(0x0C)).containsExactly(0x0C, 0, 0, 8, 0, 3, 3, 4, 0, 88, 0, 0);
        used.set(40);
        assertThat(page(0x0C)[9]).isEqualTo((byte) 60);
        assertThat(log(0x0C, 4).data()).containsExactly(0x0C, 0, 0, 0);
    }

    @Test
    void whatHasNothingToTellOfProvisioningDoesNotListIt() {
        add(false);
        used.set(12);
        assertThat(page(0)).containsExactly(0, 0, 0, 2, 0, 0x2F);
        DeviceServer.check(log(0x0C, 0), SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_FIELD_IN_CDB);
    }

    @Test
    void aThinVolumeWhosePoolWasNotLookedAtYetDoesNotListItEither() {
        add(true);
        assertThat(page(0)).containsExactly(0, 0, 0, 2, 0, 0x2F);
    }

    /** smartctl -a wants it wherever there is mode page 1Ch. */
    @Test
    void noInformationalExceptionIsTold() {
        add(false);
        assertThat(page(0x2F)).containsExactly(0x2F, 0, 0, 8, 0, 0, 3, 4, 0, 0, 0xFF, 0);
        assertThat(server.good(server.a, cdb(0x1A, 0, 0x1C, 0, 255, 0))).hasSizeGreaterThan(4);
    }
}
