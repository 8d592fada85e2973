package dev.sanway.bench;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.sanway.iscsi.NegotiationWishes;
import io.netty.buffer.Unpooled;

/** Whatever a target sends after login, the connection goes on or ends; it never throws, and tells nothing after its end. */
class LoadConnectionFuzzTest {

    @FuzzTest
    void anyBytesAfterLogin(FuzzedDataProvider data) {
        try (TargetEnd target = new TargetEnd(NegotiationWishes.target(), data.consumeBoolean())) {
            target.connection.command(TargetEnd.TAG, 0, 0x2AL << 56, 0, 0, TargetEnd.WRITE_BYTES);
            target.connection.flush();
            while (data.remainingBytes() > 0 && target.channel.isOpen()) {
                target.sendBytes(Unpooled.wrappedBuffer(data.consumeBytes(1 + data.consumeInt(0, 300))));
            }
            long ends = target.told.stream()
                    .filter(told -> told.startsWith("ended"))
                    .count();
            if (ends != (target.channel.isOpen() ? 0 : 1)
                    || (ends == 1 && !target.told.getLast().startsWith("ended"))) {
                throw new IllegalStateException("told " + target.told);
            }
            if (target.told.getLast().contains("fault of the load generator")) {
                throw new IllegalStateException(target.told.getLast());
            }
        }
    }
}
