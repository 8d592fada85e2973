package dev.sanway.autoconfig;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/** The addresses of this machine, for those who listen at a wildcard and have to say where they are. */
public final class LocalAddresses {

    private LocalAddresses() {}

    /** The network cards that are up, in the kernel's order. */
    public static List<NetworkInterface> cards() throws SocketException {
        List<NetworkInterface> cards = new ArrayList<>();
        for (NetworkInterface card : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            if (card.isUp()) {
                cards.add(card);
            }
        }
        cards.sort(Comparator.comparingInt(NetworkInterface::getIndex));
        return cards;
    }

    /**
     * Those that a wildcard stands for: 0.0.0.0 for IPv4, :: for both. Loopback only if there is no other, and none that is of use on
     * one card only.
     */
    public static List<InetAddress> of(InetAddress wildcard) throws IOException {
        List<InetAddress> all = new ArrayList<>();
        for (NetworkInterface card : cards()) {
            for (InetAddress address : Collections.list(card.getInetAddresses())) {
                boolean family = address instanceof Inet4Address || !(wildcard instanceof Inet4Address);
                if (family && !address.isLinkLocalAddress()) {
                    // Without the card that it came with.
                    all.add(InetAddress.getByAddress(address.getAddress()));
                }
            }
        }
        List<InetAddress> useful =
                all.stream().filter(address -> !address.isLoopbackAddress()).toList();
        return useful.isEmpty() ? all : useful;
    }

    /** What somebody who listens there believes its own address to be. */
    public static InetSocketAddress believed(InetSocketAddress listening) throws IOException {
        return listening.getAddress().isAnyLocalAddress()
                ? new InetSocketAddress(
                        of(listening.getAddress()).stream().findFirst().orElse(listening.getAddress()),
                        listening.getPort())
                : listening;
    }
}
