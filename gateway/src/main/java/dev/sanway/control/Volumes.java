package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.Sizes;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Allocation;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import dev.sanway.target.lun.ReservationStore;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.Assignments.Assignment;
import dev.sanway.volume.Assignments.GrowthAnswer;
import dev.sanway.volume.LunDirectory;
import dev.sanway.volume.PartitionMoves;
import dev.sanway.volume.VolumeAssembler;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The volumes of a gateway, brought in line with what is declared: assigned partitions where they have none, assembled,
 * shown to their hosts under their LUNs, grown. What is declared no more is shown to nobody, and kept.
 *
 * <pre>
 *   declared ── partitions ──▶ record ── on the loop ──▶ assembled ── LUN stored ──▶ shown
 * </pre>
 *
 * Confined to the control executor.
 */
final class Volumes implements Assignments.Listener {

    /** How long a LUN that vanishes waits for what hosts have under way on it. */
    private static final long REMOVAL_MILLIS = 10_000;

    private static final int SHOW_AGAIN_SECONDS = 5;

    private final EventExecutor control;
    private final Catalog catalog;
    private final Assignments assignments;
    private final List<LunDirectory> directories;
    private final LoopPlan plan;
    /** Of the pool, as hosts of thin volumes are told; -1: not looked at yet. */
    final AtomicInteger spaceUsedPercent = new AtomicInteger(-1);

    private final HostTargets targets;
    private final ReservationStore reservations;
    private final Events events;
    private final Map<String, ServedVolume> volumes = new LinkedHashMap<>();
    private CompletableFuture<Void> serving = CompletableFuture.completedFuture(null);
    private @Nullable Backing backing;
    /** At the start: units are still on their way, and hosts that come back should find their volumes ready. */
    private boolean starting = true;

    Volumes(
            EventExecutor control,
            Catalog catalog,
            Assignments assignments,
            List<LunDirectory> directories,
            LoopPlan plan,
            HostTargets targets,
            Events events) {
        this.control = control;
        this.catalog = catalog;
        this.assignments = assignments;
        this.directories = List.copyOf(directories);
        this.plan = plan;
        this.targets = targets;
        this.reservations = new CatalogReservations(catalog);
        this.events = events;
    }

    /** Who makes room when the pool has none. */
    void backedBy(Backing source) {
        backing = source;
    }

    private String provide(ServedVolume volume, boolean growth) {
        GatewayConfig.Volume declared = volume.declared;
        VolumeRecord record = volume.record;
        return backing == null || declared == null
                ? ""
                : backing.provide(
                        volume.name,
                        new Allocation.Request(
                                record == null ? Partition.NO_UUID : record.uuid(),
                                declared.sizeBytes(),
                                record == null ? layout(declared) : record.layout(),
                                record == null ? declared.blockSizeBytes() : record.blockSizeBytes()),
                        growth);
    }

    Collection<ServedVolume> all() {
        return volumes.values();
    }

    @Nullable
    ServedVolume find(String name) {
        return volumes.get(name);
    }

    /**
     * Declares volumes anew. The hosts that they name are declared already.
     *
     * @return completes when every volume that has its partitions is shown to its hosts
     */
    CompletableFuture<Void> apply(List<GatewayConfig.Volume> declared) {
        volumes.values().forEach(volume -> volume.declared = null);
        for (GatewayConfig.Volume each : declared) {
            volumes.computeIfAbsent(each.name(), ServedVolume::new).declared = each;
        }
        // First what vanishes, so that numbers can be exchanged.
        volumes.values().forEach(this::hide);
        volumes.values().forEach(this::giveGrowthUp);
        volumes.values().removeIf(volume -> volume.declared == null && volume.record == null && !volume.asking);
        return CompletableFuture.allOf(volumes.values().stream()
                .map(this::serve)
                .filter(serving -> !serving.isDone() || serving.isCompletedExceptionally())
                .toArray(CompletableFuture<?>[]::new));
    }

    /** The file takes back a size that is not reached yet. */
    private void giveGrowthUp(ServedVolume volume) {
        VolumeRecord record = volume.record;
        VolumeRecord.Growth growth = record == null ? null : record.growth();
        GatewayConfig.Volume declared = volume.declared;
        if (record != null
                && growth != null
                && declared != null
                && declared.line() > 0
                && declared.sizeBytes() < growth.toBytes()) {
            assignments.cancelGrowth(record.uuid()).whenCompleteAsync((_, _) -> assignMissing(), control);
        }
    }

    private CompletableFuture<Void> serve(ServedVolume volume) {
        GatewayConfig.Volume declared = volume.declared;
        if (declared == null || volume.record == null || volume.deleting) {
            return CompletableFuture.completedFuture(null);
        }
        if (volume.unit != null) {
            return isShown(volume, declared) ? CompletableFuture.completedFuture(null) : show(volume);
        }
        return volume.assembling ? CompletableFuture.completedFuture(null) : assemble(volume, declared, volume.record);
    }

    /** Whether there is nothing to do for it, as for almost all when one of many is made. */
    private static boolean isShown(ServedVolume volume, GatewayConfig.Volume declared) {
        for (GatewayConfig.Attachment attachment : declared.attachments()) {
            Integer number = volume.shown.get(attachment.host());
            if (number == null || (attachment.lun() >= 0 && attachment.lun() != number)) {
                return false;
            }
        }
        return true;
    }

    /** Completes when every volume that was told of so far is shown. */
    CompletableFuture<Void> shown() {
        return serving;
    }

    // ---- partitions

    /** Those that need most units are served first. */
    void assignMissing() {
        volumes.values().stream()
                .filter(volume ->
                        volume.declared != null && !volume.asking && (volume.record == null || volume.wantsGrowth()))
                .sorted(Comparator.comparingInt(Volumes::unitsNeeded).reversed())
                .toList()
                .forEach(this::assign);
    }

    private static int unitsNeeded(ServedVolume volume) {
        return volume.declared != null && volume.declared.layout() instanceof GatewayConfig.Layout.Striped striped
                ? striped.width()
                : 1;
    }

    private void assign(ServedVolume volume) {
        GatewayConfig.Volume declared = Objects.requireNonNull(volume.declared);
        if (volume.record == null) {
            volume.asking = true;
            assignments
                    .assign(request(declared))
                    .whenCompleteAsync((assignment, failure) -> assigned(volume, assignment, failure), control);
        } else if (volume.wantsGrowth()) {
            volume.asking = true;
            assignments
                    .grow(volume.record.uuid(), declared.sizeBytes())
                    .whenCompleteAsync((answer, failure) -> growing(volume, answer, failure), control);
        }
    }

    static Assignments.VolumeRequest request(GatewayConfig.Volume declared) {
        int slash = declared.name().indexOf('/');
        return new Assignments.VolumeRequest(
                declared.name(),
                slash < 0 ? "" : declared.name().substring(0, slash),
                declared.sizeBytes(),
                declared.blockSizeBytes(),
                layout(declared));
    }

    static VolumeLayout layout(GatewayConfig.Volume declared) {
        return switch (declared.layout()) {
            case GatewayConfig.Layout.Linear _ -> new VolumeLayout.Linear();
            case GatewayConfig.Layout.Thin _ -> new VolumeLayout.Thin();
            case GatewayConfig.Layout.Striped(int width, int chunkBytes) -> new VolumeLayout.Striped(width, chunkBytes);
        };
    }

    private void assigned(ServedVolume volume, @Nullable Assignment assignment, @Nullable Throwable failure) {
        volume.asking = false;
        switch (assignment) {
            case Assignment.Made _ -> volume.refusal = null;
            case Assignment.Refused(String why) -> refused(volume, "no room yet: " + why + provide(volume, false));
            case null -> refused(volume, "no partitions: " + reason(failure));
        }
    }

    private void growing(ServedVolume volume, @Nullable GrowthAnswer answer, @Nullable Throwable failure) {
        volume.asking = false;
        switch (answer) {
            case GrowthAnswer.Accepted _ -> volume.refusal = null;
            case GrowthAnswer.Refused(String why) ->
                refused(volume, "does not grow yet: " + why + provide(volume, true));
            case null -> refused(volume, "does not grow: " + reason(failure));
        }
    }

    private static String reason(@Nullable Throwable failure) {
        return failure == null ? "unknown" : String.valueOf(failure.getMessage());
    }

    private void refused(ServedVolume volume, String why) {
        if (!why.equals(volume.refusal)) {
            volume.refusal = why;
            events.warning("volume " + volume.name, why);
        }
    }

    @Override
    public void volumeChanged(VolumeRecord record, PoolState pool, long partitionBytes) {
        if (!record.state().isLive()) {
            ServedVolume gone = volumes.get(record.name());
            if (gone != null && gone.record != null && gone.record.uuid().equals(record.uuid())) {
                forget(gone);
            }
            if (record.state() == VolumeRecord.State.RELEASED
                    && catalog.one(DeletedVolume.KIND, record.uuid().toString()).isPresent()) {
                events.info("volume " + record.name(), "was deleted, and can no longer be restored");
            }
            return;
        }
        ServedVolume volume = volumes.computeIfAbsent(record.name(), ServedVolume::new);
        VolumeRecord before = volume.record;
        volume.record = record;
        volume.partitionBytes = partitionBytes;
        news(before, record);
        if (before == null) {
            if (volume.declared == null && !madeByCommand(record.name())) {
                events.info(
                        "volume " + record.name(), "declared nowhere; its data are kept, and it is shown to no host");
            } else if (volume.declared != null && volume.declared.line() > 0) {
                differences(volume.declared, record);
            }
            serving = CompletableFuture.allOf(serving, serve(volume));
            return;
        }
        update(volume, record, pool, partitionBytes);
        if (record.growth() == null && volume.wantsGrowth() && !volume.asking) {
            assign(volume);
        }
    }

    private boolean madeByCommand(String name) {
        return catalog.madeVolume(name).isPresent();
    }

    /** Knows a volume by another name, which nobody has; it stays shown to its hosts. */
    boolean renaming(String name, String newName) {
        ServedVolume volume = volumes.remove(name);
        if (volume != null) {
            volume.name = newName;
            volumes.put(newName, volume);
        }
        return volume != null;
    }

    private void news(@Nullable VolumeRecord before, VolumeRecord now) {
        if (before == null) {
            return;
        }
        String subject = "volume " + now.name();
        if (before.state() == VolumeRecord.State.WIPING && now.state() == VolumeRecord.State.ASSIGNED) {
            events.info(subject, "wiped and assigned");
        }
        if (now.sizeBytes() > before.sizeBytes()) {
            events.info(subject, "has grown to " + Sizes.show(now.sizeBytes()));
        }
    }

    private void differences(GatewayConfig.Volume declared, VolumeRecord record) {
        String subject = "volume " + record.name();
        if (declared.sizeBytes() < record.sizeBytes()) {
            events.warning(
                    subject,
                    "line " + declared.line() + " wants " + Sizes.show(declared.sizeBytes())
                            + ", it has " + Sizes.show(record.sizeBytes())
                            + " and cannot shrink; what it has counts");
        }
        if (declared.blockSizeBytes() != record.blockSizeBytes()) {
            events.warning(
                    subject,
                    "line " + declared.line() + " wants blocks of " + declared.blockSizeBytes() + " bytes, it has "
                            + record.blockSizeBytes() + "; what it has counts");
        }
        if (!layout(declared).equals(record.layout())) {
            events.warning(
                    subject,
                    "line " + declared.line() + " wants " + layout(declared).describe() + ", it is "
                            + record.layout().describe() + "; what it is counts");
        }
    }

    private static void update(ServedVolume volume, VolumeRecord record, PoolState pool, long partitionBytes) {
        LunDirectory directory = volume.directory;
        VolumeAssembler.Assembled assembled = volume.assembled;
        if (directory != null && assembled != null) {
            directory.loop().execute(() -> assembled.update(record, pool, partitionBytes));
        }
    }

    /**
     * Takes a volume that is declared no more from its hosts for good: what they have under way on it ends, then it is put
     * aside, or erased and given up. Nothing of it is under way any more when its partitions become free.
     */
    CompletableFuture<Void> delete(ServedVolume volume, VolumeRecord record, boolean erase) {
        if (volume.deleting) {
            return CompletableFuture.completedFuture(null);
        }
        volume.deleting = true;
        hideFrom(volume, List.copyOf(volume.shown.keySet()));
        CompletableFuture<Void> drained = new CompletableFuture<>();
        LogicalUnit unit = volume.unit;
        VolumeAssembler.Assembled assembled = volume.assembled;
        if (unit == null || assembled == null) {
            drained.complete(null);
        } else {
            unit.close();
            unit.device().owner().execute(() -> assembled.close(() -> drained.complete(null)));
        }
        return drained.thenComposeAsync(_ -> assignments.cancelGrowth(record.uuid()), control)
                .thenComposeAsync(
                        _ -> erase
                                ? assignments.deletions().erase(record.uuid())
                                : assignments.deletions().delete(record.uuid()),
                        control)
                .thenRunAsync(this::assignMissing, control)
                .thenApply(_ -> null);
    }

    /** It was given up: nobody sees it any more, and its name may be taken again. */
    private void forget(ServedVolume volume) {
        volume.record = null;
        hideFrom(volume, List.copyOf(volume.shown.keySet()));
        volumes.remove(volume.name, volume);
        events.info("volume " + volume.name, "deleted, and shown to nobody");
    }

    // ---- serving

    /** Where a volume is served, for those who move its partitions. */
    PartitionMoves.Place placeOf(UUID volume) {
        for (ServedVolume each : volumes.values()) {
            if (each.record != null && each.record.uuid().equals(volume)) {
                VolumeAssembler.Assembled assembled = each.assembled;
                LunDirectory directory = each.directory;
                if (each.assembling || each.deleting) {
                    return new PartitionMoves.Place.SettingUp();
                }
                if (assembled != null && directory != null) {
                    return new PartitionMoves.Place.Served(assembled, directory);
                }
            }
        }
        return new PartitionMoves.Place.Unserved(directories.getFirst());
    }

    private CompletableFuture<Void> assemble(ServedVolume volume, GatewayConfig.Volume declared, VolumeRecord record) {
        LunDirectory directory =
                directories.get(plan.loopOf(declared.attachments().getFirst().host()));
        volume.assembling = true;
        boolean patient = starting && record.state() == VolumeRecord.State.ASSIGNED;
        return assignments
                .moves()
                .beforeServing(record.uuid())
                .thenApplyAsync(_ -> assignments.pool(), control)
                .thenAcceptAsync(
                        pool -> {
                            VolumeAssembler.Assembled made =
                                    VolumeAssembler.assemble(record, pool, directory, assignments.slabs());
                            LogicalUnit unit = new LogicalUnit(
                                    made.device(),
                                    LogicalUnitConfig.volume(
                                                    record.uuid(), record.layout() instanceof VolumeLayout.Thin)
                                            .withSpaceUsed(spaceUsedPercent::get),
                                    reservations);
                            unit.starting(patient);
                            control.execute(() -> {
                                volume.directory = directory;
                                volume.assembled = made;
                                volume.unit = unit;
                            });
                        },
                        directory.loop())
                .thenComposeAsync(
                        _ -> {
                            volume.assembling = false;
                            LogicalUnit unit = volume.unit;
                            if (patient && !starting && unit != null) {
                                // The start ended meanwhile.
                                unit.device().owner().execute(() -> unit.starting(false));
                            }
                            VolumeRecord now = volume.record;
                            if (now != null && !now.equals(record)) {
                                update(volume, now, assignments.pool(), volume.partitionBytes);
                            }
                            return show(volume);
                        },
                        control);
    }

    /** The units had their time: a volume of which nothing is there now says so to whoever asks whether it is ready. */
    void startIsOver() {
        if (!starting) {
            return;
        }
        starting = false;
        for (ServedVolume volume : volumes.values()) {
            LogicalUnit unit = volume.unit;
            if (unit != null) {
                unit.device().owner().execute(() -> unit.starting(false));
            }
        }
    }

    /** Chooses a LUN for each host, stores them, and shows the volume. */
    private CompletableFuture<Void> show(ServedVolume volume) {
        GatewayConfig.Volume declared = volume.declared;
        VolumeRecord record = volume.record;
        if (declared == null || record == null) {
            return CompletableFuture.completedFuture(null);
        }
        Catalog.Batch batch = new Catalog.Batch();
        boolean changed = false;
        for (GatewayConfig.Attachment attachment : declared.attachments()) {
            int number = number(volume, record, attachment);
            volume.numbers.put(attachment.host(), number);
            if (catalog.lun(attachment.host(), record.uuid()).orElse(-1) != number) {
                batch.putLun(attachment.host(), record.uuid(), number);
                changed = true;
            }
        }
        CompletableFuture<Void> stored = changed ? catalog.commit(batch) : CompletableFuture.completedFuture(null);
        return stored.handleAsync(
                (_, failure) -> {
                    if (failure != null) {
                        control.schedule(() -> show(volume), SHOW_AGAIN_SECONDS, TimeUnit.SECONDS);
                        events.warning(
                                "volume " + volume.name, "not shown yet: its LUN was not stored: " + reason(failure));
                    } else {
                        showNow(volume);
                    }
                    return null;
                },
                control);
    }

    private void showNow(ServedVolume volume) {
        GatewayConfig.Volume declared = volume.declared;
        LogicalUnit unit = volume.unit;
        if (declared == null || unit == null || volume.deleting) {
            return;
        }
        for (GatewayConfig.Attachment attachment : declared.attachments()) {
            HostTarget target = targets.target(attachment.host());
            Integer number = volume.numbers.get(attachment.host());
            if (target == null || number == null || unit.equals(target.units().get(number))) {
                continue;
            }
            if (target.units().containsKey(number)) {
                events.warning(
                        "volume " + volume.name,
                        "not shown to host " + attachment.host() + ": its LUN " + number
                                + " is taken; give it another one with \"lun\"");
                continue;
            }
            target.add(number, unit);
            volume.shown.put(attachment.host(), number);
            events.info("volume " + volume.name, "shown to host " + attachment.host() + " as LUN " + number);
        }
    }

    /** As declared, or as laid down before if nobody took it meanwhile, or the lowest free. */
    private int number(ServedVolume volume, VolumeRecord record, GatewayConfig.Attachment attachment) {
        if (attachment.lun() >= 0) {
            return attachment.lun();
        }
        Set<Integer> taken = taken(volume, attachment.host());
        Optional<Integer> kept = catalog.lun(attachment.host(), record.uuid()).filter(lun -> !taken.contains(lun));
        if (kept.isPresent()) {
            return kept.get();
        }
        // Those of volumes that are kept though declared nowhere are left alone, too: they may return.
        catalog.lunsOf(attachment.host()).forEach((other, lun) -> {
            if (!other.equals(record.uuid())
                    && catalog.volume(other).filter(it -> it.state().isLive()).isPresent()) {
                taken.add(lun);
            }
        });
        int lun = 0;
        while (taken.contains(lun)) {
            lun++;
        }
        return lun;
    }

    private Set<Integer> taken(ServedVolume but, String host) {
        Set<Integer> taken = new HashSet<>();
        for (ServedVolume other : volumes.values()) {
            if (other == but || other.declared == null) {
                continue;
            }
            for (GatewayConfig.Attachment attachment : other.declared.attachments()) {
                if (attachment.host().equals(host)) {
                    taken.add(attachment.lun());
                    Integer chosen = other.numbers.get(host);
                    if (chosen != null) {
                        taken.add(chosen);
                    } else if (other.record != null) {
                        catalog.lun(host, other.record.uuid()).ifPresent(taken::add);
                    }
                }
            }
        }
        return taken;
    }

    /** Takes a volume from the hosts that are to see it no more, or under another number. */
    private void hide(ServedVolume volume) {
        List<String> from = new ArrayList<>();
        volume.shown.forEach((host, number) -> {
            if (!wants(volume.declared, host, number) || targets.target(host) == null) {
                from.add(host);
            }
        });
        hideFrom(volume, from);
    }

    private static boolean wants(GatewayConfig.@Nullable Volume declared, String host, int number) {
        if (declared != null) {
            for (GatewayConfig.Attachment attachment : declared.attachments()) {
                if (attachment.host().equals(host)) {
                    return attachment.lun() < 0 || attachment.lun() == number;
                }
            }
        }
        return false;
    }

    private void hideFrom(ServedVolume volume, List<String> hosts) {
        for (String host : hosts) {
            Integer number = volume.shown.remove(host);
            volume.numbers.remove(host);
            HostTarget target = targets.target(host);
            if (number != null && target != null) {
                target.remove(number, REMOVAL_MILLIS, _ -> {});
                events.info("volume " + volume.name, "no longer LUN " + number + " of host " + host);
            }
        }
    }
}
