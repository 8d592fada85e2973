package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.Message.Command;
import dev.sanway.autoconfig.Message.CommandHeader;
import dev.sanway.autoconfig.Message.Outcome;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A control station that adopts units and has intents: commands that it gives until they are answered, across restarts. */
final class SimulatedControl implements SimulatedNetwork.Node {

    /** Something wanted of a unit; on disk. */
    static final class Intent {
        final UUID unit;
        final Command command;

        @Nullable
        Outcome outcome;

        Intent(UUID unit, Command command) {
            this.unit = unit;
            this.command = command;
        }
    }

    private final SimulatedNetwork network;
    private final DatagramCodec codec = new DatagramCodec(SampleMessages.keys());
    private final InetSocketAddress address;
    private final UUID uuid;
    final DropCounters drops = new DropCounters();
    final List<String> reports = new ArrayList<>();
    /** The disk. */
    private long boot;

    private final Map<UUID, UnitRecord> records = new HashMap<>();
    final Map<UUID, List<Intent>> intents = new HashMap<>();

    /** What units are to be held against. */
    final Map<UUID, SimulatedUnit> watched = new HashMap<>();

    private final Map<UUID, UnitView.Storage> told = new HashMap<>();
    private final Map<UUID, Long> toldBoot = new HashMap<>();
    private final SeenOnce seen = new SeenOnce();
    /** How likely it is that a unit tells the rest of what it stores under another revision, as a careless one might. */
    double careless;

    private @Nullable ControlStation station;
    private final Set<UUID> given = new HashSet<>();
    long carelessTales;
    private int incarnation;
    private long timerMillis = Long.MAX_VALUE;
    double failure;

    SimulatedControl(SimulatedNetwork network, int number) {
        this.network = network;
        this.address = SimulatedNetwork.address(number);
        this.uuid = new UUID(0xC0, number);
        network.attach(address, this);
    }

    InetSocketAddress address() {
        return address;
    }

    long starts() {
        return boot;
    }

    boolean up() {
        return station != null;
    }

    ControlStation station() {
        return java.util.Objects.requireNonNull(station);
    }

    void start() {
        if (station == null) {
            incarnation++;
            boot++;
            seen.forget();
            told.clear();
            toldBoot.clear();
            given.clear();
            timerMillis = Long.MAX_VALUE;
            station = new ControlStation(
                    new ControlStation.Facts(uuid, "gw1", boot, boot, List.of(SimulatedNetwork.BROADCAST), address),
                    Timing.standard(),
                    List.copyOf(records.values()),
                    network.random.nextLong(),
                    network.nowMillis());
            run(station.tick(network.nowMillis()));
            drive(incarnation);
        }
    }

    void crash() {
        station = null;
        incarnation++;
    }

    void want(UUID unit, Command command) {
        intents.computeIfAbsent(unit, _ -> new ArrayList<>()).add(new Intent(unit, command));
    }

    boolean settled() {
        return intents.values().stream().allMatch(list -> list.stream().allMatch(intent -> intent.outcome != null));
    }

    /** Looks once a second at what is to be done. */
    private void drive(int mine) {
        if (mine == incarnation && station != null) {
            List.copyOf(intents.keySet()).forEach(this::next);
            network.after(1_000, () -> drive(mine));
        }
    }

    /** Gives a unit its next command, planned on the table as it is known. */
    private void next(UUID unit) {
        ControlStation now = station;
        if (now == null || given.contains(unit)) {
            return;
        }
        UnitView view = now.unit(unit).orElse(null);
        if (view == null || view.admission() != Admission.ADOPTED || view.storage() == null) {
            return;
        }
        for (Intent intent : intents.getOrDefault(unit, List.of())) {
            if (intent.outcome == null) {
                given.add(unit);
                CommandHeader header = new CommandHeader(
                        intent.command.header().requestId(),
                        1,
                        1,
                        view.storage().generation());
                run(now.submit(unit, intent.command.with(header), network.nowMillis()));
                return;
            }
        }
    }

    @Override
    public void receive(byte[] bytes, InetSocketAddress from) {
        ControlStation now = station;
        if (now == null) {
            return;
        }
        switch (codec.decode(bytes)) {
            case DatagramCodec.Decoded.Dropped dropped -> drops.count(dropped.reason());
            case DatagramCodec.Decoded.Accepted accepted -> {
                Datagram datagram = carelessly(accepted.datagram());
                List<Effect> effects = now.received(datagram, from, network.nowMillis());
                seen.check(datagram, effects);
                run(effects);
            }
        }
    }

    private void run(List<Effect> effects) {
        for (Effect effect : effects) {
            if (failure > 0 && network.chance(failure)) {
                crash();
                network.after(network.random.nextInt(10_000), this::start);
                return;
            }
            switch (effect) {
                case Effect.Send send -> network.send(address, send.to(), codec.encode(send.datagram()));
                case Effect.Attend _ -> {}
                case Effect.Drop drop -> drops.count(drop.reason());
                case Effect.Report report -> reports.add(report.text());
                case Effect.KeepUnit keep -> {
                    UnitRecord before = records.put(keep.unit().unit(), keep.unit());
                    assertThat(before == null || before.boot() <= keep.unit().boot())
                            .isTrue();
                }
                case Effect.ForgetUnit forget -> records.remove(forget.unit());
                case Effect.Changed changed -> changed(changed.unit());
                case Effect.Answered answered -> answered(answered.unit(), answered.result());
                case Effect.Unanswered unanswered -> given.remove(unanswered.unit());
                case Effect.KeepTable _, Effect.Perform _, Effect.Serve _, Effect.Discard _, Effect.Stopped _ ->
                    throw new AssertionError(effect);
            }
        }
        setTimer();
    }

    /** The same, or with another revision, if it is not the beginning of what is told. All pages of a message alike. */
    private Datagram carelessly(Datagram datagram) {
        if (datagram.type() != MessageType.STORAGE_INFORMATION
                || ((datagram.messageId() * 0x9E3779B97F4A7C15L) >>> 11) * 0x1p-53 >= careless) {
            return datagram;
        }
        try {
            DataMap map = DataAreaCodec.decode(datagram.data());
            if (!(map.values().get(5L) instanceof Long cursor) || cursor == 0) {
                return datagram;
            }
            if (map.values().get(1L) instanceof Long revision) {
                map.values().put(1L, revision + 1);
            }
            carelessTales++;
            return new Datagram(
                    datagram.sender(),
                    datagram.senderBoot(),
                    datagram.sequence(),
                    datagram.recipient(),
                    datagram.recipientBoot(),
                    datagram.inReplyTo(),
                    datagram.timeMillis(),
                    datagram.messageId(),
                    datagram.page(),
                    datagram.pages(),
                    datagram.source(),
                    datagram.destination(),
                    datagram.type(),
                    DataAreaCodec.encode(map));
        } catch (MalformedDataException e) {
            throw new AssertionError(e);
        }
    }

    /** What was gathered is what the unit had at that revision, all of it; within a boot it only goes forward. */
    private void watch(UnitView view) {
        UnitView.Storage storage = view.storage();
        SimulatedUnit unit = watched.get(view.unit());
        UnitView.Storage before = told.put(view.unit(), storage);
        if (storage == null || storage.equals(before) || unit == null) {
            return;
        }
        UnitTable then = unit.history.get(List.of(view.boot(), storage.revision()));
        assertThat(then)
                .as("a table of boot %s, revision %s", view.boot(), storage.revision())
                .isNotNull();
        assertThat(storage.generation()).isEqualTo(then.generation());
        assertThat(storage.volumes()).isEqualTo(then.volumes());
        assertThat(storage.partitions()).isEqualTo(then.partitions());
        Long boot = toldBoot.put(view.unit(), view.boot());
        if (before != null && boot != null && boot == view.boot()) {
            assertThat(storage.revision()).as("an older table than before").isGreaterThanOrEqualTo(before.revision());
        }
    }

    private void changed(UnitView view) {
        watch(view);
        if (view.admission() == Admission.PENDING && view.storage() != null) {
            later(() -> run(station().admit(view.unit(), Admission.ADOPTED, "")));
        }
    }

    private void answered(UUID unit, Message.Result result) {
        given.remove(unit);
        switch (result.outcome()) {
            case STALE_EPOCH, STALE_NUMBER, OTHER_GENERATION ->
                later(() -> run(station().enquire(unit, network.nowMillis())));
            default -> {
                for (Intent intent : intents.getOrDefault(unit, List.of())) {
                    if (intent.command.header().requestId().equals(result.requestId())) {
                        assertThat(intent.outcome).isNull();
                        intent.outcome = result.outcome();
                    }
                }
                later(() -> next(unit));
            }
        }
    }

    private void later(Runnable step) {
        int mine = incarnation;
        network.after(network.random.nextInt(50), () -> {
            if (mine == incarnation && station != null) {
                step.run();
            }
        });
    }

    private void setTimer() {
        ControlStation now = station;
        if (now != null && now.wakeMillis() < timerMillis) {
            timerMillis = now.wakeMillis();
            int mine = incarnation;
            network.at(timerMillis, () -> {
                if (mine == incarnation && station != null) {
                    timerMillis = Long.MAX_VALUE;
                    run(station.tick(network.nowMillis()));
                }
            });
        }
    }
}
