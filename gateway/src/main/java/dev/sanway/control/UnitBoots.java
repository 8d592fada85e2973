package dev.sanway.control;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.initiator.LunEvidence;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitBoot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers across this gateway's own end in which run of its machine a unit was given writes. A device finds out by itself that its
 * unit restarted; if the gateway ended at the same time nobody knows any more what was unflushed, so all of it counts as lost, unless
 * the gateway had flushed everything before it stopped.
 *
 * <p>Of another boot nothing is stored for a while: should this run end before everybody was told, the next one tells it again.
 * Confined to the control executor.
 */
final class UnitBoots {
    private static final Logger log = LoggerFactory.getLogger(UnitBoots.class);

    /** Initiators that were there before have come back by then, or gave up. */
    private static final long TELL_MINUTES = 10;

    private static final long FLUSH_SECONDS = 2;

    private final Catalog catalog;
    private final Executor control;
    private final Set<Sight> seen = new HashSet<>();
    /** Unit volumes of which not everybody has been told yet. */
    private final Set<UUID> telling = new HashSet<>();

    /** Each line of a unit has a device, and a ledger, of its own. */
    private record Sight(UUID label, int line) {}

    UnitBoots(Catalog catalog, Executor control) {
        this.catalog = catalog;
        this.control = control;
    }

    /** To be awaited before a device serves anybody. */
    CompletableFuture<Void> beforeServing(UUID label, int line, RemoteLogicalUnit device) {
        return CompletableFuture.supplyAsync(() -> bootId(device), device.owner())
                .thenComposeAsync(now -> judge(new Sight(label, line), device, now), control);
    }

    private static Optional<UUID> bootId(RemoteLogicalUnit device) {
        LunEvidence evidence = device.evidence();
        return evidence == null ? Optional.empty() : Optional.ofNullable(evidence.bootId());
    }

    private CompletableFuture<Void> judge(Sight sight, RemoteLogicalUnit device, Optional<UUID> now) {
        UnitBoot before = catalog.one(UnitBoot.KIND, sight.label().toString()).orElse(null);
        UnitBoot next = new UnitBoot(sight.label(), now.orElse(null), false);
        boolean first = seen.add(sight);
        if (next.equals(before)) {
            return CompletableFuture.completedFuture(null);
        }
        if (before == null || !before.mayHaveLost(next.bootId())) {
            return store(next);
        }
        telling.add(sight.label());
        CompletableFuture<Void> _ = CompletableFuture.supplyAsync(
                        () -> telling.remove(sight.label()),
                        CompletableFuture.delayedExecutor(TELL_MINUTES, TimeUnit.MINUTES, control))
                .thenCompose(_ -> store(next));
        if (!first) {
            return CompletableFuture.completedFuture(null); // it watched, and knows by itself
        }
        log.warn(
                "{}: its unit was restarted while this gateway was not there. What was not flushed before may be lost: hosts are"
                        + " told at their next flush",
                device.identity().name());
        return CompletableFuture.runAsync(device::presumeLost, device.owner());
    }

    private CompletableFuture<Void> store(UnitBoot boot) {
        return catalog.commit(
                        new Catalog.Batch().put(UnitBoot.KIND, boot.label().toString(), boot))
                .exceptionally(failure -> {
                    // Whoever keeps the store tells of it; a loss that comes now may go untold.
                    log.warn("that unit volume {} is in use could not be stored: {}", boot.label(), failure.toString());
                    return null;
                });
    }

    /** The gateway stops: if the unit volume can be flushed soon on each line, nothing of it can be lost from then on. */
    CompletableFuture<Void> flush(UUID label, Collection<RemoteLogicalUnit> devices) {
        List<CompletableFuture<BlockOutcome>> all = new ArrayList<>();
        for (RemoteLogicalUnit device : devices) {
            CompletableFuture<BlockOutcome> one = new CompletableFuture<>();
            all.add(one);
            device.owner().execute(() -> device.submit(new BlockRequest.Flush(0, 0), one::complete));
        }
        return CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]))
                .thenApply(_ ->
                        Optional.of(all.stream().map(CompletableFuture::join).toList()))
                .completeOnTimeout(Optional.empty(), FLUSH_SECONDS, TimeUnit.SECONDS)
                .thenComposeAsync(
                        outcomes -> outcomes.isEmpty()
                                ? CompletableFuture.completedFuture(null)
                                : flushed(label, outcomes.get()),
                        control);
    }

    private CompletableFuture<Void> flushed(UUID label, List<BlockOutcome> outcomes) {
        boolean lost = outcomes.stream()
                .anyMatch(outcome -> outcome instanceof BlockOutcome.Failed(BlockFailure.UnflushedWritesLost _));
        if (lost) {
            // It was for the hosts to hear: whoever serves the unit next presumes it again.
            return store(new UnitBoot(label, UUID.randomUUID(), false));
        }
        boolean all = outcomes.stream().allMatch(BlockOutcome.DONE::equals);
        return all && !telling.contains(label) ? ended(label) : CompletableFuture.completedFuture(null);
    }

    private CompletableFuture<Void> ended(UUID label) {
        UnitBoot before = catalog.one(UnitBoot.KIND, label.toString()).orElse(null);
        return before == null
                ? CompletableFuture.completedFuture(null)
                : store(new UnitBoot(label, before.bootId(), true));
    }
}
