package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.block.VolatileCacheDevice;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Volumes over units with volatile caches that lose power: what was written with {@code forceUnitAccess}, or was followed by
 * an acknowledged flush of its range, is there afterwards; of the rest each block is one that was written since.
 */
class PowerLossTest {
    private static final int BLOCKS = 600;

    private final DefaultEventExecutor owner = new DefaultEventExecutor();
    private final List<VolatileCacheDevice> units = new ArrayList<>();

    @AfterEach
    void stop() {
        owner.shutdownGracefully();
    }

    private BlockClient volume(Layout layout) {
        units.clear();
        for (int i = 0; i < layout.partCount(); i++) {
            units.add(new VolatileCacheDevice(
                    ComposedContractsTest.memory(owner, "unit" + i, 512, layout.usedBlocks(i))));
        }
        BlockDevice composed = new ComposedDevice(ComposedContractsTest.identity("volume"), layout, units, 4096);
        return new BlockClient(new CheckedDevice(new OrderedDevice(composed)));
    }

    @Test
    void aLinearVolumeKeepsWhatIsDurable() {
        lose(new Layout.Linear(250, 200, 150));
    }

    @Test
    void aStripedVolumeKeepsWhatIsDurable() {
        lose(new Layout.Striped(3, 7, BLOCKS));
    }

    private void lose(Layout layout) {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        BlockClient client = volume(layout);
        // What each block may hold after a loss of power, and what it holds now: the number of the write.
        List<Set<Integer>> possible = new ArrayList<>();
        int[] now = new int[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            possible.add(new HashSet<>(Set.of(0)));
        }
        int lost = 0;
        for (int write = 1; write <= 2000; write++) {
            int lba = random.nextInt(BLOCKS);
            int count = 1 + random.nextInt(Math.min(40, BLOCKS - lba));
            int kind = random.nextInt(40);
            if (kind == 0) {
                lost += losePower(client, possible, now, random, "seed " + seed + ", before write " + write);
            } else if (kind < 4) {
                BlockRequest flush = new BlockRequest.Flush(lba, kind == 1 ? 0 : count);
                assertThat(client.run(flush)).isEqualTo(BlockOutcome.DONE);
                durable(possible, now, lba, kind == 1 ? BLOCKS : lba + count);
            } else {
                boolean force = kind < 12;
                assertThat(client.run(client.writeOf(lba, numbered(write, count), force)))
                        .isEqualTo(BlockOutcome.DONE);
                for (int i = lba; i < lba + count; i++) {
                    possible.get(i).add(write);
                    now[i] = write;
                }
                if (force) {
                    durable(possible, now, lba, lba + count);
                }
            }
        }
        assertThat(lost)
                .as("blocks that lost something, or the test shows nothing")
                .isPositive();
        client.close();
    }

    private static void durable(List<Set<Integer>> possible, int[] now, int from, int to) {
        for (int i = from; i < to; i++) {
            possible.set(i, new HashSet<>(Set.of(now[i])));
        }
    }

    private int losePower(BlockClient client, List<Set<Integer>> possible, int[] now, Random random, String which) {
        for (VolatileCacheDevice unit : units) {
            BlockClient.onOwner(unit, () -> {
                unit.losePower(random, 0.5);
                unit.restorePower();
                return true;
            });
        }
        int lost = 0;
        ByteBuffer blocks = ByteBuffer.wrap(client.read(0, BLOCKS));
        for (int i = 0; i < BLOCKS; i++) {
            int found = blocks.getInt(i * 512);
            assertThat(possible.get(i)).as(which + ", block " + i).contains(found);
            lost += found == now[i] ? 0 : 1;
            now[i] = found;
            possible.set(i, new HashSet<>(Set.of(found)));
        }
        return lost;
    }

    private static byte[] numbered(int write, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * 512);
        while (bytes.hasRemaining()) {
            bytes.putInt(write);
        }
        return bytes.array();
    }
}
