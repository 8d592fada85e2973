package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.initiator.CachePolicy;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jscsi.target.Configuration;
import org.jscsi.target.Target;
import org.jscsi.target.TargetServer;
import org.jscsi.target.storage.RandomAccessStorageModule;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** jSCSI's target behind our initiator. */
@Timeout(120)
class JscsiTargetTest {
    private static final String TARGET = "iqn.2026-11.example:jscsi";
    private static final int BLOCKS = 32_768;

    @TempDir
    Path folder;

    private final int port = Ports.free();

    /** jSCSI's settings without its XML. */
    private static final class Settings extends Configuration {
        Settings(int port, Target target) throws java.io.IOException {
            super("127.0.0.1");
            this.port = port;
            this.targets.add(target);
        }
    }

    private UnitSessionConfig unit() {
        return UnitSessionConfig.of(
                "jscsi",
                "127.0.0.1",
                port,
                new IscsiName(TARGET),
                new IscsiName("iqn.2026-11.dev.sanway:gateway.gw1"),
                new Isid(0x800000000001L));
    }

    @Test
    void keepsWhatOurInitiatorWrites() throws Exception {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        Path file = folder.resolve("disk");
        try (RandomAccessFile disk = new RandomAccessFile(file.toFile(), "rw")) {
            disk.setLength((BLOCKS + 1) * 512L);
        }
        Target target = new Target(TARGET, "jscsi", new RandomAccessStorageModule(BLOCKS, file.toFile()));
        TargetServer server = new TargetServer(new Settings(port, target));
        ExecutorService thread = Executors.newSingleThreadExecutor();
        thread.submit(server);
        try (TestHost host = new TestHost(unit().withCache(CachePolicy.PROTECTED))) {
            RemoteLogicalUnit lun = host.lun(0);
            assertThat(lun.geometry().blockSizeBytes()).isEqualTo(512);
            BlockClient client = host.client(0);
            byte[] expected = new byte[2048 * 512];
            for (int round = 0; round < 60; round++) {
                int lba = random.nextInt(1900);
                byte[] bytes = new byte[(1 + random.nextInt(148)) * 512];
                random.nextBytes(bytes);
                client.write(lba, bytes);
                System.arraycopy(bytes, 0, expected, lba * 512, bytes.length);
            }
            assertThat(Arrays.equals(client.read(0, 2048), expected))
                    .as("seed %d", seed)
                    .isTrue();
            client.flush();
            assertThat(Arrays.equals(Arrays.copyOf(Files.readAllBytes(file), expected.length), expected))
                    .as("the file beneath, seed %d", seed)
                    .isTrue();
            // jSCSI tells the number of blocks where the address of the last one belongs.
            assertThat(lun.geometry().blockCount()).isEqualTo(BLOCKS + 1);
            List<BlockClient.Started> atOnce = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                byte[] bytes = new byte[16 * 512];
                Arrays.fill(bytes, (byte) (i + 1));
                atOnce.add(client.start(client.writeOf(4096 + 16L * i, bytes, false)));
            }
            atOnce.forEach(BlockClient.Started::end);
            for (int i = 0; i < 32; i++) {
                assertThat(client.read(4096 + 16L * i, 16))
                        .as("write %d at once with others", i)
                        .containsOnly(i + 1);
            }
        } finally {
            thread.shutdownNow();
            assertThat(thread.awaitTermination(10, TimeUnit.SECONDS)).isTrue();
        }
    }
}
