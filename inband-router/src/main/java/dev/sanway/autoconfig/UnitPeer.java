package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.StoredPartition;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitView.Status;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What a control station holds of one unit. {@link ControlStation}'s own. */
final class UnitPeer {
    private static final int MAX_STARTUPS = 32;

    /**
     * The unit's present boot, and where it is. Not confirmed until something came that bears this control station's boot number: a
     * STARTUP alone may have been captured and sent again by anybody.
     */
    static final class Contact {
        final long boot;
        final ReplayWindow window = new ReplayWindow();
        InetSocketAddress address;
        boolean confirmed;
        /** The last that were accepted, with their time: what is captured and sent again is the same in both. */
        private final Set<Sent> startups = new LinkedHashSet<>();

        Contact(long boot, InetSocketAddress address) {
            this.boot = boot;
            this.address = address;
        }

        void accepted(Datagram startup) {
            if (startups.size() >= MAX_STARTUPS) {
                startups.remove(startups.iterator().next());
            }
            startups.add(new Sent(startup.messageId(), startup.timeMillis()));
        }

        /** This very STARTUP was accepted; somebody with the same UUID and boot would have sent another, or at another time. */
        boolean knows(Datagram startup) {
            return startup.senderBoot() == boot
                    && startups.contains(new Sent(startup.messageId(), startup.timeMillis()));
        }
    }

    private record Sent(int messageId, long timeMillis) {}

    /**
     * Somebody else with the same UUID, perhaps: or somebody who captured a STARTUP.
     *
     * @param enquiry only who lives answers it; null: not asked yet
     */
    record Rival(
            InetSocketAddress address,
            long sinceMillis,
            @Nullable Request enquiry,
            boolean reported) {
        boolean answers(Datagram datagram, InetSocketAddress from) {
            return enquiry != null && from.equals(address) && enquiry.askedBy(datagram.inReplyTo());
        }
    }

    /** It starts with an earlier boot number than is known; {@code count}: so many times in a row. */
    record SetBack(long boot, long sequence, int count) {}

    /** An enquiry under way and what was told so far, all of one revision. */
    static final class Gathering {
        final long revision;
        final Map<UUID, StoredVolume> volumes = new HashMap<>();
        final Map<UUID, StoredPartition> partitions = new HashMap<>();

        Gathering(long revision) {
            this.revision = revision;
        }
    }

    /** A command in its queue. */
    record Queued(Message.Command command, long deadlineMillis) {}

    UnitRecord record;
    Status status = Status.ABSENT;

    @Nullable
    Contact contact;

    @Nullable
    Rival rival;

    @Nullable
    SetBack setBack;

    /** Where it is attended to: {@link Effect.Attend}. */
    @Nullable
    InetSocketAddress attended;

    Message.@Nullable Startup startup;
    UnitView.@Nullable Storage storage;
    /** The boot that told the storage: only within it the revision proves that nothing changed. */
    long storageBoot;

    long heardMillis;
    long skewMillis;
    Health health = Health.GOOD;
    int loadPermille;

    @Nullable
    Request enquiry;

    @Nullable
    Gathering gathering;

    final Deque<Queued> queue = new ArrayDeque<>();

    @Nullable
    Request command;

    final Reassembly reassembly;
    /** When its timer is set; {@code Long.MAX_VALUE}: it is not. */
    long wakeMillis = Long.MAX_VALUE;

    UnitPeer(UnitRecord record, Reassembly reassembly) {
        this.record = record;
        this.reassembly = reassembly;
    }

    Admission admission() {
        return record.admission();
    }

    boolean live(long nowMillis, long withinMillis) {
        return contact != null && contact.confirmed && nowMillis - heardMillis < withinMillis;
    }

    /**
     * Where it should be attended to: where it was confirmed to be, also while its next boot there is still to be confirmed. Not if it
     * was refused, or is gone.
     */
    @Nullable
    InetSocketAddress attendedWanted() {
        boolean there = status == Status.ONLINE || status == Status.SUSPECT;
        if (!there || contact == null || admission() == Admission.REFUSED) {
            return null;
        }
        return contact.confirmed ? contact.address : attended;
    }

    UnitView view() {
        return new UnitView(
                record.unit(),
                record.name(),
                record.boot(),
                record.admission(),
                record.reason(),
                status,
                startup,
                contact == null ? null : contact.address,
                health,
                loadPermille,
                skewMillis,
                heardMillis,
                storage);
    }

    /** When something is to be done about it next. */
    long dueMillis(Timing timing) {
        long due = switch (status) {
            case ONLINE -> heardMillis + timing.suspectMillis();
            case SUSPECT -> heardMillis + timing.offlineMillis();
            case ABSENT, OFFLINE, SHUT_DOWN -> Long.MAX_VALUE;
        };
        if (enquiry != null) {
            due = Math.min(due, enquiry.wakeMillis());
        }
        return command == null ? due : Math.min(due, command.wakeMillis());
    }
}
