package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.Arrays;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class VolatileCacheDeviceTest extends BlockDeviceContract {
    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) {
        Geometry geometry = new Geometry(blockSizeBytes, 4096, blockCount);
        return new VolatileCacheDevice(new MemoryDevice(owner, new Identity(UUID.randomUUID(), "memory"), geometry));
    }

    @Test
    void forgetsWhatWasNotFlushedAndKeepsTheRest() {
        DefaultEventExecutor loop = new DefaultEventExecutor();
        MemoryDevice memory =
                new MemoryDevice(loop, new Identity(UUID.randomUUID(), "memory"), new Geometry(512, 4096, 1000));
        VolatileCacheDevice device = new VolatileCacheDevice(memory);
        BlockClient client = new BlockClient(device);
        byte[] ones = new byte[512];
        Arrays.fill(ones, (byte) 1);
        byte[] twos = new byte[512];
        Arrays.fill(twos, (byte) 2);
        client.write(1, ones);
        client.flush();
        client.write(2, ones);
        client.writeThrough(3, ones);
        client.write(1, twos);
        assertThat(client.read(1, 1)).isEqualTo(twos);
        BlockClient.onOwner(device, () -> {
            device.losePower(new Random(1), 0);
            return true;
        });
        assertThat(client.run(new BlockRequest.Read(0, 1, false)))
                .isEqualTo(BlockOutcome.failed(new BlockFailure.NotReady("no power")));
        BlockClient.onOwner(device, () -> {
            device.restorePower();
            return true;
        });
        assertThat(client.read(1, 1)).isEqualTo(ones);
        assertThat(client.read(2, 1)).isEqualTo(new byte[512]);
        assertThat(client.read(3, 1)).isEqualTo(ones);
        client.close();
        loop.shutdownGracefully();
    }
}
