package dev.sanway.target;

import dev.sanway.block.AwakeClock;
import io.netty.channel.Channel;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds out whether an initiator is still there: after a time of silence it is asked, and if it does not answer in time it is
 * given up; a sleep of our own is not counted as its silence. Confined to the channel's loop.
 */
final class PeerWatch {

    /** It looks at least so many times within each of the times that a peer has. */
    static final int TICKS = 4;

    private final Channel channel;
    private final TargetLimits limits;
    private final Runnable ping;
    private final Runnable giveUp;
    private final Runnable looked;
    private long heardNanos = AwakeClock.nanoTime();
    /** Since the last look: a clock is not read for every PDU. */
    private boolean heard;

    private long pingedNanos;
    private boolean pinged;
    private boolean stopped;
    private @Nullable ScheduledFuture<?> timer;

    /** {@code looked} runs now and then, several times within each of the peer's times. */
    PeerWatch(Channel channel, TargetLimits limits, Runnable ping, Runnable giveUp, Runnable looked) {
        this.channel = channel;
        this.limits = limits;
        this.ping = ping;
        this.giveUp = giveUp;
        this.looked = looked;
    }

    void start() {
        timer = channel.eventLoop().schedule(this::look, Math.max(1, everyMillis(limits)), TimeUnit.MILLISECONDS);
    }

    private static long everyMillis(TargetLimits limits) {
        return Math.min(limits.idlePingMillis(), limits.dataOutMillis()) / TICKS;
    }

    void stop() {
        stopped = true;
        ScheduledFuture<?> waiting = timer;
        if (waiting != null) {
            // It holds on to the session.
            waiting.cancel(false);
        }
    }

    /** Something came from the peer, or it took something from us. */
    void heard() {
        heard = true;
    }

    private void look() {
        if (stopped) {
            return;
        }
        looked.run();
        if (stopped) {
            return;
        }
        long now = AwakeClock.nanoTime();
        if (heard) {
            heard = false;
            pinged = false;
            heardNanos = now;
        }
        if (pinged && now - pingedNanos > TimeUnit.MILLISECONDS.toNanos(limits.pingReplyMillis())) {
            giveUp.run();
            return;
        }
        if (!pinged && now - heardNanos > TimeUnit.MILLISECONDS.toNanos(limits.idlePingMillis())) {
            pinged = true;
            pingedNanos = now;
            ping.run();
        }
        start();
    }
}
