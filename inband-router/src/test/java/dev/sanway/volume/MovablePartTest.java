package dev.sanway.volume;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.ForwardingDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.MemoryDevice;
import dev.sanway.volume.MovablePart.Above;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MovablePartTest {
    private static final BlockOutcome LOST = BlockOutcome.failed(new BlockFailure.UnflushedWritesLost());

    private final DefaultEventExecutor loop = new DefaultEventExecutor();

    @AfterEach
    void stop() {
        loop.shutdownGracefully();
    }

    private MemoryDevice disk() {
        return new MemoryDevice(loop, new Identity(UUID.randomUUID(), "disk"), new Geometry(512, 4096, 8192));
    }

    /** A disk that does not guarantee zeroes. */
    private BlockDevice withoutGuarantee() {
        return new ForwardingDevice(disk()) {
            @Override
            public Limits limits() {
                return new Limits(1024, 0, 1, 0, false, true, false);
            }
        };
    }

    private MovablePart replaced(Above above) {
        MovablePart part = new MovablePart(disk(), above);
        return BlockClient.onOwner(part, () -> {
            part.replace(withoutGuarantee());
            return part;
        });
    }

    private void tellLoss(MovablePart part) {
        BlockClient.onOwner(part, () -> {
            part.tellLoss();
            return true;
        });
    }

    @Test
    void aLossThatAMoveFoundOutIsToldToTheNextFlushOnce() {
        MovablePart part = replaced(Above.HOSTS);
        BlockClient client = new BlockClient(part);
        tellLoss(part);
        assertThat(client.run(new BlockRequest.Flush(2048, 2048))).isEqualTo(LOST);
        assertThat(client.run(new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
    }

    /** What a thin volume zeroes it flushes extent by extent; no host hears what came of that. */
    @Test
    void aLossOfASlabIsKeptForTheFlushOfAHost() {
        MovablePart part = replaced(Above.THIN_VOLUME);
        BlockClient client = new BlockClient(part);
        tellLoss(part);
        assertThat(client.run(new BlockRequest.Flush(2048, 2048))).isEqualTo(BlockOutcome.DONE);
        assertThat(client.run(new BlockRequest.Flush(0, 2048))).isEqualTo(BlockOutcome.DONE);
        assertThat(client.run(new BlockRequest.Flush(0, 0))).isEqualTo(LOST);
        assertThat(client.run(new BlockRequest.Flush(0, 0))).isEqualTo(BlockOutcome.DONE);
    }

    @Test
    void hostsKeepTheLimitsThatTheyWereToldAndAThinVolumeSeesThoseOfNow() {
        assertThat(replaced(Above.HOSTS).limits().unmappedReadsZeroes()).isTrue();
        MovablePart slab = replaced(Above.THIN_VOLUME);
        assertThat(slab.limits().unmappedReadsZeroes()).isFalse();
        assertThat(slab.limits().maxTransferBlocks()).isEqualTo(1024);
    }
}
