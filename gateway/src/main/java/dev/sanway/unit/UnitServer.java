package dev.sanway.unit;

import dev.sanway.autoconfig.LocalAddresses;
import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.UnitAgent;
import dev.sanway.autoconfig.UnitTable;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.FileDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.IoThreads;
import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.Limits;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfig;
import dev.sanway.iscsi.Transport;
import dev.sanway.target.IscsiTarget;
import dev.sanway.target.LoginPolicy;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetLimits;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data role of an IP SAN unit: files and disks served as logical units of one iSCSI target. Volumes that are not in the
 * configuration any more are not served, and kept.
 */
public final class UnitServer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(UnitServer.class);

    private static final Path KERNEL_BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
    private static final String SOFTWARE = "sanway 0.1.0";

    private final UnitConfig config;
    private final EventLoopGroup loops;
    private final IoThreads threads = IoThreads.standard();
    private final ServedVolumes volumes;
    private final List<Message.StoredVolume> declared = new ArrayList<>();
    private final TargetServer server;
    private long deviceBytes;
    private volatile @Nullable Agent agent;

    /**
     * Starts serving. Blocks the caller.
     *
     * @param beneath wraps each device before it is served; tests put a volatile cache there
     * @param bootId what tells that unflushed writes may have been lost since: the kernel's boot id, see {@link #bootId}
     * @throws IOException if a file cannot be opened or an address not listened on; then nothing is served
     */
    public UnitServer(UnitConfig config, UnaryOperator<BlockDevice> beneath, UUID bootId) throws IOException {
        this.config = config;
        Files.createDirectories(config.directory());
        UnitState state = UnitState.open(config.directory());
        this.loops = Transport.newGroup("sanway-unit", config.eventLoops());
        TargetCatalog catalog = new TargetCatalog(config.portals());
        Limits limits = config.limits();
        this.server = new TargetServer(
                loops,
                catalog,
                TargetLimits.of(
                        limits.memoryBytes(),
                        limits.sessions(),
                        limits.connectionsInLogin(),
                        limits.discoverySessions()));
        HostTarget target = new HostTarget(config.iqn(), List.of(TargetServer.PORTAL_GROUP_TAG));
        this.volumes =
                new ServedVolumes(target, new FileReservationStore(config.directory(), threads), beneath, bootId);
        boolean started = false;
        try {
            TableFile tableFile = new TableFile(config.directory());
            UnitTable table = tableFile.read(state.uuid());
            assignNumbers(state, table);
            for (UnitConfig.Volume volume : config.volumes()) {
                UnitState.Entry entry = Objects.requireNonNull(state.volumes().get(volume.name()));
                FileDevice device = open(volume, entry, loops.next());
                long sizeBytes = device.geometry().sizeBytes();
                deviceBytes += volume.device() == null ? 0 : sizeBytes;
                volumes.add(entry.uuid(), entry.lun(), device, volume.device() == null && !volume.preallocate());
                declared.add(new Message.StoredVolume(
                        entry.uuid(),
                        null,
                        entry.lun(),
                        sizeBytes,
                        volume.blockSizeBytes(),
                        Message.Health.GOOD,
                        true));
                log.info(
                        "LUN {}: {} of {}, {}",
                        entry.lun(),
                        volume.name(),
                        Sizes.show(sizeBytes),
                        volume.device() == null ? file(volume) : volume.device());
            }
            RequestedVolumes requested =
                    new RequestedVolumes(config.directory(), config.name(), volumes, threads, loops::next);
            table = table.found(requested.open(requestedIn(table)));
            catalog.replace(List.of(new IscsiTarget(config.iqn(), policy(config.access()), target, loopsOfUnits())));
            server.listen(config.portals());
            if (config.autoConfig() != null) {
                this.agent = agent(config.autoConfig(), state, table, tableFile, requested);
            }
            started = true;
        } finally {
            if (!started) {
                close();
            }
        }
    }

    /** As after SIGHUP: reads the pool's keys again. */
    public void reload() {
        Agent running = agent;
        if (running == null) {
            log.warn("SIGHUP: there is nothing to read again without \"autoConfig\"");
        } else {
            running.readKeys();
        }
    }

    private static List<Message.StoredVolume> requestedIn(UnitTable table) {
        return table.volumes().values().stream()
                .filter(volume -> !volume.declared())
                .sorted(Comparator.comparingInt(Message.StoredVolume::lun))
                .toList();
    }

    private Agent agent(
            UnitConfig.AutoConfig auto,
            UnitState state,
            UnitTable before,
            TableFile tableFile,
            RequestedVolumes requested)
            throws IOException {
        // A boot number is used once, whatever happens next.
        UnitTable table = before.nextBoot();
        tableFile.write(table);
        Set<Integer> reserved = new TreeSet<>();
        state.volumes().values().forEach(entry -> reserved.add(entry.lun()));
        return new Agent(
                auto,
                new UnitAgent.Facts(
                        new Message.Startup(
                                config.name(),
                                SOFTWARE,
                                NetworkFacts.nics(),
                                NetworkFacts.portals(server.addresses()),
                                config.iqn(),
                                config.spare()),
                        capacityBytes(),
                        reserved,
                        auto.control(),
                        LocalAddresses.believed(auto.listen())),
                table,
                declared,
                tableFile,
                requested);
    }

    /** What all volumes may have together: whole disks count as what they are; without a limit nothing is made on request. */
    private long capacityBytes() {
        long files = config.capacityBytes() != Long.MAX_VALUE
                ? config.capacityBytes()
                : declared.stream().mapToLong(Message.StoredVolume::sizeBytes).sum() - deviceBytes;
        return files + deviceBytes;
    }

    /** The kernel's boot id: writes in the page cache outlive this process, but not the kernel. */
    public static UUID bootId() throws IOException {
        return Files.isReadable(KERNEL_BOOT_ID)
                ? UUID.fromString(Files.readString(KERNEL_BOOT_ID).strip())
                : UUID.randomUUID();
    }

    private static LoginPolicy policy(@Nullable Access access) {
        return access == null
                ? new LoginPolicy(Set.of("*"), null)
                : new LoginPolicy(Set.copyOf(access.initiators()), credentials(access.chap()));
    }

    private static LoginPolicy.@Nullable ChapCredentials credentials(@Nullable ChapConfig chap) {
        return chap == null
                ? null
                : new LoginPolicy.ChapCredentials(
                        chap.user(),
                        chap.secret().bytes(),
                        chap.mutualUser(),
                        chap.mutualSecret() == null ? null : chap.mutualSecret().bytes());
    }

    /**
     * The loops that own the logical units: with one unit a session shares its loop and no request changes thread. With an
     * agent, whose volumes come and go, all loops.
     */
    private List<EventLoop> loopsOfUnits() {
        if (config.autoConfig() != null) {
            return Stream.generate(loops::next).limit(config.eventLoops()).toList();
        }
        List<EventLoop> owners = volumes.units().stream()
                .map(unit -> (EventLoop) unit.device().owner())
                .distinct()
                .toList();
        return owners.isEmpty() ? List.of(loops.next()) : owners;
    }

    /** Gives every volume its identity and LUN, once. */
    private void assignNumbers(UnitState state, UnitTable table) throws IOException {
        Set<Integer> taken = new TreeSet<>();
        Set<Integer> requested = new TreeSet<>();
        requestedIn(table).forEach(volume -> requested.add(volume.lun()));
        taken.addAll(requested);
        config.volumes().forEach(volume -> taken.add(volume.lun()));
        state.volumes().values().forEach(entry -> taken.add(entry.lun()));
        for (UnitConfig.Volume volume : config.volumes()) {
            UnitState.Entry before = state.volumes().get(volume.name());
            int lun = volume.lun() >= 0 ? volume.lun() : before != null ? before.lun() : lowestFree(taken);
            if (before != null && before.blockSizeBytes() != volume.blockSizeBytes()) {
                throw new IOException(config.file() + ":" + volume.line() + ": the volume " + volume.name()
                        + " was made with blocks of " + before.blockSizeBytes() + " bytes; that cannot change");
            }
            if (requested.contains(lun)) {
                throw new IOException(config.file() + ":" + volume.line() + ": LUN " + lun
                        + " belongs to a volume that a gateway asked for; write another number, or leave \"lun\" out");
            }
            taken.add(lun);
            UUID uuid = before != null ? before.uuid() : UUID.randomUUID();
            state.volumes().put(volume.name(), new UnitState.Entry(uuid, lun, volume.blockSizeBytes()));
        }
        state.save();
    }

    private static int lowestFree(Set<Integer> taken) {
        int lun = 0;
        while (taken.contains(lun)) {
            lun++;
        }
        return lun;
    }

    private Path file(UnitConfig.Volume volume) {
        return config.directory().resolve(volume.name() + ".img");
    }

    private FileDevice open(UnitConfig.Volume volume, UnitState.Entry entry, EventLoop loop) throws IOException {
        Identity identity = new Identity(entry.uuid(), config.name() + "/" + volume.name());
        if (volume.device() != null) {
            return open(volume.device(), volume, identity, loop);
        }
        Path file = file(volume);
        FileDevice.Allocation allocation =
                volume.preallocate() ? FileDevice.Allocation.PREALLOCATED : FileDevice.Allocation.SPARSE;
        if (!Files.exists(file)) {
            FileDevice.create(file, volume.sizeBytes(), allocation);
        }
        long actualBytes = Files.size(file);
        if (actualBytes > volume.sizeBytes()) {
            throw new IOException(config.file() + ":" + volume.line() + ": the volume " + volume.name() + " has "
                    + actualBytes + " bytes already and is not made smaller; write that size or more");
        }
        FileDevice device = open(file, volume, identity, loop);
        if (actualBytes < volume.sizeBytes()) {
            grow(device, volume, allocation, loop);
        }
        return device;
    }

    private FileDevice open(Path path, UnitConfig.Volume volume, Identity identity, EventLoop loop) throws IOException {
        return volume.directIo()
                ? FileDevice.openDirect(path, volume.blockSizeBytes(), identity, loop, threads)
                : FileDevice.open(path, volume.blockSizeBytes(), identity, loop, threads);
    }

    private void grow(FileDevice device, UnitConfig.Volume volume, FileDevice.Allocation allocation, EventLoop loop)
            throws IOException {
        CountDownLatch done = new CountDownLatch(1);
        List<String> failures = new ArrayList<>();
        loop.execute(() -> device.grow(volume.sizeBytes() / volume.blockSizeBytes(), allocation, failure -> {
            if (failure != null) {
                failures.add(failure);
            }
            done.countDown();
        }));
        try {
            done.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (!failures.isEmpty()) {
            throw new IOException("the volume " + volume.name() + " cannot be extended: " + failures.getFirst());
        }
    }

    /** The UDP address of the agent; null: there is none. */
    public @Nullable InetSocketAddress agentAddress() {
        return agent == null ? null : agent.address();
    }

    /** The addresses really listened on. */
    public List<InetSocketAddress> addresses() {
        return server.addresses();
    }

    /** Stops: sessions end, what is under way finishes, files are closed. Blocks the caller, who is no event loop. */
    @Override
    public void close() {
        if (agent != null) {
            agent.close();
        }
        server.close();
        volumes.close();
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
        threads.close();
    }
}
