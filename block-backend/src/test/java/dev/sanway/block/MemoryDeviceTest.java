package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.concurrent.ImmediateEventExecutor;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MemoryDeviceTest extends BlockDeviceContract {
    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) {
        Geometry geometry = new Geometry(blockSizeBytes, 4096, blockCount);
        return new MemoryDevice(owner, new Identity(UUID.randomUUID(), "memory"), geometry);
    }

    @Test
    void takesMemoryOnlyForWhatHoldsSomething() {
        Geometry geometry = new Geometry(512, 4096, 1L << 40);
        MemoryDevice device =
                new MemoryDevice(ImmediateEventExecutor.INSTANCE, new Identity(UUID.randomUUID(), "large"), geometry);
        BlockClient client = new BlockClient(device);
        client.write((1L << 40) - 1, new byte[512]);
        client.write(0, new byte[512]);
        assertThat(device.allocatedBytes()).isEqualTo(2 * 65536);
        assertThat(client.run(new BlockRequest.WriteZeroes(0, 1L << 40, true, false)))
                .isEqualTo(BlockOutcome.DONE);
        assertThat(device.allocatedBytes()).isZero();
        client.close();
    }
}
