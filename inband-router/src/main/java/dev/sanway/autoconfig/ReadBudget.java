package dev.sanway.autoconfig;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.util.concurrent.TimeUnit;

/**
 * Lets so many datagrams be read from a socket in each turn; then the socket rests until the next one, and what comes beyond its buffer
 * is dropped by the kernel. Confined to the channel's loop. A few more than allowed may pass: what was read already.
 */
final class ReadBudget extends ChannelInboundHandlerAdapter {
    static final int TURN_MILLIS = 10;

    private static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(TURN_MILLIS);

    private final int perTurn;
    private final Runnable exhausted;
    private long turnNanos = System.nanoTime();
    private int left;

    /** @param exhausted called once in each turn in which more was there than may be read */
    ReadBudget(int perTurn, Runnable exhausted) {
        this.perTurn = perTurn;
        this.exhausted = exhausted;
        this.left = perTurn;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object datagram) {
        long now = System.nanoTime();
        if (now - turnNanos >= TURN_NANOS) {
            turnNanos = now;
            left = perTurn;
        }
        if (--left == 0) {
            exhausted.run();
            context.channel().config().setAutoRead(false);
            context.executor()
                    .schedule(
                            () -> context.channel().config().setAutoRead(true),
                            turnNanos + TURN_NANOS - now,
                            TimeUnit.NANOSECONDS);
        }
        context.fireChannelRead(datagram);
    }
}
