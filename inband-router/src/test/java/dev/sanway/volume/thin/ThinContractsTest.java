package dev.sanway.volume.thin;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockDeviceContract;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.OrderedDevice;
import dev.sanway.volume.BlockSizeDevice;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Nested;

/** The contract of block devices, for thin volumes. */
class ThinContractsTest {
    private static ThinDevice open(
            SlabPool pool, UnaryOperator<BlockDevice> way, int blockSize, long blockCount, int maxTransferBlocks) {
        UnstableDevice.Kill alive = new UnstableDevice.Kill();
        return new ThinDevice(
                new Identity(SlabPool.VOLUME, "thin"),
                blockSize,
                blockCount,
                maxTransferBlocks,
                new ThinDevice.Parts(
                        pool.loop, pool.slabs(way), pool.source(way, alive), SlabPool::zero, new Turns(8), 0));
    }

    @Nested
    class OnSmallSlabs extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            SlabPool pool = new SlabPool(owner, blockSizeBytes, 2, 4, 2);
            return BlockClient.onOwner(
                    pool.units.getFirst(),
                    () -> ThinContractsTest.open(pool, CheckedDevice::new, blockSizeBytes, blockCount, 4096));
        }
    }

    @Nested
    class OnALargeSlab extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            SlabPool pool = new SlabPool(owner, blockSizeBytes, 1, 1, 16);
            return BlockClient.onOwner(
                    pool.units.getFirst(),
                    () -> ThinContractsTest.open(pool, CheckedDevice::new, blockSizeBytes, blockCount, 8192));
        }
    }

    @Nested
    class OnSlowUnitsAndOrdered extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            SlabPool pool = new SlabPool(owner, blockSizeBytes, 2, 2, 4);
            UnstableDevice.Kill alive = new UnstableDevice.Kill();
            return BlockClient.onOwner(
                    pool.units.getFirst(),
                    () -> new OrderedDevice(ThinContractsTest.open(
                            pool,
                            part -> new CheckedDevice(new UnstableDevice(part, new Random(7), alive, 0)),
                            blockSizeBytes,
                            blockCount,
                            4096)));
        }
    }

    @Nested
    class LargeBlocksOnSmall extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            SlabPool pool = new SlabPool(owner, 512, 2, 4, 2);
            return BlockClient.onOwner(
                    pool.units.getFirst(),
                    () -> ThinContractsTest.open(
                            pool,
                            part -> blockSizeBytes == 512 ? part : new BlockSizeDevice(part, blockSizeBytes),
                            blockSizeBytes,
                            blockCount,
                            4096));
        }
    }
}
