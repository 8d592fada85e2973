package dev.sanway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalGatewaysTest {

    @TempDir
    Path folder;

    @Test
    void gatewaysOfOneNameAreBothFound() throws Exception {
        Path first = LocalGateways.announce(folder, "gw1", "https://127.0.0.1:8443", Path.of("/var/lib/a"));
        Path second = LocalGateways.announce(folder, "gw1", "https://127.0.0.1:8444", Path.of("/var/lib/b"));
        Files.writeString(folder.resolve("garbage.properties"), "pid=none\n\\u00");
        assertThat(LocalGateways.running(folder))
                .extracting(LocalGateways.Found::name, LocalGateways.Found::server)
                .containsExactlyInAnyOrder(
                        org.assertj.core.groups.Tuple.tuple("gw1", "https://127.0.0.1:8443"),
                        org.assertj.core.groups.Tuple.tuple("gw1", "https://127.0.0.1:8444"));
        Files.delete(first);
        assertThat(LocalGateways.running(folder)).hasSize(1);
        assertThat(LocalGateways.announce(folder, "gw1", "https://127.0.0.1:8444", Path.of("/var/lib/b")))
                .as("the same after a restart")
                .isEqualTo(second);
    }
}
