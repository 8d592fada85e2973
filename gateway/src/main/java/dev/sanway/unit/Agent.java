package dev.sanway.unit;

import dev.sanway.autoconfig.Datagram;
import dev.sanway.autoconfig.DropCounters;
import dev.sanway.autoconfig.DropReason;
import dev.sanway.autoconfig.Effect;
import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.PoolKeyFile;
import dev.sanway.autoconfig.PoolKeys;
import dev.sanway.autoconfig.Timing;
import dev.sanway.autoconfig.UdpEndpoint;
import dev.sanway.autoconfig.UnitAgent;
import dev.sanway.autoconfig.UnitTable;
import dev.sanway.config.UnitConfig;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A unit's agent at work: the pure engine {@link UnitAgent} with a socket, a clock and a disk. It has a thread of its own, which
 * may wait for the disk; hosts' data pass elsewhere.
 *
 * <p>If the table cannot be kept, the agent ends and says so: the unit falls silent, and what it serves goes on being served.
 */
final class Agent implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(Agent.class);

    private static final int TRASH_MINUTES = 30;
    private static final int LOAD_SECONDS = 2;

    private final EventLoopGroup group = UdpEndpoint.newGroup("sanway-agent");
    private final EventLoop loop = group.next();
    private final Timing timing = Timing.standard();
    private final TableFile file;
    private final RequestedVolumes volumes;
    private final DropCounters counters = new DropCounters();
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();
    private final Map<UUID, CompletableFuture<Void>> leaving = new HashMap<>();
    private final long startedMillis = System.currentTimeMillis();
    private final long startedNanos = System.nanoTime();
    private final UnitAgent engine;
    private final UdpEndpoint endpoint;
    private final Path keyFile;
    private final Set<Integer> unknownKeys = new HashSet<>();
    private PoolKeys keys;
    private long timerMillis = Long.MAX_VALUE;
    private boolean begun;
    private boolean ended;

    /**
     * Starts looking for a gateway. Blocks the caller.
     *
     * @param facts made up of the socket's address
     * @param table with a boot number that was raised and kept
     * @throws IOException if the address cannot be listened on
     */
    Agent(
            UnitConfig.AutoConfig config,
            UnitAgent.Facts facts,
            UnitTable table,
            List<Message.StoredVolume> declared,
            TableFile file,
            RequestedVolumes volumes)
            throws IOException {
        this.keyFile = config.poolKeyFile();
        this.keys = config.keys();
        this.file = file;
        this.volumes = volumes;
        this.engine = new UnitAgent(facts, timing, table, new SecureRandom().nextLong(), nowMillis());
        List<InetAddress> groups = config.control().stream()
                .map(InetSocketAddress::getAddress)
                .filter(InetAddress::isMulticastAddress)
                .distinct()
                .toList();
        try {
            this.endpoint =
                    UdpEndpoint.open(loop, config.listen(), groups, table.unit(), config.keys(), counters, new Heard());
        } catch (IOException e) {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            throw e;
        }
        log.info("auto-configuration: unit {}, boot {}, at UDP {}", table.unit(), table.boot(), endpoint.address());
        loop.execute(() -> {
            begun = true;
            run(engine.declare(declared));
        });
        loop.scheduleAtFixedRate(this::emptyTrash, 0, TRASH_MINUTES, TimeUnit.MINUTES);
        loop.scheduleAtFixedRate(this::measure, LOAD_SECONDS, LOAD_SECONDS, TimeUnit.SECONDS);
    }

    /** What unit.yaml names is in another state now. Any thread. */
    void declare(List<Message.StoredVolume> volumes) {
        loop.execute(() -> run(engine.declare(volumes)));
    }

    /** Does not jump when somebody sets the clock. */
    private long nowMillis() {
        return startedMillis + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startedNanos);
    }

    private final class Heard implements UdpEndpoint.Receiver {
        @Override
        public void received(Datagram datagram, InetSocketAddress from) {
            if (begun) {
                run(engine.received(datagram, from, nowMillis()));
            }
        }

        /** Told once for each key. What is not authentic proves nothing. */
        @Override
        public void signed(int keyId, InetSocketAddress from, @Nullable DropReason reason) {
            if (reason != null && unknownKeys.add(keyId)) {
                log.warn(
                        "auto-configuration: what comes from {} is signed with {} pool key {} (here {}): if that is the "
                                + "gateway, bring its key into {}, then send this process SIGHUP",
                        from,
                        reason == DropReason.UNKNOWN_KEY ? "the unknown" : "another",
                        keyId,
                        keys.words(),
                        keyFile);
            }
        }
    }

    /** Reads the pool's keys again; a file with a mistake changes nothing. Any thread. */
    void readKeys() {
        try {
            PoolKeys now = PoolKeyFile.read(keyFile);
            loop.execute(() -> {
                log.info("the pool's keys: {}{}", now.words(), now.same(keys) ? ", as before" : "");
                keys = now;
                unknownKeys.clear();
                endpoint.use(now);
            });
        } catch (IOException e) {
            log.warn("the pool's keys are not read again, nothing was changed: {}", e.getMessage());
        }
    }

    private void setTimer() {
        long due = engine.wakeMillis();
        if (!ended && due < timerMillis) {
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

    private void run(List<Effect> effects) {
        if (ended) {
            return;
        }
        try {
            for (Effect effect : effects) {
                perform(effect);
            }
            setTimer();
        } catch (IOException e) {
            ended = true;
            stopped.complete(null);
            log.error(
                    "auto-configuration ends: {}. The volumes are served on; the gateway will take this unit for offline. "
                            + "Mend that, then start the unit again",
                    e.getMessage(),
                    e);
        }
    }

    private void perform(Effect effect) throws IOException {
        switch (effect) {
            case Effect.Send send -> endpoint.send(send.to(), send.datagram());
            case Effect.Attend attend -> endpoint.attend(attend.peer(), attend.address());
            case Effect.Drop drop -> counters.count(drop.reason());
            case Effect.Report report -> log.warn("auto-configuration: {}", report.text());
            case Effect.KeepTable keep -> file.write(keep.table());
            case Effect.Perform perform -> perform(perform.command());
            case Effect.Serve serve -> volumes.serve(serve.volume());
            case Effect.Discard discard -> discard(discard.volume());
            case Effect.Stopped _ -> {
                ended = true;
                stopped.complete(null);
            }
            case Effect.KeepUnit _, Effect.ForgetUnit _, Effect.Changed _, Effect.Answered _, Effect.Unanswered _ ->
                throw new IllegalStateException("no effect of a unit: " + effect);
        }
    }

    /** A volume that is asked for again while it is being withdrawn waits for that. */
    private void perform(Message.Command command) {
        UUID requestId = command.header().requestId();
        switch (command) {
            case Message.VolumeCreate create ->
                leaving.getOrDefault(create.volume(), CompletableFuture.completedFuture(null))
                        .thenRunAsync(
                                () -> {
                                    try {
                                        volumes.create(create.volume(), create.sizeBytes(), create.thin());
                                        performed(requestId, "");
                                    } catch (IOException e) {
                                        performed(requestId, "the file cannot be made: " + e.getMessage());
                                    }
                                },
                                loop);
            case Message.VolumeExtend extend ->
                volumes.extend(extend.volume(), extend.sizeBytes())
                        .thenAcceptAsync(failure -> performed(requestId, failure), loop);
            case Message.VolumeDelete _, Message.PartitionAssign _, Message.PartitionRelease _ ->
                throw new IllegalStateException("nothing to perform for " + command);
        }
    }

    private void performed(UUID requestId, String failure) {
        if (!ended) {
            run(engine.performed(requestId, cut(failure), nowMillis()));
        }
    }

    /** Null if nothing failed; a text has at most 255 bytes on the wire. */
    private static @Nullable String cut(String failure) {
        String plain = failure.replaceAll("[^\\x20-\\x7e]", "?");
        return plain.isEmpty() ? null : plain.substring(0, Math.min(250, plain.length()));
    }

    private void discard(UUID volume) {
        CompletableFuture<Void> buried = volumes.withdraw(volume)
                .thenRunAsync(
                        () -> {
                            try {
                                volumes.bury(volume);
                            } catch (IOException e) {
                                log.warn("volume {}: not moved to the trash before the next start", volume, e);
                            }
                            leaving.remove(volume);
                        },
                        loop);
        if (!buried.isDone()) {
            leaving.put(volume, buried);
        }
    }

    private void emptyTrash() {
        try {
            volumes.emptyTrash();
        } catch (IOException e) {
            log.warn("the trash is not emptied: {}", e.toString());
        }
    }

    private void measure() {
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage()
                / Runtime.getRuntime().availableProcessors();
        engine.doing(Health.GOOD, (int) Math.clamp(load * 1000, 0, 1000));
    }

    /** The address really listened on. */
    InetSocketAddress address() {
        return endpoint.address();
    }

    /** Says good-bye, and waits a little for the answer. Blocks the caller, who is no event loop. */
    @Override
    public void close() {
        loop.execute(() -> run(engine.stop("stopped by its operator", true, 0, nowMillis())));
        try {
            stopped.get(timing.shutdownMillis() + 1_000, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (java.util.concurrent.ExecutionException | TimeoutException e) {
            log.debug("no good-bye", e);
        }
        endpoint.close();
        group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
