package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which LUNs of a unit are used when it reports more than it should. */
class LunChoiceTest {
    private static final List<Integer> THOUSANDS =
            IntStream.range(0, 8191).boxed().toList();

    @Test
    void ofThousandsAFewAreUsedAndTheRestIsCounted() {
        LunChoice choice = LunChoice.of(THOUSANDS, LunClaims.declared(List.of()), Set.of());
        assertThat(choice.used()).hasSize(LunChoice.MAX_LUNS).contains(0, 255).doesNotContain(256);
        assertThat(choice.leftOut()).isEqualTo(8191 - LunChoice.MAX_LUNS);
    }

    @Test
    void thoseThatAreNamedAreUsedWhereverTheyStand() {
        LunChoice choice = LunChoice.of(THOUSANDS, LunClaims.declared(List.of(8000, 3)), Set.of());
        assertThat(choice).isEqualTo(new LunChoice(List.of(3, 8000), 0));
    }

    @Test
    void thoseThatAreUsedStayAndTakeTheirRoom() {
        Set<Integer> open = Set.copyOf(
                IntStream.range(1000, 1000 + LunChoice.MAX_LUNS - 1).boxed().toList());
        LunChoice choice = LunChoice.of(THOUSANDS, LunClaims.declared(List.of()), open);
        assertThat(choice.used()).hasSize(LunChoice.MAX_LUNS).contains(0, 1000).doesNotContain(1);
    }

    @Test
    void aUnitThatReportsOtherLunsEachTimeIsNotGivenMoreRoom() {
        Set<Integer> open =
                Set.copyOf(IntStream.range(0, LunChoice.MAX_LUNS).boxed().toList());
        assertThat(LunChoice.of(List.of(9001, 9002), LunClaims.declared(List.of()), open))
                .isEqualTo(new LunChoice(List.of(), 2));
    }

    @Test
    void ofManyNumbersTheFirstAreShown() {
        assertThat(LunChoice.show(List.of(1, 2))).isEqualTo("[1, 2]");
        assertThat(LunChoice.show(THOUSANDS)).hasSizeLessThan(100).endsWith("and 8175 more");
    }
}
