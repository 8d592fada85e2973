package dev.sanway.control;

import dev.sanway.autoconfig.ControlStation;
import dev.sanway.autoconfig.Datagram;
import dev.sanway.autoconfig.DropCounters;
import dev.sanway.autoconfig.DropReason;
import dev.sanway.autoconfig.Effect;
import dev.sanway.autoconfig.KeyWatch;
import dev.sanway.autoconfig.LocalAddresses;
import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.PoolKeys;
import dev.sanway.autoconfig.Timing;
import dev.sanway.autoconfig.UdpEndpoint;
import dev.sanway.autoconfig.UnitRecord;
import dev.sanway.autoconfig.UnitView;
import dev.sanway.block.AwakeClock;
import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.AgentPlace;
import dev.sanway.metadata.AgentUnit;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.StationBoot;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The gateway's side of auto-configuration at work: the pure engine {@link ControlStation} with a socket, a clock and the store. It
 * has a thread of its own, which may wait for the store; hosts' data and the control executor pass elsewhere.
 *
 * <p>If the store cannot be written it ends and says so; what is served is served on.
 */
final class AutoConfiguration implements AutoCloseable {

    private static final String SUBJECT = "auto-configuration";

    /** Hears, on the control executor, of what the engine says. */
    interface Listener {
        void changed(UnitView unit);

        void answered(UUID unit, Message.Result result);

        /** Nobody knows whether the command was carried out. */
        void unanswered(UUID unit, UUID requestId);
    }

    private static final long STORE_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Catalog catalog;
    private final Executor control;
    private final Listener listener;
    private final Events events;
    private final EventLoopGroup group = UdpEndpoint.newGroup("sanway-autoconfig");
    private final EventLoop loop = group.next();
    private final DropCounters counters = new DropCounters();
    private final long startedMillis = System.currentTimeMillis();
    private final long startedNanos = AwakeClock.nanoTime();
    private final ControlStation engine;
    private final UdpEndpoint endpoint;
    private final KeyWatch keyWatch;
    private volatile PoolKeys keys;
    private long timerMillis = Long.MAX_VALUE;
    private boolean begun;
    private boolean ended;
    private volatile boolean closing;

    /**
     * Starts listening and announces itself. Blocks the caller.
     *
     * @param alsoTo where units were heard by earlier runs
     * @param control where {@code listener} is called
     * @throws IOException if the address cannot be listened on or the store not be written
     */
    AutoConfiguration(
            GatewayConfig.AutoConfig config,
            String name,
            Collection<InetSocketAddress> alsoTo,
            Catalog catalog,
            Executor control,
            Listener listener,
            Events events)
            throws IOException {
        this.catalog = catalog;
        this.control = control;
        this.listener = listener;
        this.events = events;
        this.keys = config.keys();
        this.keyWatch = new KeyWatch(keys);
        try {
            // Used once, whatever happens next.
            long boot = catalog.one(StationBoot.KIND, StationBoot.KEY)
                            .map(StationBoot::boot)
                            .orElse(0L)
                    + 1;
            catalog.commit(new Catalog.Batch().put(StationBoot.KIND, StationBoot.KEY, new StationBoot(boot)))
                    .join();
            List<InetSocketAddress> announceTo = new ArrayList<>(config.announceTo());
            announceTo.addAll(alsoTo);
            this.engine = new ControlStation(
                    new ControlStation.Facts(
                            catalog.self().gateway(),
                            name,
                            boot,
                            boot,
                            announceTo.stream().distinct().toList(),
                            LocalAddresses.believed(config.listen())),
                    Timing.standard(),
                    catalog.all(AgentUnit.KIND).stream()
                            .map(AutoConfiguration::record)
                            .toList(),
                    new SecureRandom().nextLong(),
                    nowMillis());
            List<InetAddress> groups = config.announceTo().stream()
                    .map(InetSocketAddress::getAddress)
                    .filter(InetAddress::isMulticastAddress)
                    .distinct()
                    .toList();
            this.endpoint = UdpEndpoint.open(
                    loop, config.listen(), groups, catalog.self().gateway(), keys, counters, new Heard());
        } catch (CompletionException | IOException e) {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw e instanceof IOException io ? io : new IOException(e.getMessage(), e);
        }
        loop.execute(() -> {
            begun = true;
            run(engine.tick(nowMillis()));
        });
    }

    private static UnitRecord record(AgentUnit unit) {
        return new UnitRecord(
                unit.unit(), unit.name(), unit.boot(), Admission.valueOf(unit.admission()), unit.reason());
    }

    /** Does not jump when somebody sets the clock, and not when this process slept: units were not silent meanwhile. */
    private long nowMillis() {
        return startedMillis + TimeUnit.NANOSECONDS.toMillis(AwakeClock.nanoTime() - startedNanos);
    }

    private final class Heard implements UdpEndpoint.Receiver {
        @Override
        public void received(Datagram datagram, InetSocketAddress from) {
            if (begun) {
                run(engine.received(datagram, from, nowMillis()));
            }
        }

        @Override
        public void signed(int keyId, InetSocketAddress from, @Nullable DropReason reason) {
            keyWatch.signed(keyId, from, reason)
                    .ifPresent(unit -> events.warning(
                            "unit " + engine.unit(unit).map(UnitView::name).orElse(unit.toString()),
                            keyWatch.note(unit).orElse("")));
        }
    }

    /** These keys count from now on, for what is sent and what is received. Any thread. */
    void use(PoolKeys now) {
        if (!now.same(keys)) {
            keys = now;
            loop.execute(() -> {
                endpoint.use(now);
                keyWatch.use(now);
            });
        }
    }

    /** What is known of units' keys. */
    record KeyFacts(Map<UUID, Integer> ids, Map<UUID, String> notes) {}

    CompletableFuture<KeyFacts> keyFacts() {
        return CompletableFuture.supplyAsync(
                () -> {
                    Map<UUID, String> notes = new HashMap<>();
                    engine.units()
                            .forEach(
                                    unit -> keyWatch.note(unit.unit()).ifPresent(note -> notes.put(unit.unit(), note)));
                    return new KeyFacts(keyWatch.keyIds(), notes);
                },
                loop);
    }

    private void run(List<Effect> effects) {
        if (ended || closing) {
            return;
        }
        effects.forEach(this::perform);
        if (!closing) {
            setTimer();
        }
    }

    private void setTimer() {
        long due = engine.wakeMillis();
        if (due < timerMillis) {
            timerMillis = due;
            loop.schedule(
                    () -> {
                        if (due == timerMillis) {
                            timerMillis = Long.MAX_VALUE;
                            run(engine.tick(nowMillis()));
                        }
                    },
                    Math.max(0, due - nowMillis()),
                    TimeUnit.MILLISECONDS);
        }
    }

    private void perform(Effect effect) {
        switch (effect) {
            case Effect.Send send -> endpoint.send(send.to(), send.datagram());
            case Effect.Attend attend -> endpoint.attend(attend.peer(), attend.address());
            case Effect.Drop drop -> counters.count(drop.reason());
            case Effect.Report(String text) -> {
                if (text.startsWith("refused")) {
                    events.warning(SUBJECT, text);
                } else {
                    events.info(SUBJECT, text);
                }
            }
            case Effect.KeepUnit(UnitRecord unit) ->
                keep(new Catalog.Batch()
                        .put(
                                AgentUnit.KIND,
                                unit.unit().toString(),
                                new AgentUnit(
                                        unit.unit(),
                                        unit.name(),
                                        unit.boot(),
                                        unit.admission().name(),
                                        unit.reason())));
            case Effect.ForgetUnit(UUID unit) -> {
                keyWatch.forgotten(unit);
                keep(new Catalog.Batch()
                        .remove(AgentUnit.KIND, unit.toString())
                        .remove(AgentPlace.KIND, unit.toString()));
            }
            case Effect.Changed(UnitView unit) -> {
                keyWatch.changed(unit);
                control.execute(() -> listener.changed(unit));
            }
            case Effect.Answered(UUID unit, Message.Result result) ->
                control.execute(() -> listener.answered(unit, result));
            case Effect.Unanswered(UUID unit, UUID requestId) ->
                control.execute(() -> listener.unanswered(unit, requestId));
            case Effect.KeepTable _, Effect.Perform _, Effect.Serve _, Effect.Discard _, Effect.Stopped _ ->
                throw new IllegalStateException("no effect of a control station: " + effect);
        }
    }

    /**
     * What follows must not be done before this is durable, so it waits until the store can be written; meanwhile units are not heard,
     * and served on.
     */
    private void keep(Catalog.Batch batch) {
        boolean told = false;
        while (!closing) {
            try {
                catalog.commit(batch).join();
                if (told) {
                    events.info(SUBJECT, "goes on");
                }
                return;
            } catch (CompletionException e) {
                if (!told) {
                    told = true;
                    events.warning(
                            SUBJECT,
                            "waits, because the store cannot be written: " + reason(e)
                                    + "; volumes are served on, and it goes on by itself when that is mended");
                }
                LockSupport.parkNanos(STORE_AGAIN_NANOS);
            }
        }
    }

    private static String reason(CompletionException failure) {
        return String.valueOf(
                failure.getCause() == null
                        ? failure.getMessage()
                        : failure.getCause().getMessage());
    }

    /** Every unit known, as it is now. */
    CompletableFuture<List<UnitView>> units() {
        return CompletableFuture.supplyAsync(engine::units, loop);
    }

    /** Ends when it is durable. */
    CompletableFuture<Void> admit(UUID unit, Admission admission, String reason) {
        return doing(() -> engine.admit(unit, admission, reason));
    }

    /** Forgets a unit that is not heard. Ends when it is durable. */
    CompletableFuture<Void> forget(UUID unit) {
        return doing(() -> engine.forget(unit, nowMillis()));
    }

    /** Has a unit do something; ends with {@link Listener#answered} or {@link Listener#unanswered}. */
    void submit(UUID unit, Message.Command command) {
        doing(() -> engine.submit(unit, command, nowMillis()))
                .exceptionallyAsync(
                        _ -> {
                            listener.unanswered(unit, command.header().requestId());
                            return null;
                        },
                        control);
    }

    /** Asks a unit anew for what it stores. */
    void enquire(UUID unit) {
        CompletableFuture<Void> _ = doing(() -> engine.enquire(unit, nowMillis()));
    }

    private CompletableFuture<Void> doing(Supplier<List<Effect>> step) {
        return CompletableFuture.runAsync(
                () -> {
                    if (ended) {
                        throw new IllegalStateException("auto-configuration has ended; see the log for the reason");
                    }
                    run(step.get());
                },
                loop);
    }

    /** What was dropped, for Prometheus. Any thread. */
    void gather(MetricFamilies families) {
        for (DropReason reason : DropReason.values()) {
            families.counter(
                    "sanway_autoconfig_dropped_datagrams",
                    "Datagrams that changed nothing, by the reason.",
                    counters.of(reason),
                    "reason",
                    reason.name().toLowerCase(Locale.ROOT));
        }
        families.counter(
                "sanway_autoconfig_flooded_turns",
                "Turns of 10 ms in which more datagrams came than are read; the rest is dropped by the kernel.",
                counters.floodedTurns());
    }

    /** The address really listened on. */
    InetSocketAddress address() {
        return endpoint.address();
    }

    /** Falls silent. Blocks the caller, who is no event loop. */
    @Override
    public void close() {
        closing = true;
        loop.execute(() -> ended = true);
        endpoint.close();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
