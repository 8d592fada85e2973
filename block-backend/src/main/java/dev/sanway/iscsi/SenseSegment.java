package dev.sanway.iscsi;

import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.jspecify.annotations.Nullable;

/** A data segment that begins with sense data: two bytes of length, then the sense data (RFC 7143 sections 11.4.7 and 11.9.4). */
public final class SenseSegment {
    private SenseSegment() {}

    /** The segment that bears these sense data; empty if there are none. */
    public static ByteBuf of(byte[] sense) {
        return sense.length == 0
                ? Unpooled.EMPTY_BUFFER
                : Unpooled.buffer(2 + sense.length).writeShort(sense.length).writeBytes(sense);
    }

    /** What a segment says; null if it has no sense data, or none that can be read. The buffer stays the caller's. */
    public static @Nullable SenseData read(ByteBuf data) {
        if (data.readableBytes() <= 2) {
            return null;
        }
        byte[] sense = new byte[Math.min(data.getUnsignedShort(data.readerIndex()), data.readableBytes() - 2)];
        data.getBytes(data.readerIndex() + 2, sense);
        return SenseData.parse(sense);
    }
}
