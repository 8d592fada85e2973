package dev.sanway.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LunLoadTest {

    private static LunLoad load(long first, long count, boolean sequential, boolean tracked) {
        return new LunLoad(0, 0, 512, 8, first, count, sequential, tracked, 42);
    }

    @Test
    void inSequencePlacesFollowEachOtherAndBeginAgain() {
        LunLoad load = load(10, 3, true, false);
        for (int i = 0; i < 7; i++) {
            assertThat(load.lba(load.nextPlace())).isEqualTo((10 + i % 3) * 8L);
        }
    }

    @Test
    void randomPlacesReachTheWholeRangeAndNothingElse() {
        LunLoad load = load(100, 50, false, false);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < 5000; i++) {
            seen.add(load.lba(load.nextPlace()));
        }
        assertThat(seen).hasSize(50).allMatch(lba -> lba >= 800 && lba < 1200 && lba % 8 == 0);
    }

    @Test
    void aMixtureHasItsShareOfReads() {
        LunLoad load = load(0, 50, false, false);
        int reads = 0;
        for (int i = 0; i < 10_000; i++) {
            reads += load.reads(70) ? 1 : 0;
            assertThat(load.reads(100)).isTrue();
            assertThat(load.reads(0)).isFalse();
        }
        assertThat(reads).isBetween(6800, 7200);
    }

    @Test
    void noTwoRequestsAreUnderWayAtOnePlace() {
        for (boolean sequential : new boolean[] {true, false}) {
            LunLoad load = load(0, 8, sequential, true);
            Set<Long> underWay = new HashSet<>();
            for (int i = 0; i < 8; i++) {
                assertThat(underWay.add(load.nextPlace())).isTrue();
            }
            load.done(5);
            assertThat(load.nextPlace()).isEqualTo(5);
        }
    }

    @Test
    void writesOfAPlaceAreCounted() {
        LunLoad load = load(0, 8, true, true);
        assertThat(load.writtenFrom(0)).isEqualTo(-1);
        assertThat(load.nextGeneration(3)).isEqualTo(1);
        assertThat(load.nextGeneration(3)).isEqualTo(2);
        assertThat(load.nextGeneration(6)).isEqualTo(1);
        assertThat(load.generation(3)).isEqualTo(2);
        assertThat(load.writtenFrom(0)).isEqualTo(3);
        assertThat(load.writtenFrom(4)).isEqualTo(6);
        assertThat(load.writtenFrom(7)).isEqualTo(-1);
    }
}
