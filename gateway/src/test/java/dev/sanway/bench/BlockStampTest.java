package dev.sanway.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BlockStampTest {

    private static final int BLOCK = 512;
    private static final int LENGTH = 4 * BLOCK;
    private static final long LBA = 0x1_0000_0001L;

    private final BlockStamp stamp = new BlockStamp(7, BLOCK);
    private final ByteBuf data = Unpooled.directBuffer(LENGTH);

    @BeforeEach
    void write() {
        byte[] bytes = new byte[LENGTH];
        new Random(1).nextBytes(bytes);
        data.writeBytes(bytes);
        stamp.stamp(data, LENGTH, LBA, 3);
    }

    @AfterEach
    void release() {
        data.release();
    }

    @Test
    void whatWasWrittenIsRight() {
        ByteBuf again = data.copy();
        assertThat(stamp.check(data, LENGTH, LBA, 3)).isNull();
        assertThat(stamp.check(again, LENGTH, LBA, 0)).as("any generation").isNull();
        again.release();
    }

    @Test
    void anOlderWriteIsFoundOut() {
        assertThat(stamp.check(data, LENGTH, LBA, 4))
                .isEqualTo("block " + LBA + " holds write 3 of that place instead of write 4");
    }

    @Test
    void aMisplacedBlockIsFoundOut() {
        data.setBytes(2 * BLOCK, data.slice(BLOCK, BLOCK));
        assertThat(stamp.check(data, LENGTH, LBA, 3))
                .isEqualTo("block " + (LBA + 2) + " holds what was written to block " + (LBA + 1));
    }

    @Test
    void everyDamagedByteIsFoundOut() {
        for (int at = 0; at < LENGTH; at++) {
            ByteBuf damaged = data.copy();
            damaged.setByte(at, damaged.getByte(at) ^ 0x10);
            assertThat(stamp.check(damaged, LENGTH, LBA, 3)).as("byte " + at).startsWith("block " + (LBA + at / BLOCK));
            damaged.release();
        }
    }

    @Test
    void emptyAndForeignBlocksAreFoundOut() {
        assertThat(new BlockStamp(8, BLOCK).check(data, LENGTH, LBA, 0))
                .isEqualTo("block " + LBA + " was written with seed 7 instead of 8");
        data.setZero(3 * BLOCK, BLOCK);
        assertThat(stamp.check(data, LENGTH, LBA, 3))
                .startsWith("block " + (LBA + 3) + " does not hold what was written");
    }
}
