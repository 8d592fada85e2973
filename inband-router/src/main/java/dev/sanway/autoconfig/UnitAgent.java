package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.autoconfig.UnitTable.Decision;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The unit's side of the protocol. Takes events with their time and gives effects; knows no network, disk or clock, and with the same
 * seed and events does the same.
 *
 * <pre>
 *   SEEKING: says STARTUP until a control station answers
 *      │ STARTUP-ACK              ▲ not heard for long, or announced anew
 *      ▼                          │
 *   ATTACHED: heartbeats, answers enquiries, carries out commands
 *      │ stop
 *      ▼
 *   STOPPING: says SHUTDOWN until it is answered or the time is over → STOPPED
 * </pre>
 *
 * One owner; effects are done in their order before the next event.
 */
public final class UnitAgent {
    private static final int MAX_ANNOUNCED = 4;
    private static final int MAX_MESSAGES = 2;

    /**
     * What a unit says of itself.
     *
     * @param reservedLuns numbers that no new volume gets, though no volume of the table has them
     * @param controls where control stations may be: addresses, broadcast addresses, groups
     * @param believed what it believes its own address to be
     */
    public record Facts(
            Message.Startup startup,
            long capacityBytes,
            java.util.Set<Integer> reservedLuns,
            List<InetSocketAddress> controls,
            InetSocketAddress believed) {
        public Facts {
            reservedLuns = java.util.Set.copyOf(reservedLuns);
            controls = List.copyOf(controls);
        }
    }

    private enum Phase {
        SEEKING,
        ATTACHED,
        STOPPING,
        STOPPED
    }

    /** The control station that answered. */
    private static final class Contact {
        private final UUID control;
        private final long boot;
        private final InetSocketAddress address;
        private final ReplayWindow window;
        private Admission admission;
        private long heardMillis;
        private long heartbeatMillis;

        Contact(
                UUID control,
                long boot,
                ReplayWindow window,
                InetSocketAddress address,
                Admission admission,
                long nowMillis) {
            this.control = control;
            this.boot = boot;
            this.window = window;
            this.address = address;
            this.admission = admission;
            this.heardMillis = nowMillis;
            this.heartbeatMillis = nowMillis;
        }
    }

    /** A command that is being carried out, and the datagram to answer. */
    private record Performing(Command command, Datagram asked, InetSocketAddress from) {}

    private final Facts facts;
    private final Timing timing;
    private final Sender sender;
    private final Reassembly reassembly;
    private final java.util.Set<InetSocketAddress> announced = new java.util.LinkedHashSet<>();
    private UnitTable table;
    private Phase phase = Phase.SEEKING;
    private Request request;
    private @Nullable Contact contact;
    /** Whose window still counts if the same boot of the same station answers again. */
    private @Nullable Contact former;

    /** Where the last control station was; also while it is looked for anew, since that is where it will be most likely. */
    private @Nullable InetSocketAddress attended;

    private @Nullable Performing performing;
    private Health health = Health.GOOD;
    private int loadPermille;

    /**
     * An agent that begins to look for a control station.
     *
     * @param table with a boot number that was raised and kept for this start
     */
    public UnitAgent(Facts facts, Timing timing, UnitTable table, long seed, long nowMillis) {
        if (table.boot() < 1) {
            throw new IllegalArgumentException("the boot number was not raised");
        }
        this.facts = facts;
        this.timing = timing;
        this.table = table;
        this.sender = new Sender(table.unit(), table.boot(), facts.believed(), seed);
        this.reassembly = new Reassembly(MAX_MESSAGES, timing.reassemblyMillis(), sender::drop);
        this.request = startup(nowMillis);
    }

    private Request startup(long atMillis) {
        return new Request(
                facts.startup(), sender.nextMessageId(), atMillis, timing.retransmitMillis(), Long.MAX_VALUE);
    }

    public UnitTable table() {
        return table;
    }

    /** What the control station takes this unit for; empty while none answers. */
    public Optional<Admission> admission() {
        return contact == null ? Optional.empty() : Optional.of(contact.admission);
    }

    /** When {@link #tick} is due. */
    public long wakeMillis() {
        return switch (phase) {
            case SEEKING, STOPPING -> request.wakeMillis();
            case ATTACHED -> {
                Contact now = attached();
                yield Math.min(now.heartbeatMillis, now.heardMillis + timing.offlineMillis());
            }
            case STOPPED -> Long.MAX_VALUE;
        };
    }

    private Contact attached() {
        return java.util.Objects.requireNonNull(contact);
    }

    /** Time passed. */
    public List<Effect> tick(long nowMillis) {
        switch (phase) {
            case SEEKING -> {
                if (request.due(nowMillis)) {
                    java.util.Set<InetSocketAddress> everywhere = new java.util.LinkedHashSet<>(facts.controls());
                    everywhere.addAll(announced);
                    everywhere.forEach(to -> sender.ask(request, Datagram.NOBODY, 0, to, nowMillis));
                    request.backOff(nowMillis, timing.startupMaxMillis(), sender.random());
                }
            }
            case ATTACHED -> {
                Contact now = attached();
                if (nowMillis >= now.heardMillis + timing.offlineMillis()) {
                    sender.want(new Effect.Report("the control station at " + now.address + " is silent"));
                    seek(nowMillis);
                    return tick(nowMillis);
                }
                if (nowMillis >= now.heartbeatMillis) {
                    sender.answer(
                            new Message.Heartbeat(table.revision(), health, loadPermille),
                            now.control,
                            now.boot,
                            0,
                            now.address,
                            nowMillis);
                    now.heartbeatMillis = nowMillis
                            + timing.heartbeatMillis() * 15 / 16
                            + sender.random().nextLong(timing.heartbeatMillis() / 8 + 1);
                }
            }
            case STOPPING -> {
                if (request.over(nowMillis)) {
                    stopped();
                } else if (request.due(nowMillis)) {
                    Contact now = attached();
                    sender.ask(request, now.control, now.boot, now.address, nowMillis);
                    request.backOff(nowMillis, timing.retransmitMaxMillis(), sender.random());
                }
            }
            case STOPPED -> {}
        }
        return sender.take();
    }

    private void seek(long atMillis) {
        former = contact == null ? former : contact;
        contact = null;
        phase = Phase.SEEKING;
        request = startup(atMillis);
    }

    private void stopped() {
        phase = Phase.STOPPED;
        sender.want(new Effect.Stopped());
    }

    /** The unit is about to go. */
    public List<Effect> stop(String reason, boolean planned, long expectedBackSeconds, long nowMillis) {
        if (phase == Phase.ATTACHED) {
            phase = Phase.STOPPING;
            request = new Request(
                    new Message.Shutdown(reason, planned, expectedBackSeconds),
                    sender.nextMessageId(),
                    nowMillis,
                    timing.retransmitMillis(),
                    nowMillis + timing.shutdownMillis());
            return tick(nowMillis);
        }
        if (phase == Phase.SEEKING) {
            stopped();
        }
        return sender.take();
    }

    /** How the unit does; told with the next heartbeat. */
    public void doing(Health newHealth, int newLoadPermille) {
        health = newHealth;
        loadPermille = newLoadPermille;
    }

    /** The operator declares these volumes now. */
    public List<Effect> declare(List<StoredVolume> volumes) {
        UnitTable next = table.declaring(volumes);
        if (!next.equals(table)) {
            keep(next);
        }
        return sender.take();
    }

    private void keep(UnitTable next) {
        table = next;
        sender.want(new Effect.KeepTable(next));
    }

    /** A datagram came whose authenticator was right. */
    public List<Effect> received(Datagram datagram, InetSocketAddress from, long nowMillis) {
        DropReason reason = judge(datagram);
        if (reason != null) {
            sender.drop(reason);
        } else if (phase != Phase.STOPPED) {
            admit(datagram, from, nowMillis);
        }
        return sender.take();
    }

    /** What makes it none of ours, whoever sent it. */
    private @Nullable DropReason judge(Datagram datagram) {
        if (datagram.type().sender() == MessageType.Sender.UNIT) {
            return DropReason.WRONG_DIRECTION;
        }
        if (datagram.recipient().equals(Datagram.NOBODY)) {
            if (!datagram.type().unaddressed()) {
                return DropReason.MISADDRESSED;
            }
        } else if (!datagram.recipient().equals(table.unit())) {
            return DropReason.MISADDRESSED;
        } else if (datagram.recipientBoot() != table.boot()) {
            return DropReason.OTHER_BOOT;
        }
        boolean old = datagram.sender().equals(table.control()) && datagram.senderBoot() < table.controlBoot();
        return old ? DropReason.OLD_BOOT : null;
    }

    private void admit(Datagram datagram, InetSocketAddress from, long nowMillis) {
        Contact known = contact;
        if (known != null && known.control.equals(datagram.sender()) && known.boot == datagram.senderBoot()) {
            if (!known.window.accept(datagram.sequence())) {
                sender.drop(DropReason.REPLAYED);
                return;
            }
            reassembly.add(datagram, nowMillis).ifPresent(message -> {
                if (!(message instanceof Message.ControlAnnounce)) {
                    known.heardMillis = nowMillis;
                }
                understood(known, message, datagram, from, nowMillis);
            });
            return;
        }
        switch (datagram.type()) {
            case CONTROL_ANNOUNCE ->
                reassembly.add(datagram, nowMillis).ifPresent(_ -> announced(datagram, from, nowMillis));
            case STARTUP_ACK -> {
                if (phase != Phase.SEEKING || !request.askedBy(datagram.inReplyTo())) {
                    sender.drop(DropReason.UNEXPECTED_ANSWER);
                    return;
                }
                reassembly.add(datagram, nowMillis).ifPresent(message -> {
                    if (message instanceof Message.StartupAck ack) {
                        attach(ack, datagram, from, nowMillis);
                    }
                });
            }
            default -> sender.drop(DropReason.UNKNOWN_SENDER);
        }
    }

    /** A hint: somebody to say STARTUP to; a station that has restarted does not know this unit's contact any more. */
    private void announced(Datagram datagram, InetSocketAddress from, long nowMillis) {
        if (phase == Phase.STOPPING) {
            return;
        }
        Contact now = contact;
        if (now != null && !now.control.equals(datagram.sender())) {
            return;
        }
        if (!facts.controls().contains(from) && announced.size() < MAX_ANNOUNCED) {
            announced.add(from);
        }
        long at = nowMillis + sender.random().nextLong(timing.spreadMillis() + 1);
        if (now != null) {
            seek(at);
        } else {
            request.hasten(at);
        }
    }

    private void attach(Message.StartupAck ack, Datagram datagram, InetSocketAddress from, long nowMillis) {
        Contact before = former;
        ReplayWindow window =
                before != null && before.control.equals(datagram.sender()) && before.boot == datagram.senderBoot()
                        ? before.window
                        : new ReplayWindow();
        if (!window.accept(datagram.sequence())) {
            sender.drop(DropReason.REPLAYED);
            return;
        }
        if (ack.admission() == Admission.REFUSED
                && contact == null
                && !ack.reason().isEmpty()) {
            sender.want(new Effect.Report("refused by the control station at " + from + ": " + ack.reason()));
        }
        contact = new Contact(datagram.sender(), datagram.senderBoot(), window, from, ack.admission(), nowMillis);
        phase = Phase.ATTACHED;
        if (!from.equals(attended)) {
            attended = from;
            // One at a time, whoever it is.
            sender.want(new Effect.Attend(Datagram.NOBODY, from));
        }
        if (!datagram.sender().equals(table.control()) || datagram.senderBoot() != table.controlBoot()) {
            keep(table.under(datagram.sender(), datagram.senderBoot()));
        }
    }

    private void understood(Contact known, Message message, Datagram datagram, InetSocketAddress from, long nowMillis) {
        switch (message) {
            case Message.StartupAck ack -> known.admission = ack.admission();
            case Message.HeartbeatAck ack -> known.admission = ack.admission();
            case Message.ControlAnnounce _ -> {}
            case Message.ShutdownAck _ -> {
                if (phase == Phase.STOPPING) {
                    stopped();
                }
            }
            case Message.StorageEnquiry enquiry ->
                sender.reply(StorageAnswers.answer(enquiry, table, facts.capacityBytes()), datagram, from, nowMillis);
            case Command command -> command(command, datagram, from, nowMillis);
            case Message.Startup _,
                    Message.StorageInformation _,
                    Message.Heartbeat _,
                    Message.Shutdown _,
                    Message.CommandResult _ -> throw new IllegalStateException("judged before: " + message);
        }
    }

    private void command(Command command, Datagram datagram, InetSocketAddress from, long nowMillis) {
        if (performing != null) {
            if (performing
                    .command()
                    .header()
                    .requestId()
                    .equals(command.header().requestId())) {
                performing = new Performing(performing.command(), datagram, from);
            } else {
                sender.drop(DropReason.BUSY);
            }
            return;
        }
        switch (table.decide(command, facts.capacityBytes())) {
            case Decision.Refused refused -> sender.reply(result(command, refused.result()), datagram, from, nowMillis);
            case Decision.Again again -> sender.reply(result(command, again.result()), datagram, from, nowMillis);
            case Decision.Settled settled -> settle(command, settled, datagram, from, nowMillis);
            case Decision.ToPerform _ -> {
                performing = new Performing(command, datagram, from);
                sender.want(new Effect.Perform(command));
            }
        }
    }

    private static Message result(Command command, Message.Result result) {
        return switch (command) {
            case Message.VolumeCreate _, Message.VolumeExtend _, Message.VolumeDelete _ ->
                new Message.VolumeResult(result);
            case Message.PartitionAssign _, Message.PartitionRelease _ -> new Message.PartitionResult(result);
        };
    }

    private void settle(
            Command command, Decision.Settled settled, Datagram asked, InetSocketAddress from, long nowMillis) {
        UnitTable before = table;
        keep(settled.table());
        for (StoredVolume volume : table.volumes().values()) {
            if (!volume.equals(before.volumes().get(volume.uuid()))) {
                sender.want(new Effect.Serve(volume));
            }
        }
        for (UUID volume : before.volumes().keySet()) {
            if (!table.volumes().containsKey(volume)) {
                sender.want(new Effect.Discard(volume));
            }
        }
        sender.reply(result(command, settled.result()), asked, from, nowMillis);
    }

    /**
     * What {@link Effect.Perform} asked for is durable, or has failed.
     *
     * @param failure why; null if it is done
     */
    public List<Effect> performed(UUID requestId, @Nullable String failure, long nowMillis) {
        Performing done = performing;
        if (done == null || !done.command().header().requestId().equals(requestId)) {
            throw new IllegalStateException("nobody asked for " + requestId);
        }
        performing = null;
        settle(
                done.command(),
                table.performed(done.command(), failure, facts.reservedLuns()),
                done.asked(),
                done.from(),
                nowMillis);
        return sender.take();
    }
}
