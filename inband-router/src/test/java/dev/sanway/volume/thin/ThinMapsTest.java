package dev.sanway.volume.thin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.volume.thin.SlabMap.Loaded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Map pages, maps, the table and recovery, without any I/O. */
class ThinMapsTest {
    private static final UUID SLAB = new UUID(1, 2);
    private static final UUID VOLUME = new UUID(3, 4);
    private static final int EXTENTS = 600;

    private final byte[] copyA = new byte[SlabFormat.COPY_BYTES];
    private final byte[] copyB = new byte[SlabFormat.COPY_BYTES];

    private SlabMap fresh() {
        byte[] map = SlabMap.format(SLAB, VOLUME, EXTENTS);
        System.arraycopy(map, 0, copyA, 0, map.length);
        return load();
    }

    private SlabMap load() {
        Loaded loaded = SlabMap.load(SLAB, VOLUME, EXTENTS, copyA, copyB);
        assertThat(loaded).isInstanceOf(Loaded.Read.class);
        return ((Loaded.Read) loaded).map();
    }

    private String unusable() {
        return ((Loaded.Unusable) SlabMap.load(SLAB, VOLUME, EXTENTS, copyA, copyB)).why();
    }

    private void write(SlabMap.Snapshot snapshot) {
        byte[] copy = snapshot.copy() == 0 ? copyA : copyB;
        System.arraycopy(snapshot.bytes(), 0, copy, snapshot.page() * SlabFormat.PAGE_BYTES, SlabFormat.PAGE_BYTES);
    }

    private static void clean(SlabMap map, int count) {
        SlabMap.Run run = java.util.Objects.requireNonNull(map.cleaning(0, count));
        map.cleaned(run, true);
    }

    @Test
    void aPageIsReadAsItWasWrittenAndNothingElseIs() {
        Random random = new Random(1);
        MapPage page = MapPage.empty(SLAB, VOLUME, 3, 77);
        page.logical()[5] = 123_456;
        page.generations()[5] = 9;
        byte[] bytes = page.encode();
        assertThat(bytes).hasSize(4096);
        MapPage.Found found = MapPage.decode(bytes, SLAB, VOLUME, 3);
        assertThat(found).isInstanceOf(MapPage.Found.Valid.class);
        MapPage read = ((MapPage.Found.Valid) found).page();
        assertThat(read.sequence()).isEqualTo(77);
        assertThat(read.logical()[5]).isEqualTo(123_456);
        assertThat(read.generations()[5]).isEqualTo(9);
        assertThat(MapPage.decode(bytes, VOLUME, VOLUME, 3)).isInstanceOf(MapPage.Found.Nothing.class);
        assertThat(MapPage.decode(bytes, SLAB, SLAB, 3)).isInstanceOf(MapPage.Found.Nothing.class);
        assertThat(MapPage.decode(bytes, SLAB, VOLUME, 2)).isInstanceOf(MapPage.Found.Nothing.class);
        for (int i = 0; i < 2000; i++) {
            byte[] damaged = bytes.clone();
            damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            assertThat(MapPage.decode(damaged, SLAB, VOLUME, 3)).isInstanceOf(MapPage.Found.Nothing.class);
        }
        assertThat(MapPage.decode(new byte[4096], SLAB, VOLUME, 3)).isInstanceOf(MapPage.Found.Nothing.class);
    }

    @Test
    void theBytesOfAPageAreAsDocumented() {
        MapPage page = MapPage.empty(new UUID(0x1111, 0x2222), new UUID(0x3333, 0x4444), 1, 2);
        page.logical()[0] = 0x5555;
        page.generations()[0] = 0x6666;
        byte[] bytes = page.encode();
        assertThat(java.util.HexFormat.of().formatHex(Arrays.copyOf(bytes, 12)))
                .isEqualTo("73616e7761796d70" + "00000001");
        assertThat(java.util.HexFormat.of().formatHex(Arrays.copyOfRange(bytes, 16, 96)))
                .isEqualTo("00000000000011110000000000002222"
                        + "00000000000033330000000000004444"
                        + "0000000000000002" + "00000001" + "00100000"
                        + "00000000000055550000000000006666"
                        + "ffffffffffffffff0000000000000000");
    }

    @Test
    void aTornWriteLeavesTheOlderPage() {
        SlabMap map = fresh();
        clean(map, 10);
        map.map(4, 1000, 1);
        SlabMap.Snapshot first = map.snapshot(0);
        assertThat(first.copy()).isEqualTo(1);
        write(first);
        map.durable(first);
        assertThat(map.pending(4)).isFalse();
        map.map(5, 1001, 2);
        SlabMap.Snapshot torn = map.snapshot(0);
        assertThat(torn.copy()).as("never over the last durable copy").isZero();
        System.arraycopy(torn.bytes(), 0, copyA, 0, 100);
        SlabMap again = load();
        assertThat(again.logical(4)).isEqualTo(1000);
        assertThat(again.logical(5)).isNegative();
        // A write that failed is repeated in the same place, with a higher sequence.
        SlabMap.Snapshot repeated = map.snapshot(0);
        assertThat(repeated.copy()).isEqualTo(torn.copy());
        assertThat(repeated.sequence()).isGreaterThan(torn.sequence());
        write(repeated);
        assertThat(load().logical(5)).isEqualTo(1001);
    }

    @Test
    void aPageWithoutAValidCopyIsNotTakenForAnEmptyOne() {
        fresh();
        copyA[SlabFormat.PAGE_BYTES + 100] ^= 1;
        assertThat(unusable()).contains("page 1").contains("damaged");
        fresh();
        byte[] newer = MapPage.empty(SLAB, VOLUME, 0, 5).encode();
        newer[11] = 2;
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        Arrays.fill(newer, 12, 16, (byte) 0);
        crc.update(newer);
        java.nio.ByteBuffer.wrap(newer).putInt(12, (int) crc.getValue());
        System.arraycopy(newer, 0, copyB, 0, newer.length);
        assertThat(unusable()).contains("format 2").contains("newer sanway");
    }

    @Test
    void anExtentIsUsedAgainOnlyAfterItsEntryIsGoneAndItWasZeroed() {
        SlabMap map = fresh();
        clean(map, 1);
        map.map(0, 42, 1);
        assertThat(map.pending(0)).isTrue();
        map.free(0);
        assertThat(map.idle()).isFalse();
        SlabMap.Snapshot snapshot = map.snapshot(0);
        assertThat(map.nextClean(0)).isEqualTo(-1);
        assertThat(map.durable(snapshot)).containsExactly(0);
        assertThat(map.durable(map.snapshot(0))).as("told once").isEmpty();
        map.released(0);
        assertThat(map.idle()).isTrue();
        assertThat(map.nextClean(0)).isEqualTo(-1);
        clean(map, 1);
        assertThat(map.nextClean(0)).isZero();
    }

    @Test
    void theHigherGenerationCountsAndTheOtherIsTakenOut() {
        SlabMap one = fresh();
        clean(one, 3);
        one.map(0, 7, 5);
        one.map(1, 8, 6);
        SlabMap other = fresh();
        clean(other, 3);
        other.map(2, 7, 9);
        other.map(0, 8, 2);
        MapRecovery.Recovered recovered = MapRecovery.recover(List.of(one, other));
        assertThat(recovered.extents().get(7)).isEqualTo(ExtentMap.place(1, 2));
        assertThat(recovered.extents().get(8)).isEqualTo(ExtentMap.place(0, 1));
        assertThat(recovered.extents().size()).isEqualTo(2);
        assertThat(recovered.generation()).isEqualTo(9);
        assertThat(recovered.stale())
                .containsExactlyInAnyOrder(new MapRecovery.StalePage(0, 0), new MapRecovery.StalePage(1, 0));
        assertThat(one.logical(0)).isNegative();
        assertThat(other.logical(0)).isNegative();
    }

    @Test
    void theTableAgreesWithAPlainMap() {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        ExtentMap table = new ExtentMap();
        Map<Integer, Integer> plain = new HashMap<>();
        for (int i = 0; i < 20_000; i++) {
            int logical = random.nextInt(random.nextInt(4) == 0 ? 3_000_000 : 500);
            if (random.nextInt(3) == 0) {
                table.remove(logical);
                plain.remove(logical);
            } else {
                int place = ExtentMap.place(random.nextInt(1 << 20), random.nextInt(1024));
                table.put(logical, place);
                plain.put(logical, place);
            }
            int asked = random.nextInt(600);
            assertThat(table.get(asked)).as("seed " + seed).isEqualTo(plain.getOrDefault(asked, ExtentMap.NOWHERE));
            assertThat(table.size()).isEqualTo(plain.size());
            int next = table.nextMapped(asked, 700);
            int expected = asked;
            while (expected < 700 && !plain.containsKey(expected)) {
                expected++;
            }
            assertThat(next).as("seed " + seed).isEqualTo(expected);
        }
        assertThat(ExtentMap.slabOf(ExtentMap.place(12345, 1022))).isEqualTo(12345);
        assertThat(ExtentMap.extentOf(ExtentMap.place(12345, 1022))).isEqualTo(1022);
    }

    @Test
    void graceEndsWhenAllThatWasUnderWayHas() {
        Random random = new Random(5);
        Grace grace = new Grace();
        List<int[]> running = new ArrayList<>();
        List<Integer> told = new ArrayList<>();
        int begun = 0;
        for (int i = 0; i < 5000; i++) {
            switch (random.nextInt(3)) {
                case 0 -> running.add(new int[] {grace.begin(), begun++});
                case 1 -> {
                    if (!running.isEmpty()) {
                        grace.end(running.remove(random.nextInt(running.size()))[0]);
                    }
                }
                default -> {
                    int before = begun;
                    grace.afterwards(() -> {
                        assertThat(running).noneMatch(each -> each[1] < before);
                        told.add(before);
                    });
                }
            }
        }
        while (!running.isEmpty()) {
            grace.end(running.removeLast()[0]);
        }
        assertThat(grace.awaited()).isFalse();
        assertThat(told).hasSizeGreaterThan(1000);
    }
}
