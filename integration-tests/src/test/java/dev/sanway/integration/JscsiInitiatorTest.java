package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.BlockClient;
import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.iscsi.Transport;
import dev.sanway.target.IscsiTarget;
import dev.sanway.target.LoginPolicy;
import dev.sanway.target.TargetCatalog;
import dev.sanway.target.TargetLimits;
import dev.sanway.target.TargetServer;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jscsi.initiator.Configuration;
import org.jscsi.initiator.Initiator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * jSCSI's initiator against our target. It takes the first unit attention for the end of the world, so the disk greets new
 * hosts without one.
 */
@Timeout(120)
class JscsiInitiatorTest {
    private static final String TARGET = "iqn.2026-11.dev.sanway:jscsi";
    private static final int BLOCKS = 65_536;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"No, Yes, 512", "Yes, Yes, 512", "No, Yes, 4096", "Yes, Yes, 4096"})
    void readsWhatItWrote(String immediateData, String initialR2t, int blockSizeBytes) throws Exception {
        long seed = Long.getLong("sanway.seed", System.nanoTime());
        Random random = new Random(seed);
        EventLoopGroup loops = Transport.newGroup("test", 1);
        EventLoop loop = loops.next();
        TargetCatalog catalog = new TargetCatalog(List.of());
        try (TargetServer server = new TargetServer(loops, catalog, TargetLimits.defaults())) {
            MemoryDevice disk = new MemoryDevice(
                    loop, new Identity(UUID.randomUUID(), "disk"), new Geometry(blockSizeBytes, 4096, BLOCKS));
            HostTarget lun = new HostTarget(TARGET, List.of(TargetServer.PORTAL_GROUP_TAG));
            lun.add(
                    0,
                    new LogicalUnit(
                            new OrderedDevice(new CheckedDevice(disk)),
                            LogicalUnitConfig.volume(UUID.randomUUID(), false).withInitialUnitAttention(false),
                            null));
            catalog.replace(List.of(new IscsiTarget(TARGET, new LoginPolicy(Set.of("*"), null), lun, loop)));
            server.listen(List.of(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
            Initiator jscsi =
                    new Initiator(configuration(server.addresses().getFirst().getPort(), immediateData, initialR2t));
            jscsi.createSession("disk");
            assertThat(jscsi.getBlockSize("disk")).isEqualTo(blockSizeBytes);
            assertThat(jscsi.getCapacity("disk")).isEqualTo(BLOCKS - 1);
            write(jscsi, new BlockClient(disk), blockSizeBytes, random, "seed " + seed);
            jscsi.closeSession("disk");
        } finally {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
        }
    }

    private static void write(Initiator jscsi, BlockClient disk, int blockSizeBytes, Random random, String which)
            throws Exception {
        byte[] expected = new byte[1024 * blockSizeBytes];
        for (int round = 0; round < 40; round++) {
            int lba = random.nextInt(900);
            byte[] bytes = new byte[(1 + random.nextInt(120)) * blockSizeBytes];
            random.nextBytes(bytes);
            jscsi.write("disk", ByteBuffer.wrap(bytes), lba, bytes.length);
            System.arraycopy(bytes, 0, expected, lba * blockSizeBytes, bytes.length);
        }
        assertThat(disk.read(0, 1024)).as(which).isEqualTo(expected);
        for (int round = 0; round < 40; round++) {
            int lba = random.nextInt(900);
            int count = 1 + random.nextInt(120);
            ByteBuffer read = ByteBuffer.allocate(count * blockSizeBytes);
            jscsi.read("disk", read, lba, read.capacity());
            assertThat(read.array())
                    .as("%s, %d blocks at %d", which, count, lba)
                    .isEqualTo(java.util.Arrays.copyOfRange(
                            expected, lba * blockSizeBytes, (lba + count) * blockSizeBytes));
        }
        List<Future<Void>> writes = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            byte[] bytes = new byte[8 * blockSizeBytes];
            java.util.Arrays.fill(bytes, (byte) (i + 1));
            writes.add(jscsi.multiThreadedWrite("disk", ByteBuffer.wrap(bytes), 2048 + i * 8, bytes.length));
        }
        for (Future<Void> each : writes) {
            each.get(20, TimeUnit.SECONDS);
        }
        for (int i = 0; i < 16; i++) {
            assertThat(disk.read(2048 + i * 8, 8))
                    .as("write %d at once with others", i)
                    .containsOnly(i + 1);
        }
    }

    private Configuration configuration(int port, String immediateData, String initialR2t) throws Exception {
        Path schema = folder.resolve("jscsi.xsd");
        try (InputStream stream =
                Objects.requireNonNull(Initiator.class.getResourceAsStream("/jscsi.xsd"), "jscsi.xsd")) {
            Files.copy(stream, schema, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        Path file = folder.resolve("jscsi.xml");
        Files.writeString(file, """
                <?xml version="1.0" encoding="UTF-8"?>
                <configuration xmlns="http://www.jscsi.org/2006-09"
                    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                    xsi:schemaLocation="http://www.jscsi.org/2006-09 jscsi.xsd">
                  <global>
                    <DataDigest>None</DataDigest>
                    <DataPDUInOrder>Yes</DataPDUInOrder>
                    <DataSequenceInOrder>Yes</DataSequenceInOrder>
                    <DefaultTime2Retain>20</DefaultTime2Retain>
                    <DefaultTime2Wait>2</DefaultTime2Wait>
                    <ErrorRecoveryLevel>0</ErrorRecoveryLevel>
                    <FirstBurstLength>65536</FirstBurstLength>
                    <HeaderDigest>None</HeaderDigest>
                    <IFMarker>No</IFMarker>
                    <IFMarkInt>2048</IFMarkInt>
                    <ImmediateData>%s</ImmediateData>
                    <InitialR2T>%s</InitialR2T>
                    <InitiatorAlias>jscsi</InitiatorAlias>
                    <InitiatorName>iqn.2026-11.example:jscsi</InitiatorName>
                    <MaxBurstLength>262144</MaxBurstLength>
                    <MaxConnections>1</MaxConnections>
                    <MaxOutstandingR2T>1</MaxOutstandingR2T>
                    <MaxRecvDataSegmentLength>8192</MaxRecvDataSegmentLength>
                    <OFMarker>No</OFMarker>
                    <OFMarkInt>2048</OFMarkInt>
                    <SessionType>Normal</SessionType>
                  </global>
                  <target id="disk" address="127.0.0.1" port="%d">
                    <TargetName>%s</TargetName>
                  </target>
                </configuration>
                """.formatted(immediateData, initialR2t, port, TARGET));
        return Configuration.create(schema.toFile(), file.toFile());
    }
}
