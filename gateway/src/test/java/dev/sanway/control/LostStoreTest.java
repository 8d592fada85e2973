package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The store is gone from a state directory in which a gateway has run. */
class LostStoreTest {

    @TempDir
    Path folder;

    private static int port() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void noNewPoolIsBegunWithoutAnOperatorsWord() throws Exception {
        Path state = folder.resolve("state");
        Path file = Files.writeString(folder.resolve("gateway.yaml"), """
                gateway:
                  name: gw1
                  portals: ["127.0.0.1:%d"]
                  management: "127.0.0.1:%d"
                  stateDirectory: state
                  eventLoops: 1
                """.formatted(port(), port()));
        GatewayConfig config = GatewayConfigReader.read(file);
        new Gateway(config).close();
        new Gateway(config).close();
        Path store = state.resolve("metadata.db");
        byte[] kept = Files.readAllBytes(store);
        Path log = Files.write(state.resolve("metadata.db-wal"), new byte[] {1, 2, 3});
        for (boolean empty : new boolean[] {false, true}) {
            Files.deleteIfExists(store);
            if (empty) {
                Files.createFile(store);
            }
            assertThatThrownBy(() -> new Gateway(config))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining(store + " is gone or empty, though a gateway has run here before")
                    .hasMessageContaining("Do not zero any LUN")
                    .hasMessageContaining("sanway gateway run --config " + file + " --new-pool");
            assertThat(Files.exists(store)).isEqualTo(empty);
            assertThat(log).as("what may still be needed").hasBinaryContent(new byte[] {1, 2, 3});
        }
        Files.delete(log);
        Files.write(store, kept);
        new Gateway(config).close();
        Files.delete(store);
        new Gateway(config, true).close();
        assertThat(store).isNotEmptyFile();
        new Gateway(config).close();
    }
}
