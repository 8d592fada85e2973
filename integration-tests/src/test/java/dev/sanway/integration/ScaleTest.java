package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.UnitVolumeRecord;
import dev.sanway.metadata.VolumeRecord;
import dev.sanway.pool.Label;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PartitionState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.pool.VolumeLayout;
import dev.sanway.scsi.Cdb;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A gateway process with 10,000 volumes, half of them thin, which hold 1,000,000 extents together: how soon it serves them, and what
 * operators wait for. What it finds is made here, as an earlier life of it would have left it.
 */
@Tag("long")
class ScaleTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int UNITS = 4;
    private static final int HOSTS = 100;
    private static final int VOLUMES = 10_000;
    private static final int EXTENTS_OF_EACH = 200;
    private static final long MIB = 1 << 20;
    private static final long THICK_BYTES = 4 * MIB;
    private static final long SLAB_BYTES = 256 * MIB;
    private static final long THIN_BYTES = 4096 * MIB;
    private static final int PAGE_BYTES = 4096;
    private static final int ENTRIES_OF_A_PAGE = 252;

    @TempDir
    Path folder;

    private static boolean thin(int number) {
        return number % 2 == 0;
    }

    private static String host(int number) {
        return "h" + number % HOSTS;
    }

    private static String volume(int number) {
        return "v" + number / HOSTS;
    }

    private static String hosts() {
        StringBuilder yaml = new StringBuilder("hosts:\n");
        for (int host = 0; host < HOSTS; host++) {
            yaml.append("  - name: h%d%n    initiators: [\"iqn.2026-11.example:h%d\"]%n    volumes:%n"
                    .formatted(host, host));
            for (int number = host; number < VOLUMES; number += HOSTS) {
                yaml.append(
                        thin(number)
                                ? "      - {name: %s, lun: %d, size: 4GiB, provisioning: thin}%n"
                                        .formatted(volume(number), number / HOSTS)
                                : "      - {name: %s, lun: %d, size: 4MiB}%n"
                                        .formatted(volume(number), number / HOSTS));
            }
        }
        return yaml.toString();
    }

    /** A page of a slab's map, as ADR 5 and its class say: the first extents hold every third of the volume. */
    private static byte[] page(UUID slab, UUID volume, int number) {
        ByteBuffer out = ByteBuffer.allocate(PAGE_BYTES);
        out.put("sanwaymp".getBytes(StandardCharsets.US_ASCII)).putInt(1).putInt(0);
        for (UUID each : List.of(slab, volume)) {
            out.putLong(each.getMostSignificantBits()).putLong(each.getLeastSignificantBits());
        }
        out.putLong(1).putInt(number).putInt(1 << 20);
        for (int i = 0; i < ENTRIES_OF_A_PAGE; i++) {
            int extent = number * ENTRIES_OF_A_PAGE + i;
            boolean held = extent < EXTENTS_OF_EACH;
            out.putLong(held ? 3L * extent : -1).putLong(held ? extent + 1 : 0);
        }
        CRC32C crc = new CRC32C();
        crc.update(out.array());
        return out.putInt(12, (int) crc.getValue()).array();
    }

    /** Labels and maps on the units, and the gateway's store. */
    private void prepare(San san, long unitBytes) throws Exception {
        List<UUID> labels = new ArrayList<>();
        List<List<Partition>> partitions = new ArrayList<>();
        List<FileChannel> files = new ArrayList<>();
        for (int unit = 0; unit < UNITS; unit++) {
            labels.add(UUID.randomUUID());
            partitions.add(new ArrayList<>());
            files.add(FileChannel.open(
                    san.folder.resolve("unit" + unit).resolve("volume1.img"), StandardOpenOption.WRITE));
        }
        try (Catalog catalog = Catalog.open(san.folder.resolve("gateway"))) {
            Catalog.Batch batch = new Catalog.Batch();
            long[] next = new long[UNITS];
            Arrays.fill(next, UnitVolume.LABEL_BYTES);
            for (int number = 0; number < VOLUMES; number++) {
                // Thin and thick ones on every unit.
                int unit = number / 2 % UNITS;
                UUID volume = UUID.randomUUID();
                long length = thin(number) ? SLAB_BYTES : THICK_BYTES;
                Partition partition = new Partition(
                        UUID.randomUUID(),
                        labels.get(unit),
                        next[unit],
                        length,
                        PartitionState.ASSIGNED,
                        new Partition.PartitionOwner(volume, 0),
                        2);
                next[unit] += length;
                partitions.get(unit).add(partition);
                batch.put(partition)
                        .put(new VolumeRecord(
                                volume,
                                host(number) + "/" + volume(number),
                                host(number),
                                thin(number) ? THIN_BYTES : THICK_BYTES,
                                512,
                                thin(number) ? new VolumeLayout.Thin() : new VolumeLayout.Linear(),
                                VolumeRecord.State.ASSIGNED,
                                length))
                        .putLun(host(number), volume, number / HOSTS);
                for (int page = 0; thin(number) && page < 2; page++) {
                    files.get(unit)
                            .write(
                                    ByteBuffer.wrap(page(partition.uuid(), volume, page)),
                                    partition.startBytes() + (long) page * PAGE_BYTES);
                }
            }
            for (int unit = 0; unit < UNITS; unit++) {
                batch.put(new UnitVolumeRecord(
                        new UnitVolume(labels.get(unit), "unit" + unit, 0, unitBytes, 512, 4096, 4096, true), 1));
                Label label = new Label(
                        catalog.self().pool(), catalog.self().gateway(), labels.get(unit), 1, partitions.get(unit));
                files.get(unit).write(ByteBuffer.wrap(label.encode()), label.offsetBytes());
                files.get(unit).close();
            }
            catalog.commit(batch).join();
        }
    }

    private interface Asking<T> {
        T ask() throws IOException, InterruptedException;
    }

    private static <T> T timed(String what, Map<String, Long> millis, Asking<T> asking)
            throws IOException, InterruptedException {
        long start = System.nanoTime();
        T answer = asking.ask();
        millis.put(what, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
        return answer;
    }

    private static long took(Map<String, Long> millis, String what) {
        return Objects.requireNonNull(millis.get(what));
    }

    private static long ready(Api api) throws IOException, InterruptedException {
        long ready = 0;
        for (JsonNode volume : JSON.readTree(api.get("/api/v1/volumes"))) {
            ready += volume.path("state").asText().equals("ready") ? 1 : 0;
        }
        return ready;
    }

    /** One command of several kinds to each volume, so that there is something to count. */
    private static void useAll(San san) throws Exception {
        for (int host = 0; host < HOSTS; host++) {
            try (TestHost initiator = san.host("iqn.2026-11.example:h" + host, "h" + host)) {
                for (int lun = 0; lun < VOLUMES / HOSTS; lun++) {
                    initiator.command(lun, Cdb.testUnitReady(), new byte[0], 0);
                    initiator.command(lun, Cdb.read16(0, 8, false), new byte[0], 4096);
                    initiator.command(lun, Cdb.write16(0, 8, false), new byte[4096], 0);
                }
            }
        }
    }

    @Test
    void tenThousandVolumesAreServedSoonAndManagedWithoutWaiting() throws Exception {
        long unitBytes = VOLUMES / 2 / UNITS * (SLAB_BYTES + THICK_BYTES) + (16L << 30);
        try (San san = new San(folder)) {
            for (int unit = 0; unit < UNITS; unit++) {
                san.unit("unit" + unit, "name: volume1, size: " + unitBytes);
            }
            prepare(san, unitBytes);
            Map<String, Long> millis = new TreeMap<>();
            timed("start", millis, () -> san.gateway(hosts()));
            try (Api api = new Api(san.management, san.folder.resolve("gateway"))) {
                timed("until all are served", millis, () -> {
                    Awaitility.await("all are served")
                            .atMost(Duration.ofMinutes(2))
                            .pollInterval(Duration.ofMillis(100))
                            .until(() -> ready(api) == VOLUMES);
                    return 0;
                });
                useAll(san);
                for (int round = 1; round <= 5; round++) {
                    timed("volume list, round " + round, millis, () -> api.get("/api/v1/volumes"));
                    timed("metrics, round " + round, millis, () -> api.get("/metrics"));
                    for (String provisioning : List.of("thin", "thick")) {
                        String name = "h1/" + provisioning + round;
                        timed(
                                provisioning + " volume, round " + round,
                                millis,
                                () -> api.post("/api/v1/volumes", """
                                {"name": "%s", "size": "16MiB", "provisioning": "%s"}""".formatted(name, provisioning)));
                    }
                }
                for (String what : List.of("partitions", "hosts", "units", "pool", "sessions", "events")) {
                    timed(what, millis, () -> api.get("/api/v1/" + what));
                }
                System.out.println("10,000 volumes, milliseconds: " + millis);
                // 9 s on two processors that do nothing else, and twice that beside other tests.
                assertThat(took(millis, "start") + took(millis, "until all are served"))
                        .as("start")
                        .isLessThan(30_000);
                assertThat(millis.entrySet())
                        .filteredOn(each -> each.getKey().contains("volume, round"))
                        // The first is compiled while it runs.
                        .filteredOn(each -> !each.getKey().endsWith(" 1"))
                        .allSatisfy(each -> assertThat(each.getValue()).isLessThan(1_000));
                assertThat(took(millis, "volume list, round 5")).isLessThan(3_000);
                assertThat(took(millis, "metrics, round 5")).isLessThan(3_000);
            }
        }
    }
}
