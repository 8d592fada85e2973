package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.UnitView.Status;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The control station's side of the protocol. Takes events with their time and gives effects; knows no network, disk or clock, and
 * with the same seed and events does the same. Units are independent of each other; {@link UnitPeer} holds what is known of one.
 *
 * <p>At most one command is under way at a unit, so numbers arrive in order. A command whose deadline passed may or may not have been
 * carried out: whoever gave it gives it again, under the same request id, until it is answered.
 *
 * <p>One owner; effects are done in their order before the next event.
 */
public final class ControlStation {
    /** More units than this are not kept. */
    public static final int MAX_UNITS = 4_096;

    static final int MAX_QUEUED = 64;
    private static final int MAX_MESSAGES = 2;
    private static final int MAX_STARTUPS = 256;
    private static final int MAX_STORED = 100_000;
    private static final int SET_BACK_STARTUPS = 3;

    /**
     * Who a control station is.
     *
     * @param boot raised and kept for this start
     * @param epoch raised and kept for this start
     * @param announceTo groups, broadcast and other addresses
     * @param believed what it believes its own address to be
     */
    public record Facts(
            UUID uuid,
            String name,
            long boot,
            long epoch,
            List<InetSocketAddress> announceTo,
            InetSocketAddress believed) {
        public Facts {
            announceTo = List.copyOf(announceTo);
        }
    }

    private record Wake(long atMillis, UnitPeer peer) {}

    private final Facts facts;
    private final Timing timing;
    private final Sender sender;
    private final Map<UUID, UnitPeer> peers = new HashMap<>();
    private final PriorityQueue<Wake> wakes = new PriorityQueue<>(java.util.Comparator.comparingLong(Wake::atMillis));
    private final Reassembly startups;
    private long announceMillis;
    private long number;

    /** A control station that knows these units and is about to announce itself. */
    public ControlStation(Facts facts, Timing timing, List<UnitRecord> known, long seed, long nowMillis) {
        this.facts = facts;
        this.timing = timing;
        this.sender = new Sender(facts.uuid(), facts.boot(), facts.believed(), seed);
        this.startups = new Reassembly(MAX_STARTUPS, timing.reassemblyMillis(), sender::drop);
        this.announceMillis = nowMillis;
        known.forEach(record -> peers.put(record.unit(), peer(record)));
    }

    private UnitPeer peer(UnitRecord record) {
        return new UnitPeer(record, new Reassembly(MAX_MESSAGES, timing.reassemblyMillis(), sender::drop));
    }

    /** Every unit known. */
    public List<UnitView> units() {
        List<UnitView> views = new ArrayList<>();
        peers.values().forEach(peer -> views.add(peer.view()));
        return views;
    }

    public Optional<UnitView> unit(UUID unit) {
        return Optional.ofNullable(peers.get(unit)).map(UnitPeer::view);
    }

    /** When {@link #tick} is due. */
    public long wakeMillis() {
        Wake first = wakes.peek();
        return first == null ? announceMillis : Math.min(announceMillis, first.atMillis());
    }

    /** Time passed. */
    public List<Effect> tick(long nowMillis) {
        if (nowMillis >= announceMillis) {
            Message announce = new Message.ControlAnnounce(
                    facts.name(),
                    facts.believed().getAddress(),
                    facts.believed().getPort());
            facts.announceTo().forEach(to -> sender.answer(announce, Datagram.NOBODY, 0, 0, to, nowMillis));
            announceMillis = nowMillis + timing.announceMillis();
        }
        for (Wake wake = wakes.peek(); wake != null && wake.atMillis() <= nowMillis; wake = wakes.peek()) {
            wakes.poll();
            if (wake.peer().wakeMillis == wake.atMillis()) {
                wake.peer().wakeMillis = Long.MAX_VALUE;
                work(wake.peer(), nowMillis);
            }
        }
        return sender.take();
    }

    /** Does what is due about a unit, and sets its timer. */
    private void work(UnitPeer peer, long nowMillis) {
        long silent = nowMillis - peer.heardMillis;
        if (peer.status == Status.ONLINE && silent >= timing.suspectMillis()) {
            become(peer, Status.SUSPECT);
        }
        if (peer.status == Status.SUSPECT && silent >= timing.offlineMillis()) {
            become(peer, Status.OFFLINE);
        }
        if (peer.enquiry != null && peer.enquiry.over(nowMillis)) {
            peer.enquiry = null;
            peer.gathering = null;
        }
        if (peer.command != null && peer.command.over(nowMillis)) {
            Command given = (Command) peer.command.message();
            peer.command = null;
            sender.want(new Effect.Unanswered(peer.record.unit(), given.header().requestId()));
        }
        begin(peer, nowMillis);
        send(peer, peer.enquiry, nowMillis);
        send(peer, peer.command, nowMillis);
        attend(peer);
        setTimer(peer);
    }

    private void attend(UnitPeer peer) {
        InetSocketAddress wanted = peer.attendedWanted();
        if (!Objects.equals(wanted, peer.attended)) {
            peer.attended = wanted;
            sender.want(new Effect.Attend(peer.record.unit(), wanted));
        }
    }

    private void setTimer(UnitPeer peer) {
        long due = peer.dueMillis(timing);
        if (due < peer.wakeMillis) {
            peer.wakeMillis = due;
            wakes.add(new Wake(due, peer));
        }
    }

    private void become(UnitPeer peer, Status status) {
        if (peer.status != status) {
            peer.status = status;
            sender.want(new Effect.Changed(peer.view()));
        }
    }

    private void send(UnitPeer peer, @Nullable Request request, long nowMillis) {
        if (request != null && request.due(nowMillis)) {
            UnitPeer.Contact contact = peer.contact;
            // Where a unit is must be sure before it is told to do anything; asked it may be anywhere.
            if (contact != null && (contact.confirmed || request == peer.enquiry)) {
                sender.ask(request, peer.record.unit(), contact.boot, contact.address, nowMillis);
            }
            request.backOff(nowMillis, timing.retransmitMaxMillis(), sender.random());
        }
    }

    /** Begins the next command, if none is under way. */
    private void begin(UnitPeer peer, long nowMillis) {
        while (peer.command == null && !peer.queue.isEmpty()) {
            UnitPeer.Queued next = peer.queue.remove();
            CommandHeader header = next.command().header();
            if (nowMillis >= next.deadlineMillis()) {
                sender.want(new Effect.Unanswered(peer.record.unit(), header.requestId()));
                continue;
            }
            peer.command = new Request(
                    next.command()
                            .with(new CommandHeader(
                                    header.requestId(), facts.epoch(), ++number, header.expectedGeneration())),
                    sender.nextMessageId(),
                    nowMillis,
                    timing.retransmitMillis(),
                    next.deadlineMillis());
        }
    }

    /**
     * Has a unit do something. Ends with {@link Effect.Answered} or {@link Effect.Unanswered}.
     *
     * @param command its header's request id and generation count; epoch and number are given here
     */
    public List<Effect> submit(UUID unit, Command command, long nowMillis) {
        UnitPeer peer = peers.get(unit);
        if (peer == null || peer.queue.size() >= MAX_QUEUED) {
            sender.want(new Effect.Unanswered(unit, command.header().requestId()));
        } else {
            peer.queue.add(new UnitPeer.Queued(command, nowMillis + timing.deadlineMillis()));
            work(peer, nowMillis);
        }
        return sender.take();
    }

    /** Admits a unit, or refuses it, or makes it pending again. */
    public List<Effect> admit(UUID unit, Admission admission, String reason) {
        UnitPeer peer = peers.get(unit);
        if (peer != null) {
            keep(peer, new UnitRecord(unit, peer.record.name(), peer.record.boot(), admission, reason));
            sender.want(new Effect.Changed(peer.view()));
            attend(peer);
        }
        return sender.take();
    }

    /** Forgets a unit that is not heard; if it is heard again, it is a new one. */
    public List<Effect> forget(UUID unit, long nowMillis) {
        UnitPeer peer = peers.get(unit);
        if (peer != null && !peer.live(nowMillis, timing.offlineMillis())) {
            peers.remove(unit);
            // Its timers find nothing to do.
            peer.wakeMillis = Long.MAX_VALUE;
            if (peer.attended != null) {
                sender.want(new Effect.Attend(unit, null));
            }
            sender.want(new Effect.ForgetUnit(unit));
        }
        return sender.take();
    }

    /** Asks a unit anew for what it stores. */
    public List<Effect> enquire(UUID unit, long nowMillis) {
        UnitPeer peer = peers.get(unit);
        if (peer != null && peer.contact != null) {
            ask(peer, nowMillis);
            work(peer, nowMillis);
        }
        return sender.take();
    }

    private void keep(UnitPeer peer, UnitRecord record) {
        if (!record.equals(peer.record)) {
            peer.record = record;
            sender.want(new Effect.KeepUnit(record));
        }
    }

    /** A datagram came whose authenticator was right. */
    public List<Effect> received(Datagram datagram, InetSocketAddress from, long nowMillis) {
        UnitPeer peer = peers.get(datagram.sender());
        DropReason reason = judge(datagram, peer, from);
        if (reason != null) {
            sender.drop(reason);
            if (reason == DropReason.OLD_BOOT && datagram.type() == MessageType.STARTUP && peer != null) {
                setBack(peer, datagram, from, nowMillis);
            }
            if (peer != null && (reason == DropReason.OTHER_ADDRESS || reason == DropReason.UNKNOWN_SENDER)) {
                reportRival(peer, datagram, from);
            }
        } else if (datagram.type() == MessageType.STARTUP) {
            startups.add(datagram, nowMillis).ifPresent(message -> {
                if (message instanceof Message.Startup startup) {
                    startup(startup, datagram, from, nowMillis);
                }
            });
        } else if (peer != null && peer.contact != null) {
            UnitPeer.Contact contact = peer.contact;
            if (!contact.window.accept(datagram.sequence())) {
                sender.drop(DropReason.REPLAYED);
            } else {
                heard(peer, contact, datagram, from, nowMillis);
                peer.reassembly
                        .add(datagram, nowMillis)
                        .ifPresent(message -> understood(peer, message, datagram, from, nowMillis));
                work(peer, nowMillis);
            }
        }
        return sender.take();
    }

    /** Old STARTUPs that somebody captured come again, too; but not ever new ones of one boot, while the unit is silent. */
    private void setBack(UnitPeer peer, Datagram datagram, InetSocketAddress from, long nowMillis) {
        UnitPeer.SetBack before = peer.setBack;
        if (peer.live(nowMillis, timing.suspectMillis())) {
            peer.setBack = null;
        } else if (before == null || before.boot() != datagram.senderBoot()) {
            peer.setBack = new UnitPeer.SetBack(datagram.senderBoot(), datagram.sequence(), 1);
        } else if (datagram.sequence() > before.sequence()) {
            peer.setBack = new UnitPeer.SetBack(before.boot(), datagram.sequence(), before.count() + 1);
            if (before.count() + 1 == SET_BACK_STARTUPS) {
                sender.want(new Effect.Report("refused the unit " + peer.record.name() + " at " + from
                        + ": it starts with boot number " + datagram.senderBoot() + ", and " + peer.record.boot()
                        + " was seen of it: was its directory set back? Stop it, write \"boot\": "
                        + peer.record.boot() + " into agent.json in its directory, and start it again"));
            }
        }
    }

    /** What makes a datagram nothing to look into. */
    private @Nullable DropReason judge(Datagram datagram, @Nullable UnitPeer peer, InetSocketAddress from) {
        if (datagram.type().sender() == MessageType.Sender.CONTROL) {
            return DropReason.WRONG_DIRECTION;
        }
        boolean startup = datagram.type() == MessageType.STARTUP;
        if (datagram.recipient().equals(Datagram.NOBODY)) {
            if (!startup) {
                return DropReason.MISADDRESSED;
            }
        } else if (!datagram.recipient().equals(facts.uuid())) {
            return DropReason.MISADDRESSED;
        } else if (datagram.recipientBoot() != facts.boot()) {
            return DropReason.OTHER_BOOT;
        }
        if (peer != null && datagram.senderBoot() < peer.record.boot()) {
            return DropReason.OLD_BOOT;
        }
        if (startup) {
            return peer == null && peers.size() >= MAX_UNITS ? DropReason.TOO_MANY_UNITS : null;
        }
        if (peer == null || peer.contact == null || datagram.senderBoot() != peer.contact.boot) {
            return DropReason.UNKNOWN_SENDER;
        }
        return peer.contact.confirmed && !from.equals(peer.contact.address) ? DropReason.OTHER_ADDRESS : null;
    }

    private void heard(
            UnitPeer peer, UnitPeer.Contact contact, Datagram datagram, InetSocketAddress from, long nowMillis) {
        if (!contact.confirmed) {
            contact.confirmed = true;
            if (peer.command != null) {
                peer.command.hasten(nowMillis);
            }
            contact.address = from;
            if (!from.equals(datagram.source())
                    && !datagram.source().getAddress().isAnyLocalAddress()) {
                sender.want(new Effect.Report("the unit " + peer.record.name() + " believes to be at "
                        + datagram.source() + " and is seen at " + from));
            }
        }
        peer.heardMillis = nowMillis;
        peer.skewMillis = datagram.timeMillis() - nowMillis;
        if (datagram.type() != MessageType.SHUTDOWN) {
            become(peer, Status.ONLINE);
        }
    }

    private void startup(Message.Startup startup, Datagram datagram, InetSocketAddress from, long nowMillis) {
        UnitPeer peer = peers.get(datagram.sender());
        if (peer == null) {
            if (peers.size() >= MAX_UNITS) {
                sender.drop(DropReason.TOO_MANY_UNITS);
                return;
            }
            UnitRecord record =
                    new UnitRecord(datagram.sender(), startup.name(), datagram.senderBoot(), Admission.PENDING, "");
            peer = peer(record);
            peers.put(record.unit(), peer);
            sender.want(new Effect.KeepUnit(record));
        }
        UnitPeer.Contact before = peer.contact;
        if (before != null && before.knows(datagram)) {
            sender.drop(DropReason.REPLAYED);
            return;
        }
        if (before != null && !from.equals(before.address) && peer.live(nowMillis, timing.suspectMillis())) {
            rival(peer, datagram, from, nowMillis);
            return;
        }
        if (before != null && before.boot == datagram.senderBoot()) {
            if (!before.window.accept(datagram.sequence())) {
                sender.drop(DropReason.REPLAYED);
                return;
            }
            before.confirmed = before.confirmed && from.equals(before.address);
            before.address = from;
        } else {
            UnitPeer.Contact contact = new UnitPeer.Contact(datagram.senderBoot(), from);
            contact.window.accept(datagram.sequence());
            peer.contact = contact;
        }
        peer.rival = null;
        peer.setBack = null;
        Objects.requireNonNull(peer.contact).accepted(datagram);
        peer.startup = startup;
        keep(
                peer,
                new UnitRecord(
                        datagram.sender(),
                        startup.name(),
                        datagram.senderBoot(),
                        peer.record.admission(),
                        peer.record.reason()));
        sender.want(new Effect.Changed(peer.view()));
        sender.reply(
                new Message.StartupAck(peer.admission(), facts.epoch(), peer.record.reason()),
                datagram,
                from,
                nowMillis);
        ask(peer, nowMillis);
        if (peer.command != null) {
            peer.command.hasten(nowMillis);
        }
        work(peer, nowMillis);
    }

    /**
     * A unit starts while another with its UUID is live at another address. If it is the same one, moved, the old address falls
     * silent soon, and it is taken then; if the old one goes on, this one is refused, and asked whether it lives.
     */
    private void rival(UnitPeer peer, Datagram datagram, InetSocketAddress from, long nowMillis) {
        UnitPeer.Rival before = peer.rival;
        if (before == null || !before.address().equals(from)) {
            peer.rival = new UnitPeer.Rival(from, nowMillis, null, false);
            return;
        }
        if (peer.heardMillis <= before.sinceMillis() + timing.heartbeatMillis()) {
            return;
        }
        sender.reply(
                new Message.StartupAck(Admission.REFUSED, facts.epoch(), rivalReason(peer)), datagram, from, nowMillis);
        Request enquiry = new Request(
                new Message.StorageEnquiry(0, 0, 1),
                sender.nextMessageId(),
                nowMillis,
                timing.retransmitMillis(),
                nowMillis + timing.deadlineMillis());
        sender.ask(enquiry, datagram.sender(), datagram.senderBoot(), from, nowMillis);
        peer.rival = new UnitPeer.Rival(from, before.sinceMillis(), enquiry, before.reported());
    }

    private static String rivalReason(UnitPeer peer) {
        return "another unit with the UUID " + peer.record.unit() + " is live at "
                + Objects.requireNonNull(peer.contact).address;
    }

    /** Tells the operator of a rival once it answered, which nobody can who only sends again what he captured. */
    private void reportRival(UnitPeer peer, Datagram datagram, InetSocketAddress from) {
        UnitPeer.Rival rival = peer.rival;
        if (rival != null && peer.contact != null && !rival.reported() && rival.answers(datagram, from)) {
            peer.rival = new UnitPeer.Rival(rival.address(), rival.sinceMillis(), rival.enquiry(), true);
            sender.want(new Effect.Report(
                    "refused a unit at " + from + ": " + rivalReason(peer) + "; was a unit's directory copied?"));
        }
    }

    private void understood(UnitPeer peer, Message message, Datagram datagram, InetSocketAddress from, long nowMillis) {
        switch (message) {
            case Message.Heartbeat heartbeat -> {
                boolean news = heartbeat.health() != peer.health;
                peer.health = heartbeat.health();
                peer.loadPermille = heartbeat.loadPermille();
                if (news) {
                    sender.want(new Effect.Changed(peer.view()));
                }
                sender.reply(new Message.HeartbeatAck(peer.admission(), facts.epoch()), datagram, from, nowMillis);
                if (peer.storage == null
                        || peer.storageBoot != datagram.senderBoot()
                        || peer.storage.revision() < heartbeat.revision()) {
                    askUnlessAsking(peer, nowMillis);
                }
            }
            case Message.Shutdown shutdown -> {
                peer.enquiry = null;
                peer.gathering = null;
                become(peer, Status.SHUT_DOWN);
                sender.want(new Effect.Report("the unit " + peer.record.name() + " goes, "
                        + (shutdown.planned() ? "as planned: " : "not as planned: ") + shutdown.reason()));
                sender.reply(new Message.ShutdownAck(), datagram, from, nowMillis);
            }
            case Message.StorageInformation information -> told(peer, information, datagram, nowMillis);
            case Message.CommandResult answer -> answered(peer, answer.result(), nowMillis);
            case Message.Startup _,
                    Message.StartupAck _,
                    Message.StorageEnquiry _,
                    Message.HeartbeatAck _,
                    Message.ShutdownAck _,
                    Message.ControlAnnounce _,
                    Message.Command _ -> throw new IllegalStateException("judged before: " + message);
        }
    }

    private void askUnlessAsking(UnitPeer peer, long nowMillis) {
        if (peer.enquiry == null) {
            ask(peer, nowMillis);
        }
    }

    /** Asks from the beginning. */
    private void ask(UnitPeer peer, long nowMillis) {
        peer.gathering = null;
        UnitView.Storage known = peer.storage;
        boolean sameBoot = peer.contact != null && peer.contact.boot == peer.storageBoot;
        ask(peer, known != null && sameBoot ? known.revision() : 0, 0, nowMillis);
    }

    private void ask(UnitPeer peer, long revision, long cursor, long nowMillis) {
        peer.enquiry = new Request(
                new Message.StorageEnquiry(revision, cursor, Datagram.MAX_PAGES),
                sender.nextMessageId(),
                nowMillis,
                timing.retransmitMillis(),
                nowMillis + timing.deadlineMillis());
    }

    private void told(UnitPeer peer, Message.StorageInformation information, Datagram datagram, long nowMillis) {
        Request enquiry = peer.enquiry;
        if (enquiry == null
                || !enquiry.askedBy(datagram.inReplyTo())
                || !(enquiry.message() instanceof Message.StorageEnquiry asked)) {
            sender.drop(DropReason.UNEXPECTED_ANSWER);
            return;
        }
        if (information.unchanged()) {
            peer.enquiry = null;
            peer.gathering = null;
            return;
        }
        UnitPeer.Gathering gathering = peer.gathering;
        if (information.cursor() == 0) {
            gathering = new UnitPeer.Gathering(information.revision());
            peer.gathering = gathering;
        } else if (gathering == null
                || gathering.revision != information.revision()
                || information.cursor() != asked.cursor()) {
            peer.gathering = null;
            ask(peer, 0, 0, nowMillis);
            return;
        }
        for (Message.StoredVolume volume : information.volumes()) {
            gathering.volumes.put(volume.uuid(), volume);
        }
        for (Message.StoredPartition partition : information.partitions()) {
            gathering.partitions.put(partition.uuid(), partition);
        }
        if (gathering.volumes.size() + gathering.partitions.size() > MAX_STORED) {
            peer.enquiry = null;
            peer.gathering = null;
            sender.want(new Effect.Report("the unit " + peer.record.name() + " tells of more than " + MAX_STORED
                    + " volumes and partitions; none of them is used"));
            return;
        }
        if (information.nextCursor() != 0) {
            ask(peer, information.revision(), information.nextCursor(), nowMillis);
            return;
        }
        peer.enquiry = null;
        peer.gathering = null;
        peer.storageBoot = datagram.senderBoot();
        peer.storage = new UnitView.Storage(
                information.revision(),
                information.generation(),
                information.capacityBytes(),
                information.freeBytes(),
                gathering.volumes,
                gathering.partitions);
        sender.want(new Effect.Changed(peer.view()));
    }

    private void answered(UnitPeer peer, Message.Result result, long nowMillis) {
        if (peer.command == null
                || !(peer.command.message() instanceof Command given)
                || !given.header().requestId().equals(result.requestId())) {
            sender.drop(DropReason.UNEXPECTED_ANSWER);
            return;
        }
        peer.command = null;
        sender.want(new Effect.Answered(peer.record.unit(), result));
        if (peer.storage == null || peer.storage.revision() != result.revision()) {
            ask(peer, nowMillis);
        }
    }
}
