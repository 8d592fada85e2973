package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code scripts/dev-container} as its user runs it, where a Docker engine is to be had ({@code DOCKER_HOST}). */
@Tag("long")
class DevContainerTest {

    private static final Pattern PORTAL = Pattern.compile("scripts/iscsiadm-smoke (\\S+)");

    private static Command script(long seconds, String name, String... arguments) {
        List<String> words = new ArrayList<>(
                List.of(SanwayProcess.ROOT.resolve("scripts/" + name).toString()));
        words.addAll(List.of(arguments));
        return Command.run(seconds, words);
    }

    @BeforeEach
    void engine() {
        boolean installed =
                Stream.of("/usr/bin", "/usr/local/bin").anyMatch(bin -> Files.isExecutable(Path.of(bin, "docker")));
        assumeTrue(
                installed && Command.run(20, "docker", "version").exitStatus() == 0, "no Docker engine can be reached");
    }

    @AfterEach
    void takeDown() {
        script(90, "dev-container", "down", "--volumes").succeeded();
    }

    @Test
    void aLinuxHostUsesItAndItsDataStay() {
        String said = script(900, "dev-container", "up").succeeded();
        Matcher portal = PORTAL.matcher(said);
        assertThat(portal.find()).as(said).isTrue();
        assertThat(script(300, "iscsiadm-smoke", "--erase", portal.group(1)).succeeded())
                .contains("all well");
        String volumes = script(30, "dev-container", "shell", "sanway", "volume", "list", "--output", "json")
                .succeeded();
        assertThat(script(30, "dev-container", "shell", "id", "-u").succeeded().strip())
                .isEqualTo("10001");

        script(90, "dev-container", "down").succeeded();
        script(900, "dev-container", "up").succeeded();

        assertThat(script(30, "dev-container", "shell", "sanway", "volume", "list", "--output", "json")
                        .succeeded())
                .isEqualTo(volumes);
        assertThat(script(300, "iscsiadm-smoke", portal.group(1)).succeeded()).contains("all well");
    }
}
