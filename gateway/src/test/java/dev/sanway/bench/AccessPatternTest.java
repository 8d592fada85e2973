package dev.sanway.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AccessPatternTest {

    @ParameterizedTest
    @CsvSource({
        "read, false, 100, random read",
        "write, false, 0, random write",
        "mixed, false, 70, random 70:30 read and write",
        "mixed:5, false, 5, random 5:95 read and write",
        "seq-read, true, 100, sequential read",
        "seq-write, true, 0, sequential write",
        "seq-mixed:50, true, 50, sequential 50:50 read and write"
    })
    void patternsAreRead(String text, boolean sequential, int readPercent, String shown) {
        AccessPattern pattern = AccessPattern.parse(text);
        assertThat(pattern).isEqualTo(new AccessPattern(sequential, readPercent));
        assertThat(pattern).hasToString(shown);
        assertThat(new AccessPattern(sequential, readPercent).writes()).isEqualTo(readPercent < 100);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "reads", "mixed:101", "mixed:", "mixed:-1", "read:50", "seq", "random-read", "mixed:1000"})
    void othersAreNone(String text) {
        assertThat(AccessPattern.parse(text)).isNull();
    }
}
