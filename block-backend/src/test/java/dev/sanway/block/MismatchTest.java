package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MismatchTest {

    /** The bytes cut at random into a composite. */
    private static ByteBuf cut(byte[] bytes, Random random) {
        CompositeByteBuf whole = Unpooled.compositeBuffer(64);
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(1 + random.nextInt(40), bytes.length - at);
            whole.addComponent(true, Unpooled.copiedBuffer(bytes, at, length));
            at += length;
        }
        return whole;
    }

    @Test
    void findsWhatArraysFind() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 500; round++) {
            byte[] one = new byte[1 + random.nextInt(300)];
            random.nextBytes(one);
            byte[] other = one.clone();
            for (int change = random.nextInt(3); change > 0; change--) {
                other[random.nextInt(other.length)] ^= 1;
            }
            ByteBuf left = cut(one, random);
            ByteBuf right = cut(other, random);
            int from = random.nextInt(one.length);
            int length = random.nextInt(one.length - from + 1);
            assertThat(Mismatch.find(left, from, right, from, length))
                    .as("seed " + seed + ", round " + round)
                    .isEqualTo(Arrays.mismatch(one, from, from + length, other, from, from + length));
            assertThat(left.readerIndex()).isZero();
            left.release();
            right.release();
        }
    }
}
