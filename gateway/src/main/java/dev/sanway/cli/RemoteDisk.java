package dev.sanway.cli;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.Geometry;
import dev.sanway.block.Readiness;
import dev.sanway.initiator.LunVerifier;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.Transport;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.security.SecureRandom;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** A LUN that a command works on, through an initiator session of its own. */
final class RemoteDisk implements AutoCloseable {

    private static final int WAIT_SECONDS = 30;

    private final IscsiUrl url;
    private final EventLoopGroup loops = Transport.newGroup("sanway-client", 1);
    private final UnitSession session;
    private final RemoteLogicalUnit device;

    RemoteDisk(IscsiUrl url, IscsiName initiator) throws CommandFailure {
        this.url = url;
        EventLoop loop = loops.next();
        Isid isid = Isid.random(new SecureRandom().nextInt(1 << 24), 0);
        UnitSessionConfig config =
                UnitSessionConfig.of(url.toString(), url.host(), url.port(), url.target(), initiator, isid);
        if (url.user() != null && url.secret() != null) {
            config = config.withChap(new Chap.Credentials(url.user(), url.secret()), null);
        }
        this.session = new UnitSession(config, loop, UnitSessionListener.NONE);
        CompletableFuture<@Nullable String> refusal = new CompletableFuture<>();
        CompletableFuture<RemoteLogicalUnit> made = new CompletableFuture<>();
        loop.execute(() -> {
            RemoteLogicalUnit unit = session.logicalUnit(url.lun(), LunVerifier.ACCEPT_ALL, null);
            unit.addListener(event -> {
                if (event instanceof DeviceEvent.BecameReady) {
                    refusal.complete(null);
                } else if (event instanceof DeviceEvent.BecameNotReady(Readiness.Unready notYet)) {
                    refusal.complete(notYet.reason());
                }
            });
            made.complete(unit);
        });
        this.device = await(made);
        session.start();
        String why = await(refusal);
        if (why != null) {
            close();
            throw new CommandFailure(1, url + ": " + why);
        }
    }

    private <T extends @Nullable Object> T await(CompletableFuture<T> future) throws CommandFailure {
        try {
            return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure(1, "interrupted");
        } catch (ExecutionException e) {
            throw new CommandFailure(1, url + ": " + e.getCause());
        } catch (TimeoutException e) {
            close();
            throw new CommandFailure(1, url + " did not answer within " + WAIT_SECONDS + " s");
        }
    }

    Geometry geometry() {
        return device.geometry();
    }

    EventLoop loop() {
        return session.loop();
    }

    /** Submits; the future ends with the outcome, on the loop. */
    CompletableFuture<BlockOutcome> submit(BlockRequest request) {
        CompletableFuture<BlockOutcome> done = new CompletableFuture<>();
        session.loop().execute(() -> device.submit(request, done::complete));
        return done;
    }

    /** Waits for the outcome of a request that must succeed. */
    BlockOutcome get(CompletableFuture<BlockOutcome> request) throws CommandFailure {
        BlockOutcome outcome = Objects.requireNonNull(await(request));
        if (outcome instanceof BlockOutcome.Failed(BlockFailure failure)) {
            throw new CommandFailure(1, url + ": " + failure);
        }
        return outcome;
    }

    @Override
    public void close() {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        session.close(() -> closed.complete(null));
        try {
            closed.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException _) {
            // The process ends anyway, and with it the connection.
        }
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
