package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PoolFillTest {
    private static List<String> news(int... percents) {
        PoolFill fill = PoolFill.START;
        List<String> said = new ArrayList<>();
        for (int percent : percents) {
            PoolFill.Step step = fill.at(percent);
            fill = step.next();
            step.news()
                    .ifPresent(news -> said.add(
                            switch (news) {
                                case PoolFill.News.Warning(int level) -> percent + ":" + level;
                                case PoolFill.News.Relieved _ -> percent + ":relieved";
                            }));
        }
        return said;
    }

    @Test
    void whatDeletedVolumesHoldIsCountedApartAndWhatIsOnAnotherPoolsUnitsNotAtAll() {
        PoolState pool = PoolState.EMPTY;
        for (long unit = 1; unit <= 2; unit++) {
            pool = pool.with(new UnitVolume(new UUID(1, unit), "unit" + unit, 0, Bytes.GIB, 512, 4096, 4096, true));
            for (long volume = 1; volume <= 2; volume++) {
                pool = pool.with(List.of(new Partition(
                        new UUID(unit, volume),
                        new UUID(1, unit),
                        volume * 100 * Bytes.MIB,
                        volume * 10 * Bytes.MIB,
                        PartitionState.ASSIGNED,
                        new Partition.PartitionOwner(new UUID(9, volume), (int) unit),
                        1)));
            }
        }
        long usable = Bytes.GIB - 2 * Bytes.MIB;
        assertThat(PoolFill.Usage.of(pool, Set.of(new UUID(9, 2))))
                .isEqualTo(new PoolFill.Usage(20 * Bytes.MIB, 40 * Bytes.MIB, 2 * usable));
        assertThat(PoolFill.Usage.of(pool.without(Set.of("unit2")), Set.of()))
                .isEqualTo(new PoolFill.Usage(30 * Bytes.MIB, 0, usable));
    }

    @Test
    void eachLevelIsToldOnce() {
        assertThat(news(10, 79, 80, 85, 89, 90, 94, 95, 100, 100)).containsExactly("80:80", "90:90", "95:95");
        assertThat(news(50, 97, 98)).containsExactly("97:95");
    }

    @Test
    void aLevelIsToldAgainOnlyAfterItWasLeftBehind() {
        assertThat(news(80, 79, 80, 78, 81)).containsExactly("80:80");
        assertThat(news(80, 76, 80)).containsExactly("80:80", "76:relieved", "80:80");
        assertThat(news(96, 93, 95, 91, 95)).containsExactly("96:95", "95:95");
        assertThat(news(96, 20)).containsExactly("96:95", "20:relieved");
    }
}
