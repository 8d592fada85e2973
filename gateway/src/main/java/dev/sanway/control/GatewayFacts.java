package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.PoolState;
import dev.sanway.target.TargetServer;
import dev.sanway.volume.Assignments;
import java.util.List;
import java.util.Optional;

/** What a configuration is held against. Asked on the control executor. */
record GatewayFacts(Catalog catalog, Assignments assignments, TargetServer server, GatewayConfig config)
        implements ConfigDiff.Facts {

    @Override
    public Optional<VolumeRecord> volume(String name) {
        return catalog.volume(name);
    }

    @Override
    public Optional<Integer> lun(String host, String volume) {
        return catalog.volume(volume).flatMap(record -> catalog.lun(host, record.uuid()));
    }

    @Override
    public List<String> volumesOn(String unit) {
        PoolState pool = assignments.pool();
        return pool.unitVolumes().values().stream()
                .filter(unitVolume -> unitVolume.unit().equals(unit))
                .flatMap(unitVolume -> pool.keptOn(unitVolume.label()).stream())
                .flatMap(partition -> Optional.ofNullable(partition.owner()).stream())
                .flatMap(owner -> catalog.volume(owner.volume()).stream())
                .map(volume -> volume.state().isLive()
                        ? volume.name()
                        : volume.name() + " (deleted; it goes for good with: sanway volume delete " + volume.name()
                                + " --wipe)")
                .distinct()
                .sorted()
                .toList();
    }

    @Override
    public long sessions(String host) {
        String target = config.targetOf(host);
        return server.sessions().stream()
                .filter(session -> session.target().equals(target))
                .count();
    }
}
