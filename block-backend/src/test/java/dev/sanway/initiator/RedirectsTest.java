package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.TargetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where a session logs in. */
class RedirectsTest {
    private static final TargetAddress GROUP = new TargetAddress("192.0.2.1", 3260);
    private static final TargetAddress ONE = new TargetAddress("192.0.2.2", 3260);
    private static final TargetAddress TWO = new TargetAddress("192.0.2.3", 3260);

    private final Redirects redirects = new Redirects(GROUP);

    @Test
    void whatIsForThisTimeOnlyIsForgottenAtTheNext() {
        assertThat(redirects.begin()).isEqualTo(GROUP);
        assertThat(redirects.follow(ONE, false)).isTrue();
        assertThat(redirects.loggedIn()).isFalse();
        assertThat(redirects.at()).isEqualTo(ONE);
        assertThat(redirects.begin()).isEqualTo(GROUP);
    }

    @Test
    void whatIsForGoodIsKeptOnceItGotIn() {
        redirects.begin();
        redirects.follow(ONE, true);
        redirects.failed();
        assertThat(redirects.begin()).isEqualTo(GROUP);
        redirects.follow(ONE, true);
        assertThat(redirects.loggedIn()).isTrue();
        assertThat(redirects.begin()).isEqualTo(ONE);
        assertThat(redirects.loggedIn()).as("that is known").isFalse();
        assertThat(redirects.begin()).isEqualTo(ONE);
        redirects.follow(TWO, true);
        assertThat(redirects.loggedIn()).isTrue();
        assertThat(redirects.begin()).isEqualTo(TWO);
    }

    @Test
    void aKeptAddressThatIsGoneIsTriedInTurnsWithTheConfiguredOne() {
        redirects.begin();
        redirects.follow(ONE, true);
        redirects.loggedIn();
        assertThat(redirects.begin()).isEqualTo(ONE);
        redirects.failed();
        assertThat(redirects.begin()).isEqualTo(GROUP);
        redirects.failed();
        assertThat(redirects.begin()).isEqualTo(ONE);
        redirects.failed();
        assertThat(redirects.begin()).isEqualTo(GROUP);
        redirects.loggedIn();
        assertThat(redirects.begin()).as("it serves there again").isEqualTo(GROUP);
    }

    @Test
    void whatIsForGoodBehindWhatIsForNowIsNotKept() {
        redirects.begin();
        redirects.follow(ONE, false);
        redirects.follow(TWO, true);
        assertThat(redirects.loggedIn()).isFalse();
        assertThat(redirects.begin()).isEqualTo(GROUP);
    }

    @Test
    void tenInARowAreFollowedAndNoMore() {
        for (int attempt = 0; attempt < 2; attempt++) {
            redirects.begin();
            for (int i = 0; i < 10; i++) {
                assertThat(redirects.follow(i % 2 == 0 ? ONE : TWO, true)).isTrue();
            }
            assertThat(redirects.follow(GROUP, true)).isFalse();
            redirects.failed();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "192.0.2.7 192.0.2.7 3260",
                "192.0.2.7:13260 192.0.2.7 13260",
                "192.0.2.7:13260,1 192.0.2.7 13260",
                "[2001:db8::7]:3261,2 2001:db8::7 3261",
                "[2001:db8::7] 2001:db8::7 3260",
                "array.example:65535 array.example 65535"
            })
    void addressesAreReadAsTheStandardWritesThem(String text, String host, int port) {
        assertThat(TargetAddress.parse(text)).isEqualTo(new TargetAddress(host, port));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":3260",
                "192.0.2.7:0",
                "192.0.2.7:65536",
                "192.0.2.7:",
                "a b",
                "2001:db8::7",
                "x,y",
                "-a",
                "a\nb"
            })
    void whatIsNoAddressIsNotRead(String text) {
        assertThat(TargetAddress.parse(text)).isNull();
    }
}
