package dev.sanway.block;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(OS.LINUX)
class UnwaitingFileTest {
    private static final int SIZE = 4 << 20;

    @TempDir(factory = FileInMemoryTest.InMemory.class)
    Path memory;

    @TempDir
    Path disk;

    private Path path = Path.of("");
    private @Nullable LinuxFile linux;

    private UnwaitingFile open(Path directory) throws IOException {
        path = directory.resolve("file");
        Files.write(path, new byte[SIZE]);
        LinuxFile opened = Objects.requireNonNull(LinuxFile.open(path));
        linux = opened;
        return new UnwaitingFile(opened);
    }

    @AfterEach
    void close() {
        LinuxFile opened = linux;
        if (opened != null) {
            opened.close();
        }
    }

    private static ByteBuf random(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return Unpooled.directBuffer(length).writeBytes(bytes);
    }

    private byte[] inFile(int offset, int length) throws IOException {
        byte[] all = Files.readAllBytes(path);
        return java.util.Arrays.copyOfRange(all, offset, offset + length);
    }

    @Test
    void piecesAreWrittenInOrderAndReadBack() throws IOException {
        UnwaitingFile file = open(memory);
        CompositeByteBuf data = Unpooled.compositeBuffer();
        for (int piece = 0; piece < 7; piece++) {
            data.addComponent(true, random(512 * (piece + 1), piece));
        }
        byte[] expected = new byte[data.readableBytes()];
        data.getBytes(data.readerIndex(), expected);
        assertThat(file.write(data, 4096)).isTrue();
        assertThat(data.readableBytes()).isEqualTo(expected.length);
        assertThat(inFile(4096, expected.length)).isEqualTo(expected);
        ByteBuf into = Unpooled.directBuffer(expected.length, expected.length);
        assertThat(file.read(into, expected.length, 4096)).isTrue();
        byte[] read = new byte[expected.length];
        into.getBytes(0, read);
        assertThat(read).isEqualTo(expected);
        data.release();
        into.release();
    }

    @Test
    void whatIsTooLongOrNotInDirectMemoryIsLeftToAThread() throws IOException {
        UnwaitingFile file = open(memory);
        ByteBuf tooLong = random(UnwaitingFile.MAX_BYTES + 512, 1);
        ByteBuf heap = Unpooled.wrappedBuffer(new byte[4096]);
        CompositeByteBuf tooManyPieces = Unpooled.compositeBuffer(1000);
        for (int piece = 0; piece < 100; piece++) {
            tooManyPieces.addComponent(true, random(512, piece));
        }
        assertThat(file.write(tooLong, 0)).isFalse();
        assertThat(file.write(heap, 0)).isFalse();
        assertThat(file.write(tooManyPieces, 0)).isFalse();
        assertThat(file.read(tooLong.clear(), UnwaitingFile.MAX_BYTES + 512, 0)).isFalse();
        assertThat(inFile(0, SIZE)).containsOnly(0);
        tooLong.release();
        heap.release();
        tooManyPieces.release();
    }

    @Test
    void aReadThatCannotBeWholeIsLeftToAThread() throws IOException {
        UnwaitingFile file = open(memory);
        ByteBuf into = Unpooled.directBuffer(4096, 4096);
        assertThat(file.read(into, 4096, SIZE - 512)).isFalse();
        assertThat(into.readableBytes()).isZero();
        into.release();
    }

    @Test
    void onADiskItIsTrueOnlyOfWhatWasReallyDone() throws IOException {
        UnwaitingFile file = open(disk);
        for (int round = 0; round < 50; round++) {
            ByteBuf data = random(8192, round);
            byte[] expected = new byte[8192];
            data.getBytes(0, expected);
            if (file.write(data, round * 8192L)) {
                assertThat(inFile(round * 8192, 8192)).isEqualTo(expected);
            } else {
                Files.write(path, inFileWith(round * 8192, expected));
            }
            ByteBuf into = Unpooled.directBuffer(8192, 8192);
            if (file.read(into, 8192, round * 8192L)) {
                byte[] read = new byte[8192];
                into.getBytes(0, read);
                assertThat(read).isEqualTo(expected);
            }
            data.release();
            into.release();
        }
    }

    private byte[] inFileWith(int offset, byte[] bytes) throws IOException {
        byte[] all = Files.readAllBytes(path);
        System.arraycopy(bytes, 0, all, offset, bytes.length);
        return all;
    }
}
