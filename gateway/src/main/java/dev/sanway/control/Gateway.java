package dev.sanway.control;

import dev.sanway.config.Access;
import dev.sanway.config.ChapConfig;
import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.AttachmentView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.PartitionView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.UnitLunView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.iscsi.Transport;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.MetadataException;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.target.IscsiTarget;
import dev.sanway.target.LoginPolicy;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetLimits;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.Assignments.Admission;
import dev.sanway.volume.Assignments.Assignment;
import dev.sanway.volume.LunDirectory;
import dev.sanway.volume.VolumeAssembler;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.DefaultEventExecutor;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running gateway: units on one side, hosts' targets on the other, volumes between them, and the REST API beside.
 *
 * <p>Its own state belongs to the control executor; the data path runs on the event loops and never waits for it.
 */
public final class Gateway implements AutoCloseable, Views.Source, Operations {

    private static final Logger log = LoggerFactory.getLogger(Gateway.class);

    private static final int ANSWER_SECONDS = 10;
    private static final int STOP_SECONDS = 5;

    /** How long units are awaited at start. */
    private static final int UNITS_SECONDS = 5;

    private final GatewayConfig config;
    private final Catalog catalog;
    private final EventExecutor control = new DefaultEventExecutor(new DefaultThreadFactory("sanway-control", true));
    private final EventLoopGroup loops;
    private final List<LunDirectory> directories = new ArrayList<>();
    private final Assignments assignments;
    private final CatalogReservations reservations;
    private final Map<String, HostTarget> targets = new LinkedHashMap<>();
    private final Map<String, ServedVolume> volumes = new LinkedHashMap<>();
    private final List<UnitLink> links = new ArrayList<>();
    private final LoopPlan plan;
    private final TargetServer server;
    private final List<CompletableFuture<?>> shown = new ArrayList<>();
    private boolean unitsAwaited = true;
    private Runnable attached = () -> {};
    private @Nullable ApiServer api;

    /**
     * Starts a gateway. Blocks the caller.
     *
     * @throws IOException if it cannot start, with a line that says why; then nothing is served
     */
    public Gateway(GatewayConfig config) throws IOException {
        this.config = config;
        Files.createDirectories(config.stateDirectory());
        try {
            this.catalog = Catalog.open(config.stateDirectory());
        } catch (MetadataException e) {
            throw new IOException(e.getMessage(), e);
        }
        this.loops = Transport.newGroup("sanway-loop", config.eventLoops());
        List<EventLoop> all = new ArrayList<>();
        for (int i = 0; i < config.eventLoops(); i++) {
            all.add(loops.next());
            directories.add(new LunDirectory(all.get(i), config.unitTimeout().toMillis()));
        }
        this.assignments = new Assignments(catalog, control);
        this.reservations = new CatalogReservations(catalog);
        this.plan = new LoopPlan(config, config.eventLoops());
        TargetCatalog targetCatalog = new TargetCatalog(config.portals());
        this.server = new TargetServer(loops, targetCatalog, TargetLimits.defaults());
        boolean started = false;
        try {
            targetCatalog.replace(hostTargets(all));
            config.volumes().forEach(volume -> volumes.put(volume.name(), new ServedVolume(volume)));
            for (GatewayConfig.Unit unit : config.units()) {
                links.add(new UnitLink(config, unit, catalog, assignments, control, directories, this::poolChanged));
            }
            assignments.listen(this::volumeChanged).get(ANSWER_SECONDS, TimeUnit.SECONDS);
            CompletableFuture<Void> unitsSeen = new CompletableFuture<>();
            control.execute(() -> {
                attached = () -> unitsSeen.complete(null);
                links.forEach(UnitLink::start);
                poolChanged();
            });
            control.schedule(this::awaitNoLonger, UNITS_SECONDS, TimeUnit.SECONDS);
            this.api = new ApiServer(
                    config.management(),
                    ApiCredentials.open(
                            config.stateDirectory(), config.management().getAddress()),
                    this,
                    this);
            // A host that comes back finds its LUNs there, and the units behind them if they can be reached.
            unitsSeen.get(UNITS_SECONDS + ANSWER_SECONDS, TimeUnit.SECONDS);
            onControl(() -> CompletableFuture.allOf(shown.toArray(new CompletableFuture<?>[0])))
                    .get(ANSWER_SECONDS, TimeUnit.SECONDS);
            server.listen(config.portals());
            started = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } catch (GeneralSecurityException | ExecutionException | TimeoutException e) {
            throw new IOException("the gateway cannot start: " + e.getMessage(), e);
        } finally {
            if (!started) {
                close();
            }
        }
    }

    private List<IscsiTarget> hostTargets(List<EventLoop> all) {
        List<IscsiTarget> made = new ArrayList<>();
        for (GatewayConfig.Host host : config.hosts()) {
            if (host.access().initiators().contains("*")) {
                log.warn("host {}: any initiator may log in (initiators: [\"*\"])", host.name());
            }
            HostTarget target = new HostTarget(host.target(), List.of(TargetServer.PORTAL_GROUP_TAG));
            targets.put(host.name(), target);
            made.add(new IscsiTarget(host.target(), policy(host.access()), target, all.get(plan.loopOf(host.name()))));
        }
        return made;
    }

    private static LoginPolicy policy(Access access) {
        ChapConfig chap = access.chap();
        return new LoginPolicy(
                Set.copyOf(access.initiators()),
                chap == null
                        ? null
                        : new LoginPolicy.ChapCredentials(
                                chap.user(),
                                chap.secret().bytes(),
                                chap.mutualUser(),
                                chap.mutualSecret() == null
                                        ? null
                                        : chap.mutualSecret().bytes()));
    }

    // ---- volumes; on the control executor

    /**
     * Volumes that have no partitions yet ask again: whenever a LUN came into the pool, but at start not before every unit was
     * looked at or the time for that is over, so that the first unit to answer does not get everything. Those that need most
     * units are served first.
     */
    private void poolChanged() {
        if (!unitsAwaited || links.stream().allMatch(UnitLink::settled)) {
            unitsAwaited = false;
            volumes.values().stream()
                    .sorted(Comparator.comparingInt(Gateway::unitsNeeded).reversed())
                    .forEach(this::assign);
            attached.run();
        }
    }

    private void awaitNoLonger() {
        unitsAwaited = false;
        poolChanged();
    }

    private static int unitsNeeded(ServedVolume volume) {
        return volume.declared.layout() instanceof GatewayConfig.Layout.Striped striped ? striped.width() : 1;
    }

    private void assign(ServedVolume volume) {
        if (!volume.hasPartitions() && !volume.asking) {
            volume.asking = true;
            assignments
                    .assign(request(volume.declared))
                    .whenCompleteAsync((assignment, failure) -> assigned(volume, assignment, failure), control);
        }
    }

    private static Assignments.VolumeRequest request(GatewayConfig.Volume declared) {
        int slash = declared.name().indexOf('/');
        return new Assignments.VolumeRequest(
                declared.name(),
                slash < 0 ? "" : declared.name().substring(0, slash),
                declared.sizeBytes(),
                declared.blockSizeBytes(),
                switch (declared.layout()) {
                    case GatewayConfig.Layout.Linear _ -> new VolumeLayout.Linear();
                    case GatewayConfig.Layout.Striped(int width, int chunkBytes) ->
                        new VolumeLayout.Striped(width, chunkBytes);
                });
    }

    private void assigned(ServedVolume volume, @Nullable Assignment assignment, @Nullable Throwable failure) {
        volume.asking = false;
        switch (assignment) {
            case Assignment.Made made -> {
                volume.refusal = null;
                for (String difference : made.differences()) {
                    log.warn(
                            "{}:{}: volume {}: {}; what is kept counts",
                            config.file(),
                            volume.declared.line(),
                            volume.declared.name(),
                            difference);
                }
            }
            case Assignment.Refused(String why) -> refused(volume, why);
            case null -> refused(volume, failure == null ? "unknown" : String.valueOf(failure.getMessage()));
        }
    }

    private static void refused(ServedVolume volume, String why) {
        if (!why.equals(volume.refusal)) {
            volume.refusal = why;
            log.warn("no room yet for volume {}", why);
        }
    }

    private void volumeChanged(VolumeRecord record, long partitionBytes) {
        ServedVolume volume = volumes.get(record.name());
        if (volume == null) {
            if (record.state() != VolumeRecord.State.RELEASED) {
                log.info(
                        "volume {} is not in {} any more; it is kept, and shown to no host",
                        record.name(),
                        config.file());
            }
            return;
        }
        boolean first = volume.record == null;
        volume.record = record;
        volume.partitionBytes = partitionBytes;
        LunDirectory directory = directories.get(
                plan.loopOf(volume.declared.attachments().getFirst().host()));
        if (!first) {
            directory.loop().execute(() -> {
                VolumeAssembler.Assembled assembled = volume.assembled;
                if (assembled != null) {
                    assembled.update(record, partitionBytes);
                }
            });
            return;
        }
        PoolState pool = assignments.pool();
        CompletableFuture<List<Integer>> numbers = lunNumbers(volume, record);
        CompletableFuture<Void> done = new CompletableFuture<>();
        shown.add(done);
        directory.loop().execute(() -> {
            VolumeAssembler.Assembled assembled = VolumeAssembler.assemble(record, pool, directory);
            volume.assembled = assembled;
            LogicalUnit unit =
                    new LogicalUnit(assembled.device(), LogicalUnitConfig.volume(record.uuid(), false), reservations);
            if (!assembled.ready()) {
                unit.startsNotReady("its units are not all reachable, or it is being set up");
            }
            numbers.whenCompleteAsync(
                    (luns, failure) -> {
                        show(volume, unit, luns, failure);
                        done.complete(null);
                    },
                    control);
        });
    }

    private void show(
            ServedVolume volume, LogicalUnit unit, @Nullable List<Integer> luns, @Nullable Throwable failure) {
        if (luns == null) {
            log.error("volume {} cannot be shown: its LUN was not stored", volume.declared.name(), failure);
            return;
        }
        volume.unit = unit;
        for (int i = 0; i < luns.size(); i++) {
            GatewayConfig.Attachment attachment = volume.declared.attachments().get(i);
            HostTarget target = targets.get(attachment.host());
            if (target != null) {
                target.add(luns.get(i), unit);
            }
        }
        log.info("volume {} is shown to its hosts", volume.declared.name());
    }

    /** The LUN of each attachment: as declared, or as laid down before, or the lowest free, which is laid down now. */
    private CompletableFuture<List<Integer>> lunNumbers(ServedVolume volume, VolumeRecord record) {
        List<Integer> numbers = new ArrayList<>();
        Catalog.Batch batch = new Catalog.Batch();
        boolean changed = false;
        for (GatewayConfig.Attachment attachment : volume.declared.attachments()) {
            Optional<Integer> kept = catalog.lun(attachment.host(), record.uuid());
            int lun = attachment.lun() >= 0 ? attachment.lun() : kept.orElseGet(() -> lowestFree(attachment.host()));
            numbers.add(lun);
            if (kept.isEmpty() || kept.get() != lun) {
                batch.putLun(attachment.host(), record.uuid(), lun);
                changed = true;
            }
        }
        return changed ? catalog.commit(batch).thenApply(_ -> numbers) : CompletableFuture.completedFuture(numbers);
    }

    private int lowestFree(String host) {
        Set<Integer> taken = new java.util.HashSet<>();
        for (ServedVolume volume : volumes.values()) {
            for (GatewayConfig.Attachment attachment : volume.declared.attachments()) {
                if (attachment.host().equals(host)) {
                    taken.add(attachment.lun());
                    VolumeRecord record = volume.record;
                    if (record != null) {
                        catalog.lun(host, record.uuid()).ifPresent(taken::add);
                    }
                }
            }
        }
        HostTarget target = targets.get(host);
        if (target != null) {
            taken.addAll(target.units().keySet());
        }
        int lun = 0;
        while (taken.contains(lun)) {
            lun++;
        }
        return lun;
    }

    // ---- what operators do; any thread but the control executor's

    @Override
    public UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal {
        UnitLink link = links.stream()
                .filter(each -> each.name().equals(unit))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown("there is no unit " + unit + "; units: "
                        + links.stream().map(UnitLink::name).toList()));
        Admission admission = await(onControl(() -> link.adopt(lun, erase)));
        if (admission instanceof Admission.Refused(String why)) {
            throw ApiRefusal.conflict(unit + " lun " + lun + ": " + why);
        }
        return onControl(() -> link.view().luns().stream()
                .filter(view -> view.lun() == lun)
                .findFirst()
                .orElseThrow());
    }

    private static <T> T await(CompletableFuture<T> future) {
        try {
            return future.get(ANSWER_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("no answer in time", e);
        }
    }

    // ---- what operators see; any thread but the control executor's

    private <T> T onControl(Supplier<T> question) {
        return await(CompletableFuture.supplyAsync(question, control));
    }

    @Override
    public List<VolumeView> volumes() {
        return onControl(() -> volumes.values().stream().map(this::view).toList());
    }

    private VolumeView view(ServedVolume volume) {
        GatewayConfig.Volume declared = volume.declared;
        VolumeRecord record = volume.record;
        VolumeLayout layout = record == null ? request(declared).layout() : record.layout();
        List<AttachmentView> hosts = new ArrayList<>();
        for (GatewayConfig.Attachment attachment : declared.attachments()) {
            HostTarget target = targets.get(attachment.host());
            int lun = record == null
                    ? attachment.lun()
                    : catalog.lun(attachment.host(), record.uuid()).orElse(attachment.lun());
            hosts.add(new AttachmentView(attachment.host(), target == null ? "" : target.name(), lun));
        }
        PoolState pool = assignments.pool();
        String state = "notReady";
        String detail = null;
        if (record == null) {
            detail = volume.refusal == null ? "no partitions assigned yet" : volume.refusal;
        } else if (record.state() == VolumeRecord.State.WIPING) {
            state = "wiping";
            detail = volume.partitionBytes == 0 ? null : 100 * record.wipedBytes() / volume.partitionBytes + " %";
        } else {
            List<String> absent = absent(pool, record);
            if (absent.isEmpty()) {
                state = volume.unit == null ? "notReady" : "ready";
            } else {
                detail = "not there: " + String.join(", ", absent);
            }
        }
        return new VolumeView(
                declared.name(),
                record == null ? Partition.NO_UUID : record.uuid(),
                record == null ? declared.sizeBytes() : record.sizeBytes(),
                record == null ? declared.blockSizeBytes() : record.blockSizeBytes(),
                layout instanceof VolumeLayout.Striped ? "striped" : "linear",
                layout instanceof VolumeLayout.Striped striped ? striped.width() : 1,
                layout instanceof VolumeLayout.Striped striped ? striped.chunkBytes() : 0,
                state,
                detail,
                hosts,
                record == null
                        ? List.of()
                        : pool.partitionsOf(record.uuid()).stream()
                                .map(partition -> view(pool, partition))
                                .toList());
    }

    private List<String> absent(PoolState pool, VolumeRecord record) {
        List<String> absent = new ArrayList<>();
        for (Partition partition : pool.partitionsOf(record.uuid())) {
            UnitVolume on = pool.unitVolumes().get(partition.unitVolume());
            boolean online = on != null && links.stream().anyMatch(link -> link.serves(on.label()));
            if (!online) {
                String where = on == null
                        ? "unknown"
                        : on.where()
                                + links.stream()
                                        .flatMap(link -> link.refusal(on).stream())
                                        .findFirst()
                                        .map(why -> " (" + why + ")")
                                        .orElse("");
                if (!absent.contains(where)) {
                    absent.add(where);
                }
            }
        }
        return absent;
    }

    private PartitionView view(PoolState pool, Partition partition) {
        UnitVolume on = pool.unitVolumes().get(partition.unitVolume());
        String owner = partition.owner() == null
                ? null
                : catalog.volume(partition.owner().volume())
                        .map(VolumeRecord::name)
                        .orElse(partition.owner().volume().toString());
        return new PartitionView(
                partition.uuid(),
                on == null ? "" : on.unit(),
                on == null ? -1 : (int) on.lun(),
                partition.startBytes(),
                partition.lengthBytes(),
                partition.state().name().toLowerCase(java.util.Locale.ROOT),
                owner);
    }

    @Override
    public List<PartitionView> partitions() {
        PoolState pool = assignments.pool();
        return pool.unitVolumes().keySet().stream()
                .flatMap(label -> pool.picture(label).stream())
                .map(partition -> view(pool, partition))
                .sorted(Comparator.comparing(PartitionView::unit)
                        .thenComparingInt(PartitionView::lun)
                        .thenComparingLong(PartitionView::startBytes))
                .toList();
    }

    @Override
    public List<UnitView> units() {
        return onControl(() -> links.stream().map(UnitLink::view).toList());
    }

    @Override
    public List<SessionView> sessions() {
        Map<String, String> hostOf = new LinkedHashMap<>();
        config.hosts().forEach(host -> hostOf.put(host.target(), host.name()));
        return server.sessions().stream()
                .map(session -> new SessionView(
                        hostOf.getOrDefault(session.target(), session.target()),
                        session.initiator(),
                        session.remoteAddress(),
                        session.since(),
                        session.commands(),
                        session.readBytes(),
                        session.writtenBytes()))
                .toList();
    }

    @Override
    public List<HostView> hosts() {
        return config.hosts().stream()
                .map(host -> new HostView(
                        host.name(),
                        host.target(),
                        host.access().initiators(),
                        host.access().chap() != null))
                .toList();
    }

    // ---- the end

    /** Stops: hosts' sessions end, what is under way finishes, units are logged out of. Blocks the caller. */
    @Override
    public void close() {
        ApiServer serving = api;
        if (serving != null) {
            serving.close();
        }
        server.close();
        try {
            onControl(() -> CompletableFuture.allOf(
                            links.stream().map(UnitLink::close).toArray(CompletableFuture<?>[]::new)))
                    .get(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            log.warn("not logged out of every unit within {} s", STOP_SECONDS);
        }
        assignments.close();
        loops.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
        control.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS).awaitUninterruptibly();
        catalog.close();
    }
}
