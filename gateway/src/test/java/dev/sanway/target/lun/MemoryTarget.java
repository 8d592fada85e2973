package dev.sanway.target.lun;

import dev.sanway.block.BlockDevice;
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
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A target over memory for conformance suites, started by hand: {@code MemoryTarget PORT [BLOCK_SIZE [MEBIBYTES]]}; LUN 0 and 1 of
 * {@code iqn.2026-11.dev.sanway:memory}.
 */
public final class MemoryTarget {
    private static final String NAME = "iqn.2026-11.dev.sanway:memory";

    private MemoryTarget() {}

    /** Listens until the process ends. */
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        int blockSize = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 512;
        long mebibytes = arguments.length > 2 ? Long.parseLong(arguments[2]) : 100;
        EventLoopGroup loops = Transport.newGroup("memory-target", 1);
        EventLoop loop = loops.next();
        HostTarget target = new HostTarget(NAME, List.of(TargetServer.PORTAL_GROUP_TAG));
        for (int number = 0; number < 2; number++) {
            UUID uuid = UUID.nameUUIDFromBytes(new byte[] {(byte) number});
            Geometry geometry = new Geometry(blockSize, 4096, (mebibytes << 20) / blockSize);
            BlockDevice device = new CheckedDevice(
                    new OrderedDevice(new MemoryDevice(loop, new Identity(uuid, "memory" + number), geometry)));
            target.add(
                    number, new LogicalUnit(device, LogicalUnitConfig.volume(uuid, true), new HeapReservationStore()));
        }
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        TargetCatalog catalog = new TargetCatalog(List.of(address));
        catalog.replace(List.of(new IscsiTarget(NAME, new LoginPolicy(Set.of("*"), null), target, loop)));
        new TargetServer(loops, catalog, TargetLimits.defaults()).listen(List.of(address));
        Thread.currentThread().join();
    }

    /** Remembers as long as the process lives. */
    static final class HeapReservationStore implements ReservationStore {
        private final ConcurrentHashMap<UUID, byte[]> saved = new ConcurrentHashMap<>();

        @Override
        public CompletionStage<Optional<byte[]>> load(UUID logicalUnit) {
            return CompletableFuture.completedFuture(Optional.ofNullable(saved.get(logicalUnit)));
        }

        @Override
        public CompletionStage<Void> save(UUID logicalUnit, byte[] state) {
            saved.put(logicalUnit, state);
            return CompletableFuture.completedFuture(null);
        }
    }
}
