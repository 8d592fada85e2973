package dev.sanway.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
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
