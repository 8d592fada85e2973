package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Parts of a volume of 4,096-byte blocks on units of 512-byte blocks, as they come and go. */
class BlockSizeDeviceTest {
    private static final long BLOCKS_512 = 4 * 2048;

    private final EmbeddedChannel channel = new EmbeddedChannel();

    /** A unit that outlives what is laid on it, and knows who listens. */
    private static final class Listened extends ForwardingDevice {
        final List<DeviceListener> listeners = new ArrayList<>();

        Listened(BlockDevice inner) {
            super(inner);
        }

        @Override
        public void addListener(DeviceListener listener) {
            listeners.add(listener);
        }

        @Override
        public void removeListener(DeviceListener listener) {
            listeners.remove(listener);
        }

        @Override
        public void close(Runnable whenClosed) {
            throw new IllegalStateException("a unit is not closed by what lies on it");
        }
    }

    private Listened unit(String name) {
        return new Listened(new MemoryDevice(
                channel.eventLoop(), new Identity(UUID.randomUUID(), name), new Geometry(512, 4096, BLOCKS_512)));
    }

    private static BlockDevice window(BlockDevice unit) {
        return new BlockSizeDevice(
                new PartitionDevice(unit, new Identity(UUID.randomUUID(), "window"), 0, BLOCKS_512), 4096);
    }

    private void until(CompletableFuture<?> done) {
        for (int i = 0; !done.isDone(); i++) {
            assertThat(i).as("turns").isLessThan(10_000);
            channel.advanceTimeBy(10, TimeUnit.MILLISECONDS);
            channel.runPendingTasks();
        }
    }

    @Test
    void closingItLeavesNobodyListeningAtTheUnit() {
        Listened unit = unit("unit1");
        BlockDevice window = window(unit);
        assertThat(unit.listeners).hasSize(1);
        CompletableFuture<Void> closed = new CompletableFuture<>();
        window.close(() -> closed.complete(null));
        until(closed);
        assertThat(unit.listeners).isEmpty();
    }

    @Test
    void aMoveLeavesNobodyListeningAtTheUnitThatIsLeft() {
        channel.freezeTime();
        List<Listened> units = List.of(unit("unit1"), unit("unit2"));
        MovablePart part = new MovablePart(window(units.getFirst()), MovablePart.Above.HOSTS);
        for (int move = 0; move < 3; move++) {
            Listened from = units.get(move % 2);
            Listened to = units.get((move + 1) % 2);
            PartCopy copy = new PartCopy(
                    part, window(from), window(to), () -> true, new MovePace(Long.MAX_VALUE), System::nanoTime);
            copy.start();
            until(copy.inStep());
            until(copy.hold());
            until(copy.takeOver());
            assertThat(from.listeners).as("move " + move).isEmpty();
            assertThat(to.listeners).as("move " + move).hasSize(1);
        }
    }

    @Test
    void aMoveThatIsGivenUpLeavesNobodyListeningAtItsTarget() {
        channel.freezeTime();
        Listened from = unit("unit1");
        Listened to = unit("unit2");
        MovablePart part = new MovablePart(window(from), MovablePart.Above.HOSTS);
        PartCopy copy = new PartCopy(
                part, window(from), window(to), () -> true, new MovePace(Long.MAX_VALUE), System::nanoTime);
        copy.start();
        until(copy.inStep());
        until(copy.giveUp("enough"));
        assertThat(to.listeners).isEmpty();
        assertThat(from.listeners).hasSize(1);
    }
}
