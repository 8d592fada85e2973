package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockDeviceContract;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.io.TempDir;

/** A remote logical unit does what every device must do; the unit is tgtd, thin provisioned. */
class RemoteLogicalUnitTest extends BlockDeviceContract {
    private static final EventLoopGroup GROUP = Transport.newGroup("initiator", 1);
    private static final EventLoop LOOP = GROUP.next();

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path directory;

    private @Nullable Tgtd tgtd;
    private @Nullable UnitSession session;

    @AfterAll
    static void stopLoops() {
        GROUP.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) throws Exception {
        Tgtd unit = Tgtd.start(directory, 1, blockSizeBytes * blockCount, blockSizeBytes, true);
        tgtd = unit;
        UnitSession to = new UnitSession(
                UnitSessionConfig.of(
                        "tgt1",
                        "127.0.0.1",
                        unit.port(),
                        new IscsiName(Tgtd.TARGET),
                        new IscsiName("iqn.2026-11.dev.sanway:gateway.test"),
                        new Isid(0x800000000001L)),
                LOOP,
                UnitSessionListener.NONE);
        session = to;
        to.start();
        RemoteLogicalUnit device = LOOP.submit(() -> to.logicalUnit(1, LunVerifier.ACCEPT_ALL, null))
                .get();
        Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .until(() -> LOOP.submit(device::availability).get() instanceof RemoteLogicalUnit.Availability.Open);
        return device;
    }

    @Override
    protected void afterClose() throws Exception {
        UnitSession open = session;
        if (open != null) {
            CompletableFuture<Boolean> closed = new CompletableFuture<>();
            open.close(() -> closed.complete(true));
            assertThat(closed.get(10, TimeUnit.SECONDS)).isTrue();
        }
        Tgtd unit = tgtd;
        if (unit != null) {
            unit.close();
        }
    }
}
