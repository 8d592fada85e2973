package dev.sanway.block;

import java.util.UUID;

class OrderedMemoryTest extends BlockDeviceContract {
    @Override
    protected BlockDevice open(int blockSizeBytes, long blockCount) {
        Geometry geometry = new Geometry(blockSizeBytes, 4096, blockCount);
        return new OrderedDevice(new MemoryDevice(owner, new Identity(UUID.randomUUID(), "memory"), geometry));
    }
}
