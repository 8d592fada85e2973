package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.Geometry;
import dev.sanway.iscsi.IscsiName;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What counts as a restart. */
class RestartWatchTest {
    private final RestartWatch watch = new RestartWatch();

    private static LunEvidence disk(String vendor, @Nullable UUID bootId) {
        return new LunEvidence(
                new IscsiName("iqn.2026-11.example:unit"),
                0,
                vendor,
                "DISK",
                "",
                List.of(),
                bootId,
                new Geometry(512, 512, 8));
    }

    private boolean cutAndIdentified(LunEvidence evidence) {
        watch.cut();
        return watch.identified(evidence);
    }

    @Test
    void anotherBootIdIsARestartAndNothingElseIs() {
        assertThat(watch.identified(disk("a", new UUID(1, 1)))).isFalse();
        assertThat(watch.sign()).isEqualTo(RestartSign.BOOT_ID);
        watch.poweredOn();
        assertThat(cutAndIdentified(disk("a", new UUID(1, 1)))).isFalse();
        assertThat(cutAndIdentified(disk("a", new UUID(2, 2)))).isTrue();
        assertThat(cutAndIdentified(disk("a", new UUID(2, 2)))).isFalse();
    }

    @Test
    void whoGreetsIsRestartedWhenItGreetsAgain() {
        watch.poweredOn();
        assertThat(watch.identified(disk("a", null))).isFalse();
        assertThat(watch.sign()).isEqualTo(RestartSign.ATTENTION);
        assertThat(cutAndIdentified(disk("a", null))).isFalse();
        watch.poweredOn();
        assertThat(cutAndIdentified(disk("a", null))).isTrue();
    }

    @Test
    void whoDoesNotGreetMayBeRestartedWithEachCut() {
        assertThat(watch.identified(disk("a", null))).isFalse();
        assertThat(watch.sign()).isEqualTo(RestartSign.NONE);
        assertThat(watch.identified(disk("a", null))).as("looked at again").isFalse();
        assertThat(cutAndIdentified(disk("a", null))).isTrue();
        watch.poweredOn();
        assertThat(cutAndIdentified(disk("a", null))).isTrue();
        assertThat(watch.sign()).as("the safe side").isEqualTo(RestartSign.NONE);
    }

    @Test
    void anotherMakeIsJudgedAnew() {
        watch.poweredOn();
        watch.identified(disk("a", null));
        assertThat(cutAndIdentified(disk("b", null))).isTrue();
        assertThat(watch.sign()).isEqualTo(RestartSign.NONE);
        assertThat(cutAndIdentified(disk("b", new UUID(1, 1)))).isTrue();
        assertThat(watch.sign()).isEqualTo(RestartSign.BOOT_ID);
    }
}
