package dev.sanway.volume;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockDeviceContract;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Nested;

/** The contract of block devices, for every way of composing them. */
class ComposedContractsTest {
    static Identity identity(String name) {
        return new Identity(UUID.nameUUIDFromBytes(name.getBytes(java.nio.charset.StandardCharsets.UTF_8)), name);
    }

    static MemoryDevice memory(EventExecutor owner, String name, int blockSizeBytes, long blockCount) {
        return new MemoryDevice(owner, identity(name), new Geometry(blockSizeBytes, 4096, blockCount));
    }

    private static BlockDevice checked(BlockDevice device) {
        return new CheckedDevice(device);
    }

    /** Parts on memory, each a window that begins elsewhere and ends somewhere before the memory's end. */
    private static List<BlockDevice> parts(EventExecutor owner, Layout layout, int blockSizeBytes) {
        List<BlockDevice> parts = new ArrayList<>();
        for (int i = 0; i < layout.partCount(); i++) {
            long first = 2048L * (i + 1);
            long used = layout.usedBlocks(i);
            BlockDevice memory = checked(memory(owner, "unit" + i, blockSizeBytes, first + used + 100));
            // Checking the window needs the owner's thread for its listener, as every use of a device does.
            parts.add(BlockClient.onOwner(
                    memory, () -> checked(new PartitionDevice(memory, identity("p" + first), first, used + 50))));
        }
        return parts;
    }

    private static BlockDevice composed(EventExecutor owner, Layout layout, int blockSizeBytes, int maxTransferBlocks) {
        List<BlockDevice> parts = parts(owner, layout, blockSizeBytes);
        return BlockClient.onOwner(
                parts.getFirst(), () -> new ComposedDevice(identity("volume"), layout, parts, maxTransferBlocks));
    }

    @Nested
    class Window extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            MemoryDevice memory = memory(owner, "lun", blockSizeBytes, blockCount + 5000);
            return new PartitionDevice(memory, identity("window"), 2048, blockCount);
        }
    }

    @Nested
    class LinearOfOne extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            return composed(owner, new Layout.Linear(blockCount), blockSizeBytes, 4096);
        }
    }

    @Nested
    class LinearOfThree extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            long third = blockCount / 3 - 7;
            return composed(owner, new Layout.Linear(blockCount - 2 * third, third, third), blockSizeBytes, 4096);
        }
    }

    @Nested
    class StripedOfThree extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            return composed(owner, new Layout.Striped(3, 16, blockCount), blockSizeBytes, 4096);
        }
    }

    @Nested
    class StripedOfFiveInSingleBlocks extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            return composed(owner, new Layout.Striped(5, 1, blockCount), blockSizeBytes, 512);
        }
    }

    @Nested
    class PartsOfShorterTransfers extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            Layout layout = new Layout.Striped(2, 64, blockCount);
            List<BlockDevice> parts = new ArrayList<>();
            for (BlockDevice part : parts(owner, layout, blockSizeBytes)) {
                Limits limits = part.limits();
                SlotDevice slot = new SlotDevice(
                        owner,
                        part.identity(),
                        part.geometry(),
                        new Limits(19, 0, limits.unmapGranularityBlocks(), 0, true, false, false),
                        "not yet");
                parts.add(slot);
                BlockClient.onOwner(part, () -> {
                    slot.fill(checked(new ShortTransfers(part)));
                    return true;
                });
            }
            return new ComposedDevice(identity("volume"), layout, parts, 4096);
        }
    }

    @Nested
    class LargeBlocksOnSmall extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            long small = blockCount * (blockSizeBytes / 512);
            Layout layout = new Layout.Striped(2, 16, small);
            return new BlockSizeDevice(composed(owner, layout, 512, 8192), blockSizeBytes);
        }
    }

    @Nested
    class AVolumeAsAssembled extends BlockDeviceContract {
        @Override
        protected BlockDevice open(int blockSizeBytes, long blockCount) {
            BlockDevice volume = composed(owner, new Layout.Striped(4, 8, blockCount), blockSizeBytes, 4096);
            SlotDevice gate = new SlotDevice(owner, identity("gate"), volume.geometry(), volume.limits(), "not yet");
            BlockClient.onOwner(volume, () -> {
                gate.fill(checked(volume));
                return true;
            });
            return new OrderedDevice(gate);
        }
    }
}
