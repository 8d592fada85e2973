package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** Header and data digests: CRC32C as RFC 7143 section 13.1 prescribes, in the byte order of the wire. */
public final class Digest {
    /** Bytes of a digest. */
    static final int LENGTH = 4;

    private Digest() {}

    /**
     * CRC32C of readable bytes at an index, followed by {@code zeroBytes} zeroes (padding takes part in the data digest).
     *
     * @return the digest as it is read from or written to the wire as a big-endian int
     */
    public static int of(ByteBuf bytes, int index, int lengthBytes, int zeroBytes) {
        CRC32C crc = new CRC32C();
        if (bytes.nioBufferCount() == 1) {
            crc.update(bytes.nioBuffer(index, lengthBytes));
        } else {
            for (ByteBuffer part : bytes.nioBuffers(index, lengthBytes)) {
                crc.update(part);
            }
        }
        for (int i = 0; i < zeroBytes; i++) {
            crc.update(0);
        }
        // The CRC goes out least significant byte first; our headers are written big-endian.
        return Integer.reverseBytes((int) crc.getValue());
    }
}
