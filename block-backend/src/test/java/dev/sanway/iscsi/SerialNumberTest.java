package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class SerialNumberTest {
    @Test
    void orderSurvivesTheWrap() {
        assertThat(SerialNumber.lessThan(0xffffffff, 0)).isTrue();
        assertThat(SerialNumber.lessThan(0, 0xffffffff)).isFalse();
        assertThat(SerialNumber.lessThan(0x7fffffff, 0x80000000)).isTrue();
        assertThat(SerialNumber.lessThan(5, 5)).isFalse();
        assertThat(SerialNumber.lessOrEqual(5, 5)).isTrue();
        assertThat(SerialNumber.within(1, 0xfffffff0, 10)).isTrue();
        assertThat(SerialNumber.within(11, 0xfffffff0, 10)).isFalse();
        assertThat(SerialNumber.within(7, 7, 6)).isFalse();
        assertThat(SerialNumber.max(0xffffffff, 2)).isEqualTo(2);
    }

    @Test
    void exactlyHalfwayIsInNoOrder() {
        assertThat(SerialNumber.lessThan(0, 0x80000000)).isFalse();
        assertThat(SerialNumber.lessThan(0x80000000, 0)).isFalse();
    }

    @Test
    void whatIsAddedIsLater() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int i = 0; i < 10_000; i++) {
            int base = random.nextInt();
            int distance = 1 + random.nextInt(Integer.MAX_VALUE);
            assertThat(SerialNumber.lessThan(base, base + distance))
                    .as("seed " + seed)
                    .isTrue();
            assertThat(SerialNumber.lessThan(base + distance, base))
                    .as("seed " + seed)
                    .isFalse();
        }
    }
}
