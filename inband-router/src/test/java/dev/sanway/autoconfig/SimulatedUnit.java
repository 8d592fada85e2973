package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.autoconfig.Message.Result;
import dev.sanway.autoconfig.Message.StoredPartition;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A unit: an agent, a disk that keeps its table and files, and a watch over what it does to them. */
final class SimulatedUnit implements SimulatedNetwork.Node {
    private final SimulatedNetwork network;
    private final DatagramCodec codec = new DatagramCodec(SampleMessages.keys());
    private final InetSocketAddress address;
    private final UnitAgent.Facts facts;
    private List<Message.StoredVolume> declared;
    final DropCounters drops = new DropCounters();
    final List<String> reports = new ArrayList<>();
    /** The disk. */
    UnitTable table;

    private final Map<UUID, Long> files = new HashMap<>();
    /** What was ever carried out, and ever answered. */
    private final Set<UUID> carriedOut = new HashSet<>();

    private final Map<UUID, Result> answered = new HashMap<>();

    /** Every table that was ever kept, by boot and revision: whoever tells of one tells of all of it. */
    final Map<List<Long>, UnitTable> history = new HashMap<>();

    private final SeenOnce seen = new SeenOnce();
    private @Nullable UnitAgent agent;
    private int incarnation;
    private long timerMillis = Long.MAX_VALUE;
    /** How likely it is that power fails before an effect. */
    double failure;

    SimulatedUnit(
            SimulatedNetwork network,
            int number,
            UUID uuid,
            List<InetSocketAddress> controls,
            long capacityBytes,
            List<Message.StoredVolume> declared) {
        this.network = network;
        this.address = SimulatedNetwork.address(number);
        this.table = UnitTable.empty(uuid);
        this.declared = declared;
        this.facts = new UnitAgent.Facts(
                new Message.Startup(
                        "unit" + number,
                        "sanway test",
                        List.of(new Message.Nic("eth0", new byte[6], List.of(address.getAddress()), 1500, 0)),
                        List.of(new Message.Portal(address.getAddress(), 3260)),
                        "iqn.2026-11.dev.sanway:unit.unit" + number,
                        false),
                capacityBytes,
                Set.of(),
                controls,
                address);
        network.attach(address, this);
    }

    boolean up() {
        return agent != null;
    }

    UnitAgent agent() {
        return java.util.Objects.requireNonNull(agent);
    }

    InetSocketAddress address() {
        return address;
    }

    void start() {
        if (agent == null) {
            incarnation++;
            table = table.nextBoot();
            remember();
            seen.forget();
            files.keySet().retainAll(table.volumes().keySet());
            timerMillis = Long.MAX_VALUE;
            UnitAgent started =
                    new UnitAgent(facts, Timing.standard(), table, network.random.nextLong(), network.nowMillis());
            agent = started;
            run(started.declare(declared));
        }
    }

    void crash() {
        agent = null;
        incarnation++;
    }

    /** The operator changes unit.yaml. */
    void declareAnew(List<Message.StoredVolume> volumes) {
        declared = volumes;
        if (agent != null) {
            run(agent.declare(volumes));
        }
    }

    void stop() {
        if (agent != null) {
            run(agent.stop("maintenance", true, 60, network.nowMillis()));
        }
    }

    @Override
    public void receive(byte[] bytes, InetSocketAddress from) {
        UnitAgent now = agent;
        if (now == null) {
            return;
        }
        switch (codec.decode(bytes)) {
            case DatagramCodec.Decoded.Dropped dropped -> drops.count(dropped.reason());
            case DatagramCodec.Decoded.Accepted accepted -> {
                List<Effect> effects = now.received(accepted.datagram(), from, network.nowMillis());
                seen.check(accepted.datagram(), effects);
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
                case Effect.KeepTable keep -> keep(keep.table());
                case Effect.Perform perform -> perform(perform.command());
                case Effect.Serve serve ->
                    assertThat(files.getOrDefault(
                                    serve.volume().uuid(), serve.volume().declared() ? Long.MAX_VALUE : 0))
                            .isGreaterThanOrEqualTo(serve.volume().sizeBytes());
                case Effect.Discard discard -> files.remove(discard.volume());
                case Effect.Stopped _ -> crash();
                case Effect.KeepUnit _, Effect.ForgetUnit _, Effect.Changed _, Effect.Answered _, Effect.Unanswered _ ->
                    throw new AssertionError(effect);
            }
        }
        setTimer();
    }

    private void setTimer() {
        UnitAgent now = agent;
        if (now != null && now.wakeMillis() < timerMillis) {
            timerMillis = now.wakeMillis();
            int mine = incarnation;
            network.at(timerMillis, () -> {
                if (mine == incarnation && agent != null) {
                    timerMillis = Long.MAX_VALUE;
                    run(agent.tick(network.nowMillis()));
                }
            });
        }
    }

    private void perform(Message.Command command) {
        int mine = incarnation;
        network.after(network.random.nextInt(800), () -> {
            if (mine == incarnation && agent != null) {
                boolean fails = network.unkind && network.chance(0.05);
                if (!fails) {
                    if (command instanceof Message.VolumeCreate create) {
                        files.put(create.volume(), create.sizeBytes());
                    } else if (command instanceof Message.VolumeExtend extend) {
                        files.put(extend.volume(), extend.sizeBytes());
                    }
                }
                run(agent.performed(
                        command.header().requestId(), fails ? "the disk says no" : null, network.nowMillis()));
            }
        });
    }

    /** The disk takes a new table: it must follow from the one before. */
    private void keep(UnitTable next) {
        assertThat(next.boot()).isEqualTo(table.boot());
        assertThat(next.generation()).isGreaterThanOrEqualTo(table.generation());
        assertThat(next.revision()).isGreaterThanOrEqualTo(table.revision());
        assertThat(next.epoch()).isGreaterThanOrEqualTo(table.epoch());
        if (next.epoch() == table.epoch()) {
            assertThat(next.number()).isGreaterThanOrEqualTo(table.number());
        }
        Set<UUID> before = new HashSet<>();
        table.results().forEach(result -> before.add(result.requestId()));
        for (Result result : next.results()) {
            assertThat(answered.computeIfAbsent(result.requestId(), _ -> result))
                    .isEqualTo(result);
            if (!before.contains(result.requestId()) && result.outcome() == Message.Outcome.DONE) {
                assertThat(carriedOut.add(result.requestId()))
                        .as("carried out once: %s", result.requestId())
                        .isTrue();
            }
        }
        boolean changed = (!next.volumes().equals(table.volumes()) && next.epoch() > 0)
                || !next.partitions().equals(table.partitions());
        if (changed && next.number() != table.number()) {
            assertThat(next.generation()).isEqualTo(table.generation() + 1);
        }
        List<StoredPartition> partitions = List.copyOf(next.partitions().values());
        for (int one = 0; one < partitions.size(); one++) {
            for (int other = one + 1; other < partitions.size(); other++) {
                assertThat(partitions.get(one).overlaps(partitions.get(other)))
                        .as("assigned twice: %s %s", partitions.get(one), partitions.get(other))
                        .isFalse();
            }
            assertThat(next.volumes()).containsKey(partitions.get(one).volume());
        }
        table = next;
        remember();
    }

    private void remember() {
        history.put(List.of(table.boot(), table.revision()), table);
    }

    /** The disk is set back to what it was, and changed until nothing but the content tells; boot numbers are not set back. */
    void setBack(UnitTable before) {
        UnitTable back = new UnitTable(
                before.unit(),
                table.boot(),
                table.epoch(),
                table.number(),
                before.generation(),
                before.revision(),
                before.volumes(),
                before.partitions(),
                before.results(),
                table.control(),
                table.controlBoot());
        List<Message.StoredVolume> other = List.copyOf(back.volumes().values());
        while (back.revision() < table.revision()) {
            other = network.chance(0.5)
                    ? SimulationTest.declared(network, 1 + network.random.nextInt(5))
                    : other.subList(other.size() / 2, other.size());
            back = back.declaring(other);
            if (other.isEmpty()) {
                other = SimulationTest.declared(network, 3);
            }
        }
        declared = List.copyOf(back.volumes().values());
        table = back;
    }
}
