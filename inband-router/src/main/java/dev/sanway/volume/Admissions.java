package dev.sanway.volume;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Limits;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.LostLabel;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelCheck;
import dev.sanway.pool.LabelStore;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.Assignments.Admission;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * Takes unit volumes into the pool, by label, and labels blank ones.
 *
 * <pre>
 *   labelled, of this pool, as the store knows it   → in the pool
 *   blank                                           → UUID in the store → first label → in the pool
 *   anything else                                   → refused, not touched
 *   unlabelled, an operator said "erase"            → UUID in the store → erased → first label → in the pool
 *   labelled, given up as lost, the same            → emptied label → blank → as a blank one
 * </pre>
 *
 * Belongs to the control's executor.
 */
final class Admissions {
    private final Catalog catalog;
    private final EventExecutor control;
    private final LivePool pool;
    private final Assignments.Steps steps;
    private final Runnable whenAdmitted;

    /** {@code whenAdmitted}: goes on with what waited for a unit volume. */
    Admissions(Catalog catalog, EventExecutor control, LivePool pool, Assignments.Steps steps, Runnable whenAdmitted) {
        this.catalog = catalog;
        this.control = control;
        this.pool = pool;
        this.steps = steps;
        this.whenAdmitted = whenAdmitted;
    }

    CompletableFuture<Admission> admit(String unit, long lun, BlockDevice device) {
        return LabelStore.read(device).thenComposeAsync(reading -> judge(unit, lun, device, reading), control);
    }

    private static CompletableFuture<Admission> refused(String why) {
        return CompletableFuture.completedFuture(new Admission.Refused(why));
    }

    private CompletableFuture<Admission> judge(String unit, long lun, BlockDevice device, Label.Reading reading) {
        return switch (reading) {
            case Label.Reading.Labelled labelled -> labelled(unit, lun, device, labelled.label());
            case Label.Reading.Blank _ -> blank(unit, lun, device);
            case Label.Reading.Foreign foreign -> refused(foreign.explanation() + "; it is not touched");
            case Label.Reading.Newer newer ->
                refused("its label has format " + newer.version() + ", this sanway knows " + Label.FORMAT_VERSION
                        + ": use the newer sanway");
        };
    }

    private CompletableFuture<Admission> labelled(String unit, long lun, BlockDevice device, Label label) {
        if (pool.leaves(List.of(label.uuid()))) {
            return pool.decided(label.uuid()).thenComposeAsync(_ -> labelled(unit, lun, device, label), control);
        }
        Optional<String> objection = objection(label);
        if (objection.isPresent()) {
            return refused(objection.get());
        }
        UnitVolume unitVolume = unitVolume(label.uuid(), unit, lun, device);
        UnitVolume known = pool.state().unitVolumes().get(label.uuid());
        if (pool.reaches(label.uuid()) && known != null && !known.where().equals(unitVolume.where())) {
            return refused("it carries the same label as " + known.where() + ": one is a copy of the other");
        }
        pool.attach(label.uuid(), device);
        return stored(new UnitVolumeRecord(unitVolume, label.sequence()))
                .thenApplyAsync(_ -> admitted(unitVolume, device), control);
    }

    /** Why a label that was found is not believed, or nothing. */
    Optional<String> objection(Label label) {
        Optional<String> lost = lost(label);
        if (lost.isPresent()) {
            return lost;
        }
        long recorded = catalog.unitVolume(label.uuid())
                .map(UnitVolumeRecord::labelSequence)
                .orElse(0L);
        return LabelCheck.objection(
                label, catalog.self().pool(), recorded, pool.state().keptOn(label.uuid()));
    }

    /** That a LUN was given up as lost, if it was. */
    private Optional<String> lost(Label label) {
        return label.pool().equals(catalog.self().pool())
                ? catalog.one(LostLabel.KIND, label.uuid().toString())
                        .map(it -> "it was given up as lost with unit " + it.unit() + " at " + it.at()
                                + ", and what it holds belongs to nobody any more")
                : Optional.empty();
    }

    private static UnitVolume unitVolume(UUID label, String unit, long lun, BlockDevice device) {
        Geometry geometry = device.geometry();
        Limits limits = device.limits();
        return new UnitVolume(
                label,
                unit,
                lun,
                geometry.sizeBytes(),
                geometry.blockSizeBytes(),
                geometry.physicalBlockSizeBytes(),
                limits.unmapGranularityBlocks() * geometry.blockSizeBytes(),
                limits.unmappedReadsZeroes());
    }

    private CompletableFuture<Void> stored(UnitVolumeRecord unit) {
        return catalog.unitVolume(unit.unitVolume().label())
                        .filter(unit::equals)
                        .isPresent()
                ? CompletableFuture.completedFuture(null)
                : catalog.commit(new Catalog.Batch().put(unit));
    }

    private Admission admitted(UnitVolume unitVolume, BlockDevice device) {
        UUID label = unitVolume.label();
        if (pool.device(label).filter(device::equals).isEmpty()) {
            return new Admission.Refused(unitVolume.where() + " left again while it was being taken in");
        }
        pool.change(state -> state.with(unitVolume).attached(label, true));
        whenAdmitted.run();
        return new Admission.Admitted(unitVolume);
    }

    private CompletableFuture<Admission> blank(String unit, long lun, BlockDevice device) {
        List<UUID> before = knownAt(unit, lun);
        if (begun(before).isEmpty()
                && before.stream().anyMatch(label -> !pool.state().keptOn(label).isEmpty())) {
            return refused("it is blank, but volumes have partitions on it: it was replaced or erased");
        }
        return intendLabel(unit, lun, device).thenComposeAsync(it -> labelFirst(it, device), control);
    }

    /** The labels of unit volumes that were last seen as this LUN. */
    private List<UUID> knownAt(String unit, long lun) {
        return catalog.unitVolumes().stream()
                .map(UnitVolumeRecord::unitVolume)
                .filter(before -> before.unit().equals(unit) && before.lun() == lun)
                .map(UnitVolume::label)
                .toList();
    }

    /** The one whose first label was intended, but is not known to be written. */
    private Optional<UUID> begun(List<UUID> labels) {
        return labels.stream()
                .filter(label -> catalog.unitVolume(label)
                        .filter(record -> record.labelSequence() == 0)
                        .isPresent())
                .findFirst();
    }

    /** Stores under which UUID a LUN will be labelled; if a process ended before it was, that is the same one again. */
    private CompletableFuture<UnitVolume> intendLabel(String unit, long lun, BlockDevice device) {
        UUID label = begun(knownAt(unit, lun)).orElseGet(UUID::randomUUID);
        UnitVolume unitVolume = unitVolume(label, unit, lun, device);
        return catalog.commit(new Catalog.Batch().put(new UnitVolumeRecord(unitVolume, 0)))
                .thenApplyAsync(
                        _ -> {
                            steps.after(AssignmentStep.LABEL_INTENDED);
                            return unitVolume;
                        },
                        control);
    }

    /**
     * As {@link #admit}, but a LUN without a label is erased first, whatever it holds, and one that was given up as lost as well. One
     * with another label, ours or another pool's or beyond recognition, is not.
     */
    CompletableFuture<Admission> adoptErasing(String unit, long lun, BlockDevice device) {
        return LabelStore.read(device)
                .thenComposeAsync(
                        reading -> {
                            if (reading instanceof Label.Reading.Labelled(Label label)
                                    && lost(label).isPresent()) {
                                return eraseLost(unit, lun, device, label);
                            }
                            boolean unlabelled = reading instanceof Label.Reading.Blank
                                    || (reading instanceof Label.Reading.Foreign foreign && foreign.erasable());
                            return unlabelled ? erase(unit, lun, device) : judge(unit, lun, device, reading);
                        },
                        control);
    }

    private CompletableFuture<Admission> erase(String unit, long lun, BlockDevice device) {
        return intendLabel(unit, lun, device)
                .thenCompose(unitVolume -> LabelStore.erase(device)
                        .thenComposeAsync(
                                _ -> {
                                    steps.after(AssignmentStep.ERASED);
                                    return labelFirst(unitVolume, device);
                                },
                                control));
    }

    /** Until the last write it bears the label that was given up, so that whoever is interrupted finds that, or a blank LUN. */
    private CompletableFuture<Admission> eraseLost(String unit, long lun, BlockDevice device, Label label) {
        return LabelStore.write(device, label.next(catalog.self().gateway(), List.of()))
                .thenCompose(emptied -> LabelStore.unlabel(device, emptied))
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.ERASED);
                            return blank(unit, lun, device);
                        },
                        control);
    }

    private CompletableFuture<Admission> labelFirst(UnitVolume unitVolume, BlockDevice device) {
        Catalog.Self self = catalog.self();
        Label label = new Label(self.pool(), self.gateway(), unitVolume.label(), 1, List.of());
        return LabelStore.write(device, label)
                .thenComposeAsync(
                        _ -> {
                            steps.after(AssignmentStep.FIRST_LABEL_WRITTEN);
                            return labelled(unitVolume.unit(), unitVolume.lun(), device, label);
                        },
                        control);
    }
}
