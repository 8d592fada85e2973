package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.TaskView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedVolume;
import dev.sanway.metadata.MadeVolume;
import dev.sanway.metadata.TaskRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.volume.Deletions;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * What operators do with volumes as wholes: deleting, restoring, erasing, renaming those that the YAML does not declare. Any
 * thread but the control executor's and the event loops; blocks.
 */
final class VolumeLife {

    private final ControlThread control;
    private final Catalog catalog;
    private final Reconfiguration reconfiguration;
    private final MadeByCommand made;
    private final Volumes volumes;
    private final Deletions deletions;
    private final Tasks tasks;
    private final Events events;
    private final Clock clock;

    VolumeLife(
            ControlThread control,
            Catalog catalog,
            Reconfiguration reconfiguration,
            MadeByCommand made,
            Volumes volumes,
            Deletions deletions,
            Tasks tasks,
            Events events,
            Clock clock) {
        this.control = control;
        this.catalog = catalog;
        this.reconfiguration = reconfiguration;
        this.made = made;
        this.volumes = volumes;
        this.deletions = deletions;
        this.tasks = tasks;
        this.events = events;
        this.clock = clock;
    }

    TaskView delete(String name, boolean wipe) throws ApiRefusal {
        reconfiguration.change(declared -> {
            Catalog.Batch batch = made.withoutVolume(declared, name);
            catalog.volume(name).ifPresent(record -> remember(batch, record));
            return batch;
        });
        return control.ask(() -> {
            ServedVolume volume = volumes.find(name);
            VolumeRecord record = volume == null ? null : volume.record;
            if (volume == null || record == null) {
                // It had no partitions yet.
                return new TaskView(0, TaskRecord.Kind.delete.name(), name, null, "done", 100, 0, 0, null, "", null);
            }
            TaskRecord task = tasks.begin(record, wipe ? TaskRecord.Kind.erase : TaskRecord.Kind.delete);
            volumes.delete(volume, record, wipe).whenComplete((_, failure) -> {
                if (failure != null) {
                    events.warning("volume " + name, "not deleted: " + failure.getMessage());
                }
            });
            return tasks.view(task);
        });
    }

    /** As it was made, in one with its vanishing from what is declared: so that it can be made so again. */
    private void remember(Catalog.Batch batch, VolumeRecord record) {
        batch.put(
                DeletedVolume.KIND,
                record.uuid().toString(),
                new DeletedVolume(
                        record.uuid(),
                        record.name(),
                        made.madeVolume(record.name()).orElse(null),
                        clock.instant().toString()));
    }

    private VolumeRecord deleted(UUID uuid) throws ApiRefusal {
        return deletions
                .deleted(uuid)
                .orElseThrow(() -> ApiRefusal.unknown("there is no deleted volume " + uuid
                        + " that could be restored; see: sanway volume list --deleted"));
    }

    private void checkFree(GatewayConfig declared, String name) throws ApiRefusal {
        if (catalog.volume(name).isPresent()
                || MadeByCommand.volume(declared, name).isPresent()) {
            throw ApiRefusal.conflict("there is a volume " + name + " already");
        }
    }

    private static void checkSameHost(String from, String to) throws ApiRefusal {
        String host = from.substring(0, from.indexOf('/') + 1);
        if (!to.substring(0, to.indexOf('/') + 1).equals(host)) {
            throw ApiRefusal.malformed(from + " cannot be called " + to + ": "
                    + (host.isEmpty()
                            ? "a shared volume stays one; write a name without a slash"
                            : "it stays its host's; write " + host + "<volume>"));
        }
        MadeByCommand.checkName(to.substring(host.length()), "volume");
    }

    /** Returns the name it has then. */
    String restore(UUID uuid, String newName) throws ApiRefusal {
        VolumeRecord record = deleted(uuid);
        String name = newName.isEmpty() ? record.name() : newName;
        checkSameHost(record.name(), name);
        reconfiguration.change(declared -> {
            try {
                checkFree(declared, name);
            } catch (ApiRefusal refusal) {
                throw ApiRefusal.conflict(refusal.getMessage() + "; give this one another name: sanway volume restore "
                        + record.name() + " --as NAME");
            }
            Catalog.Batch batch = new Catalog.Batch();
            Optional<MadeVolume> before = catalog.one(DeletedVolume.KIND, uuid.toString())
                    .flatMap(deleted -> Optional.ofNullable(deleted.made()));
            before.ifPresent(it -> batch.put(again(declared, it, name)));
            boolean done = control.askLater(() -> deletions.restore(uuid, name, batch));
            if (!done) {
                throw ApiRefusal.conflict(record.name() + " cannot be restored any more: its space is given to others");
            }
            return new Catalog.Batch();
        });
        events.info("volume " + name, "restored");
        return name;
    }

    /** As it was, but with the lowest free LUN where somebody else has the one it had. */
    private MadeVolume again(GatewayConfig declared, MadeVolume before, String name) {
        List<MadeVolume.Attachment> attachments = new ArrayList<>();
        for (MadeVolume.Attachment attachment : before.attachments()) {
            boolean taken = attachment.lun() >= 0
                    && declared.volumes().stream()
                            .flatMap(volume -> volume.attachments().stream())
                            .anyMatch(
                                    other -> other.host().equals(attachment.host()) && other.lun() == attachment.lun());
            attachments.add(taken ? new MadeVolume.Attachment(attachment.host(), -1) : attachment);
        }
        return before.withAttachments(attachments).named(name);
    }

    TaskView erase(UUID uuid) throws ApiRefusal {
        VolumeRecord record = deleted(uuid);
        boolean done = control.askLater(() -> deletions.erase(uuid));
        if (!done) {
            throw ApiRefusal.conflict(record.name() + " is being given up already");
        }
        return control.ask(() -> tasks.view(tasks.begin(record, TaskRecord.Kind.erase)));
    }

    void rename(String name, String newName) throws ApiRefusal {
        checkSameHost(name, newName);
        reconfiguration.change(declared -> {
            VolumeRecord record =
                    catalog.volume(name).orElseThrow(() -> ApiRefusal.unknown("there is no volume " + name));
            made.checkNotInFile(declared, name, "what is declared there keeps its name");
            checkFree(declared, newName);
            Catalog.Batch batch = new Catalog.Batch();
            made.madeVolume(name).ifPresent(before -> batch.remove(before).put(before.named(newName)));
            control.ask(() -> volumes.renaming(name, newName));
            boolean done = control.askLater(() -> deletions.rename(record.uuid(), newName, batch));
            if (!done) {
                control.ask(() -> volumes.renaming(newName, name));
                throw ApiRefusal.conflict(name + " is being set up or grows; rename it when that is done");
            }
            return new Catalog.Batch();
        });
        events.info("volume " + newName, "was called " + name);
    }
}
