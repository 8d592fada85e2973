package dev.sanway.unit;

import dev.sanway.autoconfig.LocalAddresses;
import dev.sanway.autoconfig.Message;
import dev.sanway.autoconfig.UnitAgent;
import dev.sanway.autoconfig.UnitTable;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.IoThreads;
import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.Limits;
import dev.sanway.config.UnitConfig;
import dev.sanway.file.OwnFiles;
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
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
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
    private @Nullable DeclaredVolumes declared;
    private final TargetServer server;
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
        OwnFiles.tighten(config.directory());
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
            this.declared = new DeclaredVolumes(config, state, volumes, threads, loops::next);
            declared.open();
            RequestedVolumes requested =
                    new RequestedVolumes(config.directory(), config.name(), volumes, threads, loops::next);
            table = table.found(requested.open(requestedIn(table)));
            catalog.replace(List.of(new IscsiTarget(config.iqn(), policy(config.access()), target, loopsOfUnits())));
            server.listen(config.portals());
            if (config.autoConfig() != null) {
                this.agent = agent(config.autoConfig(), state, table, tableFile, requested, declared);
            }
            Agent running = agent;
            declared.lookAgain(running == null ? _ -> {} : running::declare);
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
            RequestedVolumes requested,
            DeclaredVolumes declared)
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
                        capacityBytes(declared),
                        reserved,
                        auto.control(),
                        LocalAddresses.believed(auto.listen())),
                table,
                declared.stored(),
                tableFile,
                requested);
    }

    /** What all volumes may have together: whole disks count as what they are; without a limit nothing is made on request. */
    private long capacityBytes(DeclaredVolumes declared) {
        long files = config.capacityBytes() != Long.MAX_VALUE
                ? config.capacityBytes()
                : declared.stored().stream()
                                .mapToLong(Message.StoredVolume::sizeBytes)
                                .sum()
                        - declared.deviceBytes();
        return files + declared.deviceBytes();
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
            state.volumes()
                    .put(
                            volume.name(),
                            new UnitState.Entry(
                                    uuid, lun, volume.blockSizeBytes(), before == null ? 0 : before.sizeBytes()));
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

    /** The UDP address of the agent; null: there is none. */
    public @Nullable InetSocketAddress agentAddress() {
        return agent == null ? null : agent.address();
    }

    /** The LUNs that are served now, in order. */
    public List<Integer> luns() {
        return volumes.luns();
    }

    /** The addresses really listened on. */
    public List<InetSocketAddress> addresses() {
        return server.addresses();
    }

    /** Stops: sessions end, what is under way finishes, files are closed. Blocks the caller, who is no event loop. */
    @Override
    public void close() {
        if (declared != null) {
            declared.close();
        }
        if (agent != null) {
            agent.close();
        }
        server.close();
        volumes.close();
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
        threads.close();
    }
}
