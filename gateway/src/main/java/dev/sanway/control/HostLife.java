package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.DeletedHostView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.RestoredHostView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.DeletedHost;
import dev.sanway.metadata.MadeHost;
import dev.sanway.metadata.VolumeRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Deletes and restores hosts that the YAML does not declare. A deleted host's volumes are kept as they are, so restoring it is to
 * declare it again; what was deleted or lost of them meanwhile is said. Any thread but the control executor's and the event loops;
 * blocks.
 */
final class HostLife {

    /** So many can be restored; what was deleted before that cannot. */
    private static final int KEPT = 200;

    private final Catalog catalog;
    private final Reconfiguration reconfiguration;
    private final MadeByCommand made;
    private final Events events;
    private final Path stateDirectory;
    private final Clock clock;

    HostLife(
            Catalog catalog,
            Reconfiguration reconfiguration,
            MadeByCommand made,
            Events events,
            Path stateDirectory,
            Clock clock) {
        this.catalog = catalog;
        this.reconfiguration = reconfiguration;
        this.made = made;
        this.events = events;
        this.stateDirectory = stateDirectory;
        this.clock = clock;
    }

    /** Makes a host; a deleted one of its name can no longer be restored. */
    void create(String name, List<String> initiators, Operations.@Nullable NewChap chap) throws ApiRefusal {
        List<MadeHost> before = catalog.one(DeletedHost.KIND, name).stream()
                .map(DeletedHost::made)
                .toList();
        reconfiguration.change(
                declared -> made.newHost(declared, name, initiators, chap).remove(DeletedHost.KIND, name));
        made.forgetSecrets(before);
    }

    /** {@code forget}: it cannot be restored, and its secrets are deleted. */
    void delete(String name, boolean forget) throws ApiRefusal {
        List<MadeHost> gone = new ArrayList<>();
        reconfiguration.change(declared -> {
            Catalog.Batch batch = made.withoutHost(declared, name);
            Optional<MadeHost> host = catalog.madeHost(name);
            if (!forget && host.isPresent()) {
                batch.put(
                        DeletedHost.KIND,
                        name,
                        new DeletedHost(
                                host.get(),
                                seen(declared, name),
                                clock.instant().toString()));
                List<DeletedHost> before = deleted();
                for (int i = 0; i < before.size() + 1 - KEPT; i++) {
                    MadeHost oldest = before.get(i).made();
                    batch.remove(DeletedHost.KIND, oldest.name());
                    gone.add(oldest);
                }
            } else {
                host.ifPresent(gone::add);
            }
            return batch;
        });
        made.forgetSecrets(gone);
    }

    /** A host that was deleted can no longer be restored; its secrets are deleted. */
    DeletedHostView forget(String name) throws ApiRefusal {
        DeletedHost host = find(name);
        reconfiguration.change(_ -> new Catalog.Batch().remove(DeletedHost.KIND, name));
        made.forgetSecrets(List.of(host.made()));
        return view(host);
    }

    /** What a host sees, with the numbers under which it really does. */
    private List<DeletedHost.Seen> seen(GatewayConfig declared, String host) {
        List<DeletedHost.Seen> seen = new ArrayList<>();
        for (GatewayConfig.Volume volume : declared.volumes()) {
            for (GatewayConfig.Attachment attachment : volume.attachments()) {
                if (attachment.host().equals(host)) {
                    catalog.volume(volume.name())
                            .ifPresent(record -> seen.add(new DeletedHost.Seen(
                                    record.uuid(),
                                    volume.name(),
                                    catalog.lun(host, record.uuid()).orElse(attachment.lun()))));
                }
            }
        }
        return seen;
    }

    /** The one that was deleted first at first. */
    private List<DeletedHost> deleted() {
        return catalog.all(DeletedHost.KIND).stream()
                .sorted(Comparator.comparing(DeletedHost::deletedAt))
                .toList();
    }

    List<DeletedHostView> views() {
        return deleted().stream().map(HostLife::view).toList();
    }

    private static DeletedHostView view(DeletedHost host) {
        return new DeletedHostView(
                host.made().name(),
                host.made().initiators(),
                host.made().user() != null,
                host.volumes().stream().map(DeletedHost.Seen::name).toList(),
                host.deletedAt());
    }

    /** Declares a deleted host again. */
    void restore(String name) throws ApiRefusal {
        DeletedHost host = find(name);
        reconfiguration.change(declared -> {
            for (GatewayConfig.Host other : declared.hosts()) {
                if (other.name().equals(name)) {
                    throw ApiRefusal.conflict("there is a host " + name + " already");
                }
                for (String initiator : host.made().initiators()) {
                    if (!initiator.equals("*") && other.access().initiators().contains(initiator)) {
                        throw ApiRefusal.conflict("host " + name + " cannot be restored: its initiator " + initiator
                                + " belongs to host " + other.name() + " by now");
                    }
                }
            }
            for (String secret : MadeByCommand.secrets(host.made())) {
                if (!Files.isReadable(stateDirectory.resolve(secret))) {
                    throw ApiRefusal.conflict("host " + name + " cannot be restored: its secret "
                            + stateDirectory.resolve(secret)
                            + " is gone; make it anew, and it has its volumes again: sanway host create " + name);
                }
            }
            return new Catalog.Batch().put(host.made()).remove(DeletedHost.KIND, name);
        });
        events.info("host " + name, "restored");
    }

    DeletedHost find(String name) throws ApiRefusal {
        return catalog.one(DeletedHost.KIND, name)
                .orElseThrow(() -> ApiRefusal.unknown(
                        "there is no deleted host " + name + " that can be restored; see: sanway host list --deleted"));
    }

    /** What became of the volumes of a host that was restored. */
    RestoredHostView restored(DeletedHost host, HostView now) {
        List<String> back = new ArrayList<>();
        List<String> deleted = new ArrayList<>();
        List<String> lost = new ArrayList<>();
        for (DeletedHost.Seen seen : host.volumes()) {
            VolumeRecord record = catalog.volume(seen.volume()).orElse(null);
            if (record != null && record.state().isLive()) {
                back.add(record.name());
            } else if (record != null && record.state() == VolumeRecord.State.DELETED) {
                deleted.add(record.name());
            } else {
                lost.add(seen.name());
            }
        }
        return new RestoredHostView(now, back, deleted, lost);
    }
}
