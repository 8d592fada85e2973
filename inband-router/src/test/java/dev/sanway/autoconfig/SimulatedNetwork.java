package dev.sanway.autoconfig;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;

/**
 * Virtual time and a network that, while it is unkind, loses, repeats, delays, reorders, damages and misdelivers datagrams, is cut
 * between some, and has somebody who sends again what he saw. One thread; everything follows from the seed.
 */
final class SimulatedNetwork {
    static final InetSocketAddress BROADCAST =
            new InetSocketAddress(SampleMessages.address("00000000000000000000ffffffffffff"), Datagram.DEFAULT_PORT);

    /** Something with an address. */
    interface Node {
        void receive(byte[] bytes, InetSocketAddress from);
    }

    private record Event(long atMillis, long order, Runnable run) {}

    private record Captured(byte[] bytes, InetSocketAddress from) {}

    private static final int CAPTURED = 300;

    final Random random;
    private final PriorityQueue<Event> events = new PriorityQueue<>(
            java.util.Comparator.comparingLong(Event::atMillis).thenComparingLong(Event::order));
    private final Map<InetSocketAddress, Node> nodes = new LinkedHashMap<>();
    private final List<Captured> captured = new ArrayList<>();
    private final Set<InetSocketAddress> cut = new HashSet<>();
    private long nowMillis = 1_000_000;
    private long order;
    double loss;
    boolean unkind;
    long sent;

    SimulatedNetwork(long seed) {
        this.random = new Random(seed);
    }

    static InetSocketAddress address(int number) {
        return new InetSocketAddress(
                SampleMessages.address("00000000000000000000ffff0a%06x".formatted(number)), Datagram.DEFAULT_PORT);
    }

    void attach(InetSocketAddress address, Node node) {
        nodes.put(address, node);
    }

    long nowMillis() {
        return nowMillis;
    }

    void at(long atMillis, Runnable run) {
        events.add(new Event(Math.max(atMillis, nowMillis), ++order, run));
    }

    void after(long millis, Runnable run) {
        at(nowMillis + millis, run);
    }

    boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    void runUntil(long untilMillis) {
        while (!events.isEmpty() && events.peek().atMillis() <= untilMillis) {
            Event event = events.remove();
            nowMillis = event.atMillis();
            event.run().run();
        }
        nowMillis = untilMillis;
    }

    /** Cuts an address off for a while. */
    void cut(InetSocketAddress address, long millis) {
        cut.add(address);
        after(millis, () -> cut.remove(address));
    }

    void heal() {
        unkind = false;
        loss = 0;
        cut.clear();
    }

    void send(InetSocketAddress from, InetSocketAddress to, byte[] bytes) {
        sent++;
        if (to.equals(BROADCAST)) {
            for (InetSocketAddress each : nodes.keySet()) {
                if (!each.equals(from)) {
                    carry(from, each, bytes);
                }
            }
        } else {
            carry(from, to, bytes);
        }
    }

    private void carry(InetSocketAddress from, InetSocketAddress to, byte[] bytes) {
        if (unkind) {
            if (captured.size() < CAPTURED) {
                captured.add(new Captured(bytes, from));
            } else {
                captured.set(random.nextInt(CAPTURED), new Captured(bytes, from));
            }
        }
        if (chance(loss) || cut.contains(from) || cut.contains(to)) {
            return;
        }
        deliver(from, to, bytes, 1 + random.nextInt(20));
        if (unkind && chance(0.1)) {
            deliver(from, to, bytes, 1 + random.nextInt(5_000));
        }
        if (unkind && chance(0.15)) {
            Captured again = captured.get(random.nextInt(captured.size()));
            InetSocketAddress anybody = List.copyOf(nodes.keySet()).get(random.nextInt(nodes.size()));
            deliver(chance(0.5) ? again.from() : anybody, anybody, again.bytes(), random.nextInt(100));
        }
    }

    private void deliver(InetSocketAddress from, InetSocketAddress to, byte[] bytes, long delayMillis) {
        byte[] arrives = bytes;
        if (unkind && chance(0.03)) {
            arrives = java.util.Arrays.copyOf(bytes, chance(0.3) ? random.nextInt(bytes.length + 20) : bytes.length);
            for (int flips = random.nextInt(4); flips >= 0 && arrives.length > 0; flips--) {
                arrives[random.nextInt(arrives.length)] ^= (byte) (1 << random.nextInt(8));
            }
        }
        byte[] content = arrives;
        long slow = unkind && chance(0.1) ? random.nextInt(3_000) : 0;
        after(delayMillis + slow, () -> {
            Node node = nodes.get(to);
            if (node != null && !cut.contains(to)) {
                node.receive(content, from);
            }
        });
    }
}
