package dev.sanway.integration;

import dev.sanway.block.BlockClient;
import dev.sanway.block.DeviceEvent;
import dev.sanway.initiator.LunVerifier;
import dev.sanway.initiator.RawCommands;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** A host: one session of our own initiator, which comes back by itself within its replacement time. */
final class TestHost implements AutoCloseable {

    private final EventLoopGroup loops = Transport.newGroup("test-host", 1);
    private final UnitSession session;
    private final Map<Integer, RemoteLogicalUnit> units = new ConcurrentHashMap<>();

    TestHost(String initiator, int port, String target) {
        this(UnitSessionConfig.of(
                initiator,
                "127.0.0.1",
                port,
                new IscsiName(target),
                new IscsiName(initiator),
                Isid.random(ThreadLocalRandom.current().nextInt(1 << 24), 1)));
    }

    TestHost(UnitSessionConfig config) {
        EventLoop loop = loops.next();
        session = new UnitSession(config, loop, UnitSessionListener.NONE);
        session.start();
    }

    /** A LUN, once it is ready. */
    RemoteLogicalUnit lun(int number) {
        return units.computeIfAbsent(number, _ -> {
            CompletableFuture<Boolean> ready = new CompletableFuture<>();
            CompletableFuture<RemoteLogicalUnit> made = new CompletableFuture<>();
            session.loop().execute(() -> {
                RemoteLogicalUnit unit = session.logicalUnit(number, LunVerifier.ACCEPT_ALL, null);
                unit.addListener(event -> {
                    if (event instanceof DeviceEvent.BecameReady) {
                        ready.complete(true);
                    }
                });
                made.complete(unit);
            });
            BlockClient.await(ready);
            return BlockClient.await(made);
        });
    }

    BlockClient client(int number) {
        return new BlockClient(lun(number));
    }

    /** A SCSI command; its answer as it comes, unit attentions included. */
    RawCommands.Answer command(int lun, byte[] cdb, byte[] dataOut, int dataInBytes) {
        return BlockClient.await(RawCommands.send(lun(lun), cdb, dataOut, dataInBytes));
    }

    RawCommands.Answer command(int lun, byte[] cdb) {
        return command(lun, cdb, new byte[0], 0);
    }

    @Override
    public void close() {
        CompletableFuture<Boolean> closed = new CompletableFuture<>();
        session.close(() -> closed.complete(true));
        BlockClient.await(closed);
        loops.shutdownGracefully(0, 2, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
