package dev.sanway.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.pool.VolumeLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A volume is found by its name as if one looked through all. */
class CatalogTest {
    @TempDir
    Path directory;

    private static VolumeRecord volume(UUID uuid, String name, VolumeRecord.State state) {
        return new VolumeRecord(uuid, name, "", 512, 512, new VolumeLayout.Linear(), state, 0);
    }

    private static void check(Catalog catalog, List<String> names) {
        for (String name : names) {
            Optional<VolumeRecord> all = catalog.volumes().stream()
                    .filter(volume ->
                            volume.name().equals(name) && volume.state().isLive())
                    .findFirst();
            assertThat(catalog.volume(name)).isEqualTo(all);
        }
        assertThat(catalog.deletedVolumes())
                .containsExactlyInAnyOrderElementsOf(catalog.volumes().stream()
                        .filter(volume -> volume.state() == VolumeRecord.State.DELETED)
                        .toList());
    }

    @Test
    void aNameIsThatOfTheVolumeThatHasItAndIsNotGivenUp() throws Exception {
        UUID one = UUID.randomUUID();
        UUID other = UUID.randomUUID();
        List<String> names = List.of("a", "b");
        try (Catalog catalog = Catalog.open(directory)) {
            catalog.commit(new Catalog.Batch().put(volume(one, "a", VolumeRecord.State.ASSIGNED)))
                    .join();
            assertThat(catalog.volume("a")).isPresent();
            // It is deleted and its name taken, in one commit, in either order.
            catalog.commit(new Catalog.Batch()
                            .put(volume(other, "a", VolumeRecord.State.ASSIGNED))
                            .put(volume(one, "a", VolumeRecord.State.DELETED)))
                    .join();
            assertThat(catalog.volume("a").orElseThrow().uuid()).isEqualTo(other);
            catalog.commit(new Catalog.Batch()
                            .put(volume(other, "b", VolumeRecord.State.ASSIGNED))
                            .put(volume(one, "a", VolumeRecord.State.ASSIGNED)))
                    .join();
            assertThat(catalog.volume("a").orElseThrow().uuid()).isEqualTo(one);
            assertThat(catalog.volume("b").orElseThrow().uuid()).isEqualTo(other);
            catalog.commit(new Catalog.Batch().remove(volume(one, "a", VolumeRecord.State.ASSIGNED)))
                    .join();
            assertThat(catalog.volume("a")).isEmpty();
            check(catalog, names);
        }
        try (Catalog catalog = Catalog.open(directory)) {
            assertThat(catalog.volume("b").orElseThrow().uuid()).isEqualTo(other);
            check(catalog, names);
        }
    }

    @Test
    void afterAnyCommits() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<String> names = List.of("a", "b", "c", "d", "e");
        Map<UUID, VolumeRecord> live = new HashMap<>();
        List<UUID> uuids = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            uuids.add(UUID.randomUUID());
        }
        try (Catalog catalog = Catalog.open(directory)) {
            for (int step = 0; step < 150; step++) {
                Catalog.Batch batch = new Catalog.Batch();
                for (int i = random.nextInt(3); i >= 0; i--) {
                    UUID uuid = uuids.get(random.nextInt(uuids.size()));
                    String name = names.get(random.nextInt(names.size()));
                    boolean taken = live.entrySet().stream()
                            .anyMatch(each -> !each.getKey().equals(uuid)
                                    && each.getValue().name().equals(name));
                    VolumeRecord.State state =
                            taken || random.nextInt(3) == 0 ? VolumeRecord.State.DELETED : VolumeRecord.State.ASSIGNED;
                    VolumeRecord record = volume(uuid, name, state);
                    if (state.isLive()) {
                        live.put(uuid, record);
                        batch.put(record);
                    } else {
                        live.remove(uuid);
                        if (random.nextBoolean()) {
                            batch.put(record);
                        } else {
                            batch.remove(record);
                        }
                    }
                }
                catalog.commit(batch).join();
                assertThat(names.stream()
                                .flatMap(name -> catalog.volume(name).stream())
                                .map(VolumeRecord::uuid))
                        .as("seed " + seed)
                        .containsExactlyInAnyOrderElementsOf(live.keySet());
                check(catalog, names);
            }
        }
    }

    @Test
    void aHostsLunsAreItsOwn() throws Exception {
        UUID one = UUID.randomUUID();
        UUID other = UUID.randomUUID();
        try (Catalog catalog = Catalog.open(directory)) {
            catalog.commit(new Catalog.Batch()
                            .putLun("web1", one, 0)
                            .putLun("web1", other, 3)
                            .putLun("web", one, 7)
                            .putLun("web10", other, 8))
                    .join();
            assertThat(catalog.lunsOf("web1")).containsExactlyInAnyOrderEntriesOf(Map.of(one, 0, other, 3));
            assertThat(catalog.lunsOf("web10")).containsExactly(Map.entry(other, 8));
            assertThat(catalog.lunsOf("none")).isEmpty();
        }
    }
}
