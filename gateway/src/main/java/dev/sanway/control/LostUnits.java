package dev.sanway.control;

import dev.sanway.autoconfig.Message.Admission;
import dev.sanway.autoconfig.UnitView.Status;
import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.LossView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitStanding;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.volume.Assignments;
import dev.sanway.volume.Loss;
import dev.sanway.volume.Losses;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Units that are gone for good, with what lay on them (docs/adr/0012). Volumes that hosts have are never given up here, and deleted ones
 * only if whoever asks has named them. Any thread but the control executor's and the event loops.
 */
final class LostUnits {

    /** How long moves may take to end, and then how long a command waits for the unit to be out; it goes there all the same. */
    private static final int SETTLE_SECONDS = 5;

    private static final int REMOVAL_SECONDS = 4;

    /** One that may be given up: {@code known} is null for one without an agent. */
    private record Gone(String name, AgentUnits.@Nullable Known known, List<UUID> labels) {}

    private final ControlThread control;
    private final AgentUnits agents;
    private final Map<String, UnitLink> links;
    private final Standings standings;
    private final UnitRemovals removals;
    private final Assignments assignments;
    private final Losses losses;
    private final Tasks tasks;
    private final Events events;
    private final Views.Source views;
    private final Supplier<GatewayConfig> declared;
    private final Function<String, CompletableFuture<Void>> relink;

    /**
     * @param declared what is declared now
     * @param relink logs out of a unit that gateway.yaml declares and looks at it as at a new one; on the control executor
     */
    LostUnits(
            ControlThread control,
            AgentUnits agents,
            Map<String, UnitLink> links,
            Standings standings,
            UnitRemovals removals,
            Assignments assignments,
            Tasks tasks,
            Events events,
            Views.Source views,
            Supplier<GatewayConfig> declared,
            Function<String, CompletableFuture<Void>> relink) {
        this.control = control;
        this.agents = agents;
        this.links = links;
        this.standings = standings;
        this.removals = removals;
        this.assignments = assignments;
        this.losses = assignments.losses();
        this.tasks = tasks;
        this.events = events;
        this.views = views;
        this.declared = declared;
        this.relink = relink;
    }

    /** What can be restored no more once a unit is given up; refused if it cannot be. */
    LossView weigh(String unit) throws ApiRefusal {
        record Weighed(String name, Loss loss) {}
        Weighed weighed = control.tryLater(() -> {
            Gone gone = gone(unit);
            return CompletableFuture.completedFuture(new Weighed(gone.name(), bearable(gone)));
        });
        Set<UUID> restorable =
                weighed.loss().restorable().stream().map(VolumeRecord::uuid).collect(Collectors.toSet());
        return new LossView(
                weighed.name(),
                views.deletedVolumes().stream()
                        .filter(volume -> restorable.contains(volume.uuid()))
                        .toList(),
                weighed.loss().erasing().stream().map(VolumeRecord::name).toList());
    }

    /**
     * Gives a unit up.
     *
     * @param volumes the deleted volumes that may be given up with it
     */
    UnitView giveUp(String unit, List<UUID> volumes) throws ApiRefusal {
        UnitView before = UnitRoutes.find(views, unit);
        Set<UUID> agreed = new HashSet<>(volumes);
        control.tryLater(() -> {
            Gone gone = gone(unit);
            refuseUnlessAgreed(gone, bearable(gone), agreed);
            if (losses.leaves(gone.labels())) {
                throw ApiRefusal.conflict("unit " + gone.name() + " is being given up already; ask again in a moment");
            }
            return losses.leave(gone.labels())
                    .orTimeout(SETTLE_SECONDS, TimeUnit.SECONDS)
                    .handleAsync((_, _) -> settled(unit, gone, agreed), control.executor())
                    .thenCompose(done -> done)
                    .completeOnTimeout(null, SETTLE_SECONDS + REMOVAL_SECONDS, TimeUnit.SECONDS);
        });
        return views.units().stream()
                .filter(view -> view.name().equals(before.name()))
                .findFirst()
                .orElse(before);
    }

    /** Looks once more: moves have ended meanwhile, and somebody may have made, deleted or restored something. */
    private CompletableFuture<Void> settled(String unit, Gone gone, Set<UUID> agreed) {
        try {
            refuseUnlessAgreed(gone(unit), bearable(gone), agreed);
        } catch (ApiRefusal refused) {
            losses.stay(gone.labels());
            return CompletableFuture.failedFuture(refused);
        }
        return begin(gone);
    }

    private CompletableFuture<Void> begin(Gone gone) {
        AgentUnits.Known known = gone.known();
        Function<Catalog.Batch, CompletableFuture<Void>> giveUp =
                batch -> losses.giveUp(gone.name(), gone.labels(), batch);
        CompletableFuture<Void> done = known != null
                ? removals.lose(known, giveUp)
                : giveUp.apply(new Catalog.Batch())
                        .thenComposeAsync(
                                _ -> {
                                    events.warning("unit " + gone.name(), "was given up as lost");
                                    return relink.apply(gone.name());
                                },
                                control.executor());
        return done.handle((_, failure) -> {
            if (failure != null) {
                throw new CompletionException(ApiRefusal.conflict("unit " + gone.name() + " was not given up: "
                        + UnitOperations.cause(failure).getMessage()));
            }
            return null;
        });
    }

    // ---- what may be given up; on the control executor

    private Gone gone(String unit) throws ApiRefusal {
        AgentUnits.Known known = agents.has(unit) ? agents.find(unit) : null;
        if (known == null && !links.containsKey(unit)) {
            throw ApiRefusal.unknown(
                    "there is no unit " + unit + "; see: sanway unit list. One whose line was taken out of "
                            + declared.get().file() + " is given up once that is written there again");
        }
        if (known != null && known.removing == null && known.admission != Admission.ADOPTED) {
            throw ApiRefusal.conflict(known.subject() + " is not in the pool, but "
                    + known.admission.name().toLowerCase(Locale.ROOT) + "; to forget it: sanway unit remove "
                    + known.name);
        }
        String name = known == null ? unit : known.linked == null ? known.name : known.linked.name();
        refuseIfThere(name, known);
        if (known != null && removals.working(known)) {
            throw ApiRefusal.conflict(
                    "unit " + name + " is being removed: " + known.removing + "; ask again in a moment");
        }
        if (standings.of(name) == UnitStanding.DRAINING) {
            throw ApiRefusal.conflict(
                    "unit " + name + " is being drained; end that first: sanway unit drain " + name + " --cancel");
        }
        return new Gone(name, known, assignments.withdrawals().labelsOf(name));
    }

    private void refuseIfThere(String name, AgentUnits.@Nullable Known known) throws ApiRefusal {
        UnitLink link = links.get(name);
        Status status = known == null || known.view == null ? Status.ABSENT : known.view.status();
        boolean connected = link != null && link.connected();
        boolean heard = status == Status.ONLINE || status == Status.SUSPECT;
        boolean missed = link == null || link.missed() || status == Status.OFFLINE || status == Status.SHUT_DOWN;
        if (connected) {
            throw ApiRefusal.conflict("unit " + name
                    + " is not gone: its target answers. Only one that is offline can be given up "
                    + "as lost; to empty this one: sanway unit drain " + name + ", then: sanway unit remove " + name);
        }
        if (heard || !missed) {
            throw ApiRefusal.conflict("unit " + name + " may be there: "
                    + (heard
                            ? "its agent was heard a moment ago; if it is gone, ask again in half a minute"
                            : "it is not known yet whether it answers; ask again in a moment"));
        }
    }

    private Loss bearable(Gone gone) throws ApiRefusal {
        Loss loss = losses.of(gone.labels());
        if (!loss.inUse().isEmpty() || !loss.growing().isEmpty()) {
            throw inUse(gone, loss);
        }
        // What moves is given up first.
        if (!loss.unsettled().isEmpty() && losses.leaves(gone.labels())) {
            throw ApiRefusal.conflict("unit " + gone.name() + ": " + String.join(", ", loss.unsettled())
                    + "; that is being given up, ask again in a moment");
        }
        return loss;
    }

    private ApiRefusal inUse(Gone gone, Loss loss) {
        List<String> commands = new ArrayList<>();
        for (VolumeRecord volume : loss.inUse()) {
            int line = MadeByCommand.volume(declared.get(), volume.name())
                    .map(GatewayConfig.Volume::line)
                    .orElse(0);
            commands.add("sanway volume delete " + volume.name()
                    + (line > 0
                            ? " (first take it out at " + declared.get().file() + ":" + line
                                    + ", then: sanway config apply)"
                            : ""));
        }
        for (VolumeRecord volume : loss.growing()) {
            commands.add(tasks.views().stream()
                    .filter(task -> task.kind().equals("grow")
                            && task.state().equals("running")
                            && task.volume().equals(volume.name()))
                    .findFirst()
                    .map(task -> "sanway task cancel " + task.id() + " (" + volume.name() + " grows onto it)")
                    .orElse(volume.name() + " grows onto it; write its old size into "
                            + declared.get().file()));
        }
        return ApiRefusal.conflict("unit " + gone.name() + " holds "
                + loss.inUse().stream().map(VolumeRecord::name).collect(Collectors.joining(", "))
                + (loss.inUse().isEmpty() ? "what volumes grow by" : ", which is in use and not given up with it")
                + ". First: " + String.join("; ", commands));
    }

    private static void refuseUnlessAgreed(Gone gone, Loss loss, Set<UUID> agreed) throws ApiRefusal {
        List<String> others = loss.restorable().stream()
                .filter(volume -> !agreed.contains(volume.uuid()))
                .map(VolumeRecord::name)
                .toList();
        if (!others.isEmpty()) {
            throw ApiRefusal.conflict("unit " + gone.name() + " holds deleted volumes that can be restored as yet: "
                    + String.join(", ", others) + ". Name them, by UUID, if they may be given up with it; see: "
                    + "sanway volume list --deleted");
        }
    }
}
