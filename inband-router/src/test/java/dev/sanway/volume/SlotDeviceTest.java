package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.FaultyDevice;
import dev.sanway.block.Limits;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Requests to a unit volume that is not there. */
class SlotDeviceTest {
    private static final BlockOutcome AWAY = BlockOutcome.failed(new BlockFailure.NotReady("unit1 is away"));

    private final DefaultEventExecutor owner = new DefaultEventExecutor();
    private final FaultyDevice unit = new FaultyDevice(ComposedContractsTest.memory(owner, "unit1", 512, 100));

    @SuppressWarnings("NullAway.Init")
    private SlotDevice slot;

    @SuppressWarnings("NullAway.Init")
    private BlockClient client;

    private boolean closed;

    @AfterEach
    void stop() {
        if (!closed) {
            client.close();
        }
        owner.shutdownGracefully();
    }

    private void slot(long millis, int requests) {
        slot = new SlotDevice(
                owner,
                unit.identity(),
                unit.geometry(),
                new Limits(4096, 0, 0, 0, false, true, false),
                "unit1 is away",
                new SlotDevice.Patience(millis, requests));
        client = new BlockClient(new CheckedDevice(slot));
    }

    private void arrives() {
        BlockClient.onOwner(slot, () -> {
            slot.fill(unit);
            return true;
        });
    }

    @Test
    void requestsWaitAndGoOnInOrder() {
        slot(30_000, 10);
        List<BlockRequest> seen = new ArrayList<>();
        unit.inject(request -> {
            seen.add(request);
            return FaultyDevice.Fault.NONE;
        });
        List<BlockClient.Started> started = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            started.add(client.start(client.writeOf(i, new byte[512], false)));
        }
        assertThat(started).noneMatch(one -> one.outcome().isDone());
        arrives();
        for (BlockClient.Started one : started) {
            assertThat(one.end()).isEqualTo(BlockOutcome.DONE);
        }
        assertThat(seen)
                .extracting(request -> request instanceof BlockRequest.Write write ? write.lba() : -1)
                .containsExactly(0L, 1L, 2L, 3L, 4L);
        assertThat(client.run(new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void nobodyWaitsForEver() {
        slot(300, 10);
        long start = System.nanoTime();
        assertThat(client.run(client.writeOf(0, new byte[512], false))).isEqualTo(AWAY);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofMillis(290));
        arrives();
        assertThat(client.run(client.writeOf(0, new byte[512], false))).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void theTimeCoversWaitingAndCarryingOut() {
        slot(500, 10);
        unit.inject(_ -> FaultyDevice.Fault.HOLD);
        BlockClient.Started write = client.start(client.writeOf(0, new byte[512], false));
        arrives();
        assertThat(write.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.NotReady("no answer in time")));
        assertThat(BlockClient.onOwner(slot, unit::held)).isZero();
    }

    @Test
    void oneTooManyIsBusyAndACancelledOneEndsAtOnce() {
        slot(30_000, 2);
        BlockClient.Started first = client.start(client.writeOf(0, new byte[512], false));
        BlockClient.Started second = client.start(new BlockRequest.Read(0, 1, false));
        assertThat(client.run(client.writeOf(0, new byte[512], false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.Busy()));
        first.cancel();
        assertThat(first.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.Cancelled()));
        arrives();
        BlockOutcome read = second.end();
        assertThat(read).isInstanceOf(BlockOutcome.Data.class);
        BlockOutcome.release(read);
    }

    @Test
    void whatWasCutTooLargeForTheUnitThatCameIsToBeSentAgain() {
        slot(30_000, 2);
        BlockClient.Started read = client.start(new BlockRequest.Read(0, 100, false));
        BlockClient.onOwner(slot, () -> {
            slot.fill(new ShortTransfers(unit));
            return true;
        });
        assertThat(read.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.Busy()));
    }

    @Test
    void theEndDoesNotWait() {
        slot(30_000, 10);
        BlockClient.Started write = client.start(client.writeOf(0, new byte[512], false));
        client.close();
        closed = true;
        assertThat(write.end()).isEqualTo(BlockOutcome.failed(new BlockFailure.NotReady("closed")));
    }

    @Test
    void withoutPatienceItFailsAtOnce() {
        slot(0, 0);
        assertThat(client.run(client.writeOf(0, new byte[512], false))).isEqualTo(AWAY);
    }
}
