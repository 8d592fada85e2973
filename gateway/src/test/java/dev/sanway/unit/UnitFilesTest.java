package dev.sanway.unit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.config.UnitConfig;
import dev.sanway.config.UnitConfigReader;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.UUID;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a unit finds in its directory and at its devices. */
class UnitFilesTest {

    @TempDir
    Path folder;

    private static int port() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private UnitConfig config(String volumes) throws Exception {
        return UnitConfigReader.read(Files.writeString(folder.resolve("unit.yaml"), """
                unit:
                  name: unit1
                  directory: data
                  portals: ["127.0.0.1:%d"]
                  eventLoops: 1
                volumes:
                %s
                """.formatted(port(), volumes)));
    }

    private static UnitServer start(UnitConfig config) throws IOException {
        return new UnitServer(config, UnaryOperator.identity(), UUID.randomUUID());
    }

    @Test
    void whatHostsStoreIsTheUnitsUsersOnly() throws Exception {
        UnitConfig config = config("  - {name: v1, size: 1MiB}");
        start(config).close();
        Path data = folder.resolve("data");
        Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.setPosixFilePermissions(data.resolve("unit.json"), PosixFilePermissions.fromString("rw-r--r--"));
        try (UnitServer _ = start(config)) {
            for (Path each : List.of(data, data.resolve("v1.img"), data.resolve("unit.json"))) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(each)))
                        .as(each.toString())
                        .endsWith("------");
            }
        }
    }

    /** The LUNs that are served, as a gateway would find them. */
    private static List<Integer> served(UnitServer unit) {
        return unit.luns();
    }

    @Test
    void whatIsNotThereKeepsNobodyFromTheOthersAndIsServedWhenItComes() throws Exception {
        Path disk = folder.resolve("disk");
        UnitConfig config = config("  - {name: v1, size: 1MiB, lun: 1}\n  - {name: v2, device: ../disk, lun: 2}"
                .replace("../disk", disk.toString()));
        try (UnitServer unit = start(config)) {
            assertThat(served(unit)).containsExactly(1);
            Files.write(folder.resolve("disk.new"), new byte[1 << 20]);
            Files.move(folder.resolve("disk.new"), disk);
            Awaitility.await().until(() -> served(unit).equals(List.of(1, 2)));
        }
    }

    @Test
    void aFileThatWasCutShortOrIsGoneIsNotServedUntilAnOperatorSaysSo() throws Exception {
        UnitConfig config = config("  - {name: v1, size: 1MiB, lun: 1}\n  - {name: v2, size: 1MiB, lun: 2}");
        start(config).close();
        Path file = folder.resolve("data/v2.img");
        for (boolean gone : new boolean[] {false, true}) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(4096);
            }
            if (gone) {
                Files.delete(file);
            }
            try (UnitServer unit = start(config)) {
                assertThat(served(unit)).containsExactly(1);
                assertThat(Files.exists(file) ? Files.size(file) : 0).isEqualTo(gone ? 0 : 4096);
                Process truncate = new ProcessBuilder("truncate", "-s", "1048576", file.toString()).start();
                assertThat(truncate.waitFor()).isZero();
                Awaitility.await().until(() -> served(unit).equals(List.of(1, 2)));
            }
        }
        UnitConfig larger = config("  - {name: v1, size: 1MiB, lun: 1}\n  - {name: v2, size: 2MiB, lun: 2}");
        try (UnitServer unit = start(larger)) {
            assertThat(served(unit)).as("what is to be larger is made larger").containsExactly(1, 2);
            assertThat(Files.size(file)).isEqualTo(2 << 20);
        }
    }

    @Test
    void whatHoldsNoBlocksIsNoDisk() throws Exception {
        Path empty = Files.createFile(folder.resolve("empty"));
        UnitConfig config = config(("  - {name: v1, size: 1MiB, lun: 1}\n  - {name: v2, device: /dev/null, lun: 2}\n"
                        + "  - {name: v3, device: \"%s\", lun: 3}\n  - {name: v4, device: \"%s\", lun: 4}")
                .formatted(empty, folder));
        try (UnitServer unit = start(config)) {
            assertThat(served(unit)).containsExactly(1);
        }
    }
}
