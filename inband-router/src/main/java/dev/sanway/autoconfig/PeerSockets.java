package dev.sanway.autoconfig;

import io.netty.channel.socket.nio.NioDatagramChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A socket for each peer that is attended to: bound like the open one, and connected to where the peer is. The kernel gives a datagram
 * to the socket that fits it best, so a peer's datagrams lie in a buffer of their own. Whatever does not fit, as from a peer that has
 * moved, still comes to the open socket, as it does for peers beyond the bound.
 *
 * <pre>
 *   open       *:3261          ◀── everybody
 *   of a peer  10.0.0.1:3261   ◀── 10.0.0.7:3261
 * </pre>
 *
 * Confined to the endpoint's loop.
 */
final class PeerSockets {
    /** A descriptor each. */
    static final int MAX_PEERS = 1024;

    private static final Logger log = LoggerFactory.getLogger(PeerSockets.class);

    private record Attended(InetSocketAddress address, NioDatagramChannel socket) {}

    private final DatagramChannel open;
    private final Consumer<NioDatagramChannel> start;
    private final Map<UUID, Attended> peers = new HashMap<>();
    private final Set<InetSocketAddress> addresses = new HashSet<>();
    private boolean closed;

    /** @param start has a socket, which is connected, read */
    PeerSockets(DatagramChannel open, Consumer<NioDatagramChannel> start) {
        this.open = open;
        this.start = start;
    }

    void attend(UUID peer, @Nullable InetSocketAddress address) {
        Attended before = peers.get(peer);
        if (closed || (before != null && before.address().equals(address))) {
            return;
        }
        if (before != null) {
            peers.remove(peer);
            addresses.remove(before.address());
            before.socket().close();
        }
        if (address != null && peers.size() < MAX_PEERS) {
            try {
                NioDatagramChannel socket = new NioDatagramChannel(connected(open, address));
                peers.put(peer, new Attended(address, socket));
                addresses.add(address);
                start.accept(socket);
            } catch (IOException e) {
                log.debug("no socket for {}: it is heard like everybody", address, e);
            }
        }
    }

    /** Whether there is a socket for this address. */
    boolean hears(InetSocketAddress address) {
        return addresses.contains(address);
    }

    /** A further socket at the address of the open one, which hears this address only. */
    static DatagramChannel connected(DatagramChannel open, InetSocketAddress address) throws IOException {
        DatagramChannel socket = DatagramChannel.open();
        try {
            socket.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            // Only while it is needed: otherwise any program could listen at this address, too, and nobody would
            // notice.
            open.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            try {
                socket.bind(open.getLocalAddress());
            } finally {
                open.setOption(StandardSocketOptions.SO_REUSEADDR, false);
            }
            // What others sent in between is dropped by it.
            socket.connect(address);
            return socket;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e instanceof IOException io ? io : new IOException(e);
        }
    }

    void close() {
        closed = true;
        peers.values().forEach(each -> each.socket().close());
        peers.clear();
        addresses.clear();
    }
}
