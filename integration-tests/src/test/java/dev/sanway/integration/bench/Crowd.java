package dev.sanway.integration.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Hostile initiators (or clients of the API) that all do the same; who is thrown out comes again. */
final class Crowd implements Swarm {

    /** What a connection does each time that its turn comes. */
    interface Habit {
        /**
         * Sends and reads what is due.
         *
         * @throws IOException the connection is over
         */
        void step(HostilePeer peer) throws IOException;
    }

    /** The request that a connection begins with; what follows waits for its answer. */
    interface Greeting {
        byte[] of(int number);
    }

    /**
     * How many they are and what they do.
     *
     * @param size connections at once
     * @param renewedPerSecond new connections a second, at most
     * @param lifetimeMillis after which a connection is given up for a new one
     * @param stepMillis from turn to turn
     * @param receiveBufferBytes 0: the system's
     */
    record Plan(int size, int renewedPerSecond, int lifetimeMillis, int stepMillis, int receiveBufferBytes) {}

    private static final int FIRST_ADDRESS = 2;
    private static final int ADDRESSES = 8;

    private final int port;
    private final Plan plan;
    private final @Nullable Greeting greeting;
    private final Habit habit;
    private final Pace renewal;
    private final List<HostilePeer> peers = new ArrayList<>();
    private long nextNanos = System.nanoTime();
    private int number;
    private long sentByGone;

    /**
     * Nobody connects before the first step.
     *
     * @param greeting null: none
     */
    Crowd(int port, Plan plan, @Nullable Greeting greeting, Habit habit) {
        this.port = port;
        this.plan = plan;
        this.greeting = greeting;
        this.habit = habit;
        renewal = new Pace(plan.renewedPerSecond);
    }

    @Override
    public void step() {
        long now = System.nanoTime();
        while (peers.size() < plan.size && renewal.one()) {
            try {
                peers.add(new HostilePeer(number, FIRST_ADDRESS + number % ADDRESSES, port, plan.receiveBufferBytes));
            } catch (IOException _) {
                break; // refused; again the next time
            } finally {
                number++;
            }
        }
        if (now - nextNanos < 0) {
            return;
        }
        nextNanos = now + TimeUnit.MILLISECONDS.toNanos(plan.stepMillis);
        for (Iterator<HostilePeer> each = peers.iterator(); each.hasNext(); ) {
            HostilePeer peer = each.next();
            if (!goesOn(peer, now)) {
                sentByGone += peer.requests();
                peer.close();
                each.remove();
            }
        }
    }

    private boolean goesOn(HostilePeer peer, long now) {
        if (now - peer.bornNanos > TimeUnit.MILLISECONDS.toNanos(plan.lifetimeMillis)) {
            return false;
        }
        try {
            if (!peer.connected()) {
                return true;
            }
            if (greeting != null) {
                if (peer.requests() == 0) {
                    peer.offer(greeting.of(peer.number));
                }
                if (!peer.flushed() || !peer.loggedIn()) {
                    return true;
                }
            }
            habit.step(peer);
            return true;
        } catch (IOException _) {
            return false;
        }
    }

    @Override
    public long sent() {
        return sentByGone + peers.stream().mapToLong(HostilePeer::requests).sum();
    }

    @Override
    public int open() {
        return peers.size();
    }

    @Override
    public void close() {
        peers.forEach(HostilePeer::close);
        peers.clear();
    }
}
