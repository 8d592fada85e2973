package dev.sanway.autoconfig;

import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioDatagramChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.DatagramChannel;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A socket for each source that floods: bound like the open one, and connected to the source, so that the kernel puts what comes from
 * there into a buffer of its own, which is read slowly, and the open socket is left to everybody else.
 *
 * <pre>
 *   open              *:3261          ◀── everybody
 *   of who floods     10.0.0.1:3261   ◀── 10.9.9.9:40000, more than its share
 * </pre>
 *
 * A source is an address with its port as the datagrams have it, true or forged: nothing is believed of it but that so much came under
 * it. Once it has been silent for some time it is treated like everybody again. Confined to the endpoint's loop.
 */
final class FloodSockets {
    /** Each may be read up to its share, which therefore bounds the work that they make together. */
    static final int MAX_SOURCES = 16;

    /** What is read from one source; so much each second is no flood yet. */
    static final int SHARE_PER_TURN = 10;

    private static final int SHARE_PER_SECOND =
            (int) (SHARE_PER_TURN * TimeUnit.SECONDS.toMillis(1) / ReadBudget.TURN_MILLIS);

    private static final long SILENT_SECONDS = 2;
    private static final Logger log = LoggerFactory.getLogger(FloodSockets.class);

    private static final class Flooder {
        /** Null: there can be none, as for an address to which no route leads. */
        private final @Nullable NioDatagramChannel socket;

        private boolean heard = true;

        Flooder(@Nullable NioDatagramChannel socket) {
            this.socket = socket;
        }
    }

    private final EventLoop loop;
    private final DatagramChannel open;
    private final Predicate<InetSocketAddress> known;
    private final Consumer<NioDatagramChannel> start;
    private final SourceLimits<InetSocketAddress> shares =
            new SourceLimits<>(SHARE_PER_SECOND, Integer.MAX_VALUE, System.nanoTime());
    private final Map<InetSocketAddress, Flooder> flooders = new HashMap<>();
    private boolean looking;
    private boolean closed;

    /**
     * None yet.
     *
     * @param known who has a socket already, because it is known who is there
     * @param start has a socket, which is connected, read
     */
    FloodSockets(
            EventLoop loop,
            DatagramChannel open,
            Predicate<InetSocketAddress> known,
            Consumer<NioDatagramChannel> start) {
        this.loop = loop;
        this.open = open;
        this.known = known;
        this.start = start;
    }

    /** A datagram of somebody who is not known was read. */
    void heard(InetSocketAddress from, long nowNanos) {
        Flooder flooder = flooders.get(from);
        if (flooder != null) {
            flooder.heard = true;
        } else if (!closed && !shares.admits(from, nowNanos) && flooders.size() < MAX_SOURCES && !known.test(from)) {
            flooders.put(from, new Flooder(socket(from)));
            lookLater();
        }
    }

    private void lookLater() {
        if (!looking && !flooders.isEmpty()) {
            looking = true;
            loop.schedule(this::forgetSilent, SILENT_SECONDS, TimeUnit.SECONDS);
        }
    }

    private @Nullable NioDatagramChannel socket(InetSocketAddress from) {
        try {
            NioDatagramChannel socket = new NioDatagramChannel(PeerSockets.connected(open, from));
            start.accept(socket);
            return socket;
        } catch (IOException e) {
            log.debug("no socket for {}, which floods", from, e);
            return null;
        }
    }

    /** Who floods now, or did a moment ago, and whose flood reaches nobody else. */
    List<InetSocketAddress> held() {
        return flooders.entrySet().stream()
                .filter(each -> each.getValue().socket != null)
                .map(Map.Entry::getKey)
                .toList();
    }

    private void forgetSilent() {
        looking = false;
        flooders.values().removeIf(each -> {
            boolean silent = !each.heard;
            each.heard = false;
            if (silent) {
                close(each);
            }
            return silent;
        });
        lookLater();
    }

    /** It is known from now on who is there. */
    void forget(InetSocketAddress source) {
        Flooder flooder = flooders.remove(source);
        if (flooder != null) {
            close(flooder);
        }
    }

    private static void close(Flooder flooder) {
        if (flooder.socket != null) {
            flooder.socket.close();
        }
    }

    void close() {
        closed = true;
        flooders.values().forEach(FloodSockets::close);
        flooders.clear();
    }
}
