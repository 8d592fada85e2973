package dev.sanway.unit;

import dev.sanway.autoconfig.LocalAddresses;
import dev.sanway.autoconfig.Message.Nic;
import dev.sanway.autoconfig.Message.Portal;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What a unit tells of its network: cards, and the addresses under which its target is really to be reached. */
final class NetworkFacts {

    // The bounds of docs/autoconfig.cddl.
    private static final int MAX_NICS = 16;
    private static final int MAX_ADDRESSES = 8;
    private static final int MAX_PORTALS = 32;
    private static final int MAX_NAME = 63;

    private static final long BITS_PER_MEGABIT = 1_000_000;

    private NetworkFacts() {}

    /** The cards that are up, without loopback. */
    static List<Nic> nics() throws IOException {
        List<Nic> nics = new ArrayList<>();
        for (NetworkInterface card : LocalAddresses.cards()) {
            if (!card.isLoopback() && nics.size() < MAX_NICS) {
                byte[] mac = card.getHardwareAddress();
                nics.add(new Nic(
                        card.getName()
                                .substring(0, Math.min(MAX_NAME, card.getName().length())),
                        mac == null ? new byte[0] : mac,
                        Collections.list(card.getInetAddresses()).stream()
                                .limit(MAX_ADDRESSES)
                                .toList(),
                        card.getMTU(),
                        speedBitsPerSecond(card.getName())));
            }
        }
        return nics;
    }

    /** 0: the kernel does not say. */
    private static long speedBitsPerSecond(String card) {
        try {
            Path file = Path.of("/sys/class/net", card, "speed");
            return Math.max(0, Long.parseLong(Files.readString(file).strip())) * BITS_PER_MEGABIT;
        } catch (IOException | NumberFormatException _) {
            return 0;
        }
    }

    /** The addresses of listening sockets; in the place of a wildcard those of the cards, loopback only if there is no other. */
    static List<Portal> portals(List<InetSocketAddress> listening) throws IOException {
        List<Portal> portals = new ArrayList<>();
        for (InetSocketAddress each : listening) {
            if (each.getAddress().isAnyLocalAddress()) {
                for (InetAddress address : LocalAddresses.of(each.getAddress())) {
                    portals.add(new Portal(address, each.getPort()));
                }
            } else {
                portals.add(new Portal(plain(each.getAddress()), each.getPort()));
            }
        }
        return portals.stream().distinct().limit(MAX_PORTALS).toList();
    }

    /** Without the name that it came with. */
    private static InetAddress plain(InetAddress address) throws IOException {
        return InetAddress.getByAddress(address.getAddress());
    }
}
