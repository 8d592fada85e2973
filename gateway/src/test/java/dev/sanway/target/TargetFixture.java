package dev.sanway.target;

import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.iscsi.Transport;
import dev.sanway.target.LoginPolicy.ChapCredentials;
import dev.sanway.target.lun.HostTarget;
import dev.sanway.target.lun.LogicalUnit;
import dev.sanway.target.lun.LogicalUnitConfig;
import dev.sanway.target.lun.TargetDevice;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A target server on loopback with targets a and b, each of one memory disk of 16 MiB at LUN 0, on different loops. */
final class TargetFixture implements AutoCloseable {

    static final String HOST_A = "iqn.2026-11.example:host-a";
    static final String HOST_B = "iqn.2026-11.example:host-b";
    static final String HOST_C = "iqn.2026-11.example:host-c";
    static final String TARGET_A = "iqn.2026-11.dev.sanway:a";
    static final String TARGET_B = "iqn.2026-11.dev.sanway:b";
    static final String TARGET_C = "iqn.2026-11.dev.sanway:c";
    static final String SECRET_B = "secret-of-host-b";
    static final String MUTUAL_B = "secret-of-gateway";

    final EventLoopGroup loops = Transport.newGroup("test", 2);
    final TargetServer server;

    TargetFixture(TargetLimits limits) throws IOException {
        this(limits, null);
    }

    /** With another device behind target a, which may answer on any thread. */
    TargetFixture(TargetLimits limits, @Nullable TargetDevice deviceOfA) throws IOException {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        TargetCatalog catalog = new TargetCatalog(List.of());
        server = new TargetServer(loops, catalog, limits);
        catalog.replace(List.of(
                deviceOfA == null
                        ? target(TARGET_A, new LoginPolicy(Set.of(HOST_A), null), loops.next())
                        : new IscsiTarget(TARGET_A, new LoginPolicy(Set.of(HOST_A), null), deviceOfA, loops.next()),
                target(
                        TARGET_B,
                        new LoginPolicy(
                                Set.of(HOST_B), new ChapCredentials("b", bytes(SECRET_B), "gw", bytes(MUTUAL_B))),
                        loops.next()),
                target(TARGET_C, new LoginPolicy(Set.of(HOST_C), null), loops.next())));
        server.listen(List.of(any));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static IscsiTarget target(String name, LoginPolicy policy, EventLoop loop) {
        UUID uuid = UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
        MemoryDevice memory = new MemoryDevice(loop, new Identity(uuid, name), new Geometry(512, 4096, 32768));
        LogicalUnit unit = new LogicalUnit(
                new OrderedDevice(new CheckedDevice(memory)),
                LogicalUnitConfig.volume(uuid, false).withInitialUnitAttention(false),
                null);
        HostTarget device = new HostTarget(name, List.of(TargetServer.PORTAL_GROUP_TAG));
        device.add(0, unit);
        return new IscsiTarget(name, policy, device, loop);
    }

    static TargetLimits limits() {
        return TargetLimits.defaults();
    }

    WireInitiator connect() {
        return new WireInitiator(loops, server.addresses().getFirst());
    }

    @Override
    public void close() {
        server.close();
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
