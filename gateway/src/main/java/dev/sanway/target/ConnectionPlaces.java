package dev.sanway.target;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The places for connections of one kind (such as those that are logging in), divided by address ({@link FairShare}). When no
 * place is left for a newcomer, the connection that has been silent for longest gives way: one of the address that has most, or
 * of the newcomer's own address if that has its part. Any thread may call.
 */
final class ConnectionPlaces {

    /** A connection that has spoken is left alone for so long. */
    private static final long PATIENCE_NANOS = 1_000_000_000L;

    /** A connection that has a place. */
    static final class Place {
        private final Address address;
        private final Runnable giveWay;
        /** When it last did what is expected of it; its beginning as long as it has not. */
        private volatile long usefulNanos;

        private volatile boolean silent = true;

        private Place(Address address, Runnable giveWay, long nowNanos) {
            this.address = address;
            this.giveWay = giveWay;
            this.usefulNanos = nowNanos;
        }

        /** The turns that this address's connections of this kind share. */
        TurnTable turns() {
            return address.turns;
        }

        /** It did what is expected of it. */
        void useful() {
            usefulNanos = System.nanoTime();
            silent = false;
        }
    }

    private static final class Address {
        final InetAddress address;
        final TurnTable turns = new TurnTable();
        final Set<Place> places = new LinkedHashSet<>();

        Address(InetAddress address) {
            this.address = address;
        }
    }

    private final int limit;
    private final Map<InetAddress, Address> addresses = new HashMap<>();
    private int taken;

    ConnectionPlaces(int limit) {
        this.limit = limit;
    }

    /**
     * Takes a place.
     *
     * @param giveWay ends the connection when another one needs its place, which is free by then; runs on the newcomer's thread
     * @return null: there is none, and everybody who has one uses it
     */
    @Nullable
    Place enter(InetAddress from, Runnable giveWay) {
        Runnable loser = null;
        Place entered = null;
        synchronized (this) {
            Address own = addresses.computeIfAbsent(from, Address::new);
            boolean full = taken >= limit;
            boolean beyondShare = own.places.size() >= Math.max(1, FairShare.of(limit, taken - own.places.size()));
            if (full || beyondShare) {
                Place longest = longestUseless(full && !beyondShare ? most() : own);
                if (longest != null) {
                    remove(longest);
                    loser = longest.giveWay;
                }
            }
            if (taken < limit && (loser != null || !beyondShare)) {
                entered = new Place(addresses.computeIfAbsent(from, Address::new), giveWay, System.nanoTime());
                entered.address.places.add(entered);
                taken++;
            } else if (own.places.isEmpty()) {
                addresses.remove(from, own);
            }
        }
        if (loser != null) {
            loser.run();
        }
        return entered;
    }

    private Address most() {
        Address most = addresses.values().iterator().next();
        for (Address each : addresses.values()) {
            most = each.places.size() > most.places.size() ? each : most;
        }
        return most;
    }

    private static @Nullable Place longestUseless(Address of) {
        long now = System.nanoTime();
        Place longest = null;
        for (Place place : of.places) {
            if (place.silent) {
                // In the order in which they came.
                return place;
            }
            if (now - place.usefulNanos > PATIENCE_NANOS
                    && (longest == null || place.usefulNanos - longest.usefulNanos < 0)) {
                longest = place;
            }
        }
        return longest;
    }

    /** The connection is over, or is of this kind no longer. Calling it again does nothing. */
    synchronized void leave(Place place) {
        remove(place);
    }

    private void remove(Place place) {
        if (place.address.places.remove(place)) {
            taken--;
            if (place.address.places.isEmpty()) {
                addresses.remove(place.address.address, place.address);
            }
        }
    }

    synchronized int taken() {
        return taken;
    }
}
