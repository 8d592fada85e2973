package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockFailure;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SenseOutcomeTest {
    @ParameterizedTest
    @CsvSource({
        "NO_SENSE, 00, 00, Good",
        "RECOVERED_ERROR, 17, 01, Good",
        "COMPLETED, 00, 00, Good",
        "NOT_READY, 04, 02, NotReady",
        "NOT_READY, 04, 01, Later",
        "NOT_READY, 3a, 00, NotReady",
        "MEDIUM_ERROR, 11, 00, Unreadable",
        "HARDWARE_ERROR, 44, 00, Broken",
        "ILLEGAL_REQUEST, 20, 00, Unsupported",
        "ILLEGAL_REQUEST, 24, 00, Unsupported",
        "ILLEGAL_REQUEST, 00, 00, Unsupported",
        "ILLEGAL_REQUEST, 25, 00, NotReady",
        "ILLEGAL_REQUEST, 21, 00, Broken",
        "UNIT_ATTENTION, 29, 00, News",
        "UNIT_ATTENTION, 2a, 09, News",
        "DATA_PROTECT, 27, 00, WriteProtected",
        "DATA_PROTECT, 27, 07, OutOfSpace",
        "BLANK_CHECK, 00, 00, Broken",
        "ABORTED_COMMAND, 4b, 00, Later",
        "MISCOMPARE, 1d, 00, Miscompare",
    })
    void senseOfAReadBecomes(SenseKey key, String asc, String ascq, String expected) {
        SenseData sense = new SenseData(key, Integer.parseInt(asc, 16), Integer.parseInt(ascq, 16), false, null, null);
        assertThat(name(SenseOutcome.of(StatusCode.CHECK_CONDITION, sense, false, 0, 1)))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @EnumSource(SenseKey.class)
    void everyKeyHasAnOutcomeAndADeferredErrorIsNews(SenseKey key) {
        SenseData sense = new SenseData(key, 0, 0, false, null, null);
        assertThat(SenseOutcome.of(StatusCode.CHECK_CONDITION, sense, true, 0, 1))
                .isNotNull();
        SenseData deferred = new SenseData(key, 0, 0, true, null, null);
        assertThat(SenseOutcome.of(StatusCode.CHECK_CONDITION, deferred, true, 0, 1))
                .isEqualTo(new SenseOutcome.News(deferred));
    }

    @ParameterizedTest
    @CsvSource({"0, Good", "4, Good", "8, Later", "24, ReservationConflict", "40, Later", "64, Later", "48, Broken"})
    void statusBecomes(int status, String expected) {
        assertThat(name(SenseOutcome.of(status, null, false, 0, 1))).isEqualTo(expected);
    }

    @Test
    void checkConditionWithoutSenseIsAFailure() {
        assertThat(name(SenseOutcome.of(StatusCode.CHECK_CONDITION, null, false, 0, 1)))
                .isEqualTo("Broken");
    }

    @Test
    void theBadBlockIsTheOneNamedIfItLiesInTheRangeElseTheFirst() {
        SenseData sense = new SenseData(SenseKey.MEDIUM_ERROR, 0x11, 0, false, 5_000_000_000L, null);
        assertThat(SenseOutcome.of(2, sense, false, 4_999_999_999L, 10))
                .isEqualTo(new SenseOutcome.Failure(new BlockFailure.Unreadable(5_000_000_000L)));
        assertThat(SenseOutcome.of(2, sense, false, 100, 10))
                .isEqualTo(new SenseOutcome.Failure(new BlockFailure.Unreadable(100)));
        assertThat(SenseOutcome.of(2, sense, true, 100, 10))
                .isEqualTo(new SenseOutcome.Failure(new BlockFailure.Unwritable(100)));
    }

    private static String name(SenseOutcome outcome) {
        return switch (outcome) {
            case SenseOutcome.Good _ -> "Good";
            case SenseOutcome.News _ -> "News";
            case SenseOutcome.Later _ -> "Later";
            case SenseOutcome.Failure failure -> failure.failure().getClass().getSimpleName();
        };
    }
}
