package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.VolatileCacheDevice;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.config.UnitConfig;
import dev.sanway.control.Gateway;
import dev.sanway.initiator.RawCommands.Answer;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.unit.UnitServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Units whose disks have volatile caches, behind a gateway: when one loses power, nothing is lost that was written with FUA or
 * followed by an acknowledged SYNCHRONIZE CACHE, and that something else may be lost is said once to every volume concerned.
 */
class PowerLossTest {
    private static final int BLOCKS = 1200;
    private static final int CHUNK_BYTES = 8192;

    /** A unit and what is needed to take its power away. */
    private final class Unit implements AutoCloseable {
        private final UnitConfig config;
        private final List<VolatileCacheDevice> disks = new ArrayList<>();
        private UnitServer server;

        Unit(String name) throws Exception {
            UnitConfig.Volume volume = new UnitConfig.Volume("volume1", 64 << 20, null, 0, 512, false, false, 1);
            config = new UnitConfig(
                    folder.resolve(name + ".yaml"),
                    name,
                    San.target("unit." + name),
                    List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), Ports.free())),
                    folder.resolve(name),
                    Long.MAX_VALUE,
                    1,
                    null,
                    List.of(volume));
            server = start(UUID.randomUUID());
        }

        private UnitServer start(UUID bootId) throws Exception {
            return new UnitServer(
                    config,
                    device -> {
                        VolatileCacheDevice disk = new VolatileCacheDevice(device);
                        disks.add(disk);
                        return disk;
                    },
                    bootId);
        }

        /** What was not flushed is gone, but for a block here and there; then it boots again. */
        void losePower(Random random) throws Exception {
            powerOff(random);
            powerOn();
        }

        void powerOff(Random random) throws Exception {
            for (VolatileCacheDevice disk : disks) {
                BlockClient.onOwner(disk, () -> {
                    disk.losePower(random, 0.5);
                    return true;
                });
            }
            server.close();
            disks.clear();
        }

        void powerOn() throws Exception {
            server = start(UUID.randomUUID());
        }

        String line() {
            return "  - {name: %s, portal: \"127.0.0.1:%d\", target: \"%s\"}%n"
                    .formatted(config.name(), config.portals().getFirst().getPort(), config.iqn());
        }

        @Override
        public void close() {
            server.close();
        }
    }

    @TempDir
    Path folder;

    private final List<Unit> units = new ArrayList<>();
    private Path config;
    private Gateway gateway;
    private TestHost host;

    @BeforeEach
    void start() throws Exception {
        units.add(new Unit("unit1"));
        units.add(new Unit("unit2"));
        int port = Ports.free();
        Path file = folder.resolve("gateway.yaml");
        Files.writeString(file, """
                gateway:
                  name: gw1
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: gateway
                  management: "127.0.0.1:%d"
                  eventLoops: 1
                units:
                %s%shosts:
                  - name: a
                    initiators: ["*"]
                    volumes:
                      - {name: db, lun: 0, size: 16MiB, layout: striped, width: 2, chunk: 8KiB}
                      - {name: log, lun: 1, size: 16MiB, layout: striped, width: 2, chunk: 8KiB}
                """.formatted(
                port, Ports.free(), units.getFirst().line(), units.getLast().line()));
        config = file;
        gateway = new Gateway(GatewayConfigReader.read(config));
        host = new TestHost("iqn.2026-11.example:a", port, San.target("a"));
        host.lun(0);
        host.lun(1);
    }

    @AfterEach
    void stop() {
        host.close();
        gateway.close();
        units.forEach(Unit::close);
    }

    private Answer synchronize(int lun) {
        return host.command(lun, Cdb.synchronizeCache10(0, 0));
    }

    private static void expectGood(Answer answer) {
        assertThat(answer.status()).as("%s", answer).isEqualTo(StatusCode.GOOD);
    }

    private void expectLossIsSaidOnce(int lun) {
        Answer answer = synchronize(lun);
        SenseData sense = answer.sense();
        assertThat(answer.status()).as("%s", answer).isEqualTo(StatusCode.CHECK_CONDITION);
        assertThat(sense).isNotNull();
        assertThat(sense.is(SenseKey.HARDWARE_ERROR, AdditionalSense.WRITE_ERROR))
                .as("%s", sense)
                .isTrue();
        expectGood(synchronize(lun));
    }

    @Test
    void whatMayBeLostIsSaidOnceToEachVolumeConcerned() throws Exception {
        BlockClient db = host.client(0);
        BlockClient log = host.client(1);
        db.write(0, new byte[2 * CHUNK_BYTES]);
        log.write(0, new byte[2 * CHUNK_BYTES]);
        expectGood(synchronize(1));
        units.getFirst().losePower(new Random(1));
        expectLossIsSaidOnce(0);
        expectGood(synchronize(1));
        db.write(0, new byte[2 * CHUNK_BYTES]);
        log.write(0, new byte[2 * CHUNK_BYTES]);
        units.getLast().losePower(new Random(2));
        expectLossIsSaidOnce(0);
        expectLossIsSaidOnce(1);
    }

    /** Nobody is left who knows what was not flushed. */
    @Test
    void aUnitAndTheGatewayThatFailTogetherLoseNothingInSilence() throws Exception {
        host.client(0).write(0, new byte[2 * CHUNK_BYTES]);
        host.client(1).write(0, new byte[2 * CHUNK_BYTES]);
        expectGood(synchronize(1));
        units.getFirst().powerOff(new Random(1));
        gateway.close(); // it cannot flush any more
        units.getFirst().powerOn();
        gateway = new Gateway(GatewayConfigReader.read(config));
        expectLossIsSaidOnce(0);
        expectLossIsSaidOnce(1);
    }

    @Test
    void aGatewayThatStoppedInOrderTakesNoRestartOfAUnitForALoss() throws Exception {
        host.client(0).write(0, new byte[2 * CHUNK_BYTES]);
        gateway.close();
        units.getFirst().losePower(new Random(1));
        gateway = new Gateway(GatewayConfigReader.read(config));
        expectGood(synchronize(0));
        expectGood(synchronize(1));
    }

    @Test
    void nothingDurableIsLostOnAStripedVolume() throws Exception {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        BlockClient client = host.client(0);
        List<Set<Integer>> possible = new ArrayList<>();
        int[] now = new int[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            possible.add(new HashSet<>(Set.of(0)));
        }
        int lost = 0;
        int write = 0;
        for (int loss = 0; loss < 6; loss++) {
            for (int i = 0; i < 120; i++) {
                write++;
                int lba = random.nextInt(BLOCKS);
                int count = 1 + random.nextInt(Math.min(60, BLOCKS - lba));
                int kind = random.nextInt(20);
                if (kind == 0) {
                    expectGood(synchronize(0));
                    durable(possible, now, 0, BLOCKS);
                } else {
                    boolean force = kind < 4;
                    assertThat(client.run(client.writeOf(lba, numbered(write, count), force)))
                            .isEqualTo(BlockOutcome.DONE);
                    for (int block = lba; block < lba + count; block++) {
                        possible.get(block).add(write);
                        now[block] = write;
                    }
                    if (force) {
                        durable(possible, now, lba, lba + count);
                    }
                }
            }
            units.get(loss % 2).losePower(random);
            lost += verify(client, possible, now, "seed " + seed + ", loss " + loss);
            // Told of the loss, or there was none.
            synchronize(0);
            expectGood(synchronize(0));
        }
        assertThat(lost)
                .as("blocks that lost something, or the test shows nothing")
                .isPositive();
    }

    private static void durable(List<Set<Integer>> possible, int[] now, int from, int to) {
        for (int i = from; i < to; i++) {
            possible.set(i, new HashSet<>(Set.of(now[i])));
        }
    }

    private static int verify(BlockClient client, List<Set<Integer>> possible, int[] now, String which) {
        int lost = 0;
        ByteBuffer blocks = ByteBuffer.wrap(client.read(0, BLOCKS));
        for (int i = 0; i < BLOCKS; i++) {
            int found = blocks.getInt(i * 512);
            assertThat(possible.get(i)).as(which + ", block " + i).contains(found);
            lost += found == now[i] ? 0 : 1;
            now[i] = found;
            // What a unit that kept its power holds unflushed may still be lost later: any of the earlier ones.
            possible.get(i).add(found);
        }
        return lost;
    }

    private static byte[] numbered(int write, int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * 512);
        while (bytes.hasRemaining()) {
            bytes.putInt(write);
        }
        return bytes.array();
    }
}
