package dev.sanway.initiator;

import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.TextKey;
import dev.sanway.scsi.SenseData;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks a portal which targets it has for us: a discovery session with SendTargets=All (RFC 7143 appendix C). */
public final class Discovery implements ConnectionOwner {
    private static final Logger LOG = LoggerFactory.getLogger(Discovery.class);

    /** What a portal answered. */
    public sealed interface Result {}

    /** Its targets. */
    public record Targets(List<Target> targets) implements Result {
        public Targets {
            targets = List.copyOf(targets);
        }
    }

    /** Nothing, and why. */
    public record Failed(String reason) implements Result {}

    /** A target and its addresses, as {@code host:port,group}. */
    public record Target(String name, List<String> addresses) {
        public Target {
            addresses = List.copyOf(addresses);
        }
    }

    private final UnitSessionConfig config;
    private final EventLoop loop;
    private final Consumer<Result> answer;
    private final Redirects redirects;
    private @Nullable UnitConnection connection;
    private @Nullable ScheduledFuture<?> limit;
    private @Nullable Result result;

    private Discovery(UnitSessionConfig config, EventLoop loop, Consumer<Result> answer) {
        this.config = config;
        this.loop = loop;
        this.answer = answer;
        this.redirects = new Redirects(config.portal());
    }

    /**
     * Asks.
     *
     * @param config whom to ask and as whom; the target name and the time-outs of commands do not matter
     * @param answer told once, on the loop, within {@code loginTimeoutMillis} twice
     */
    public static void sendTargets(UnitSessionConfig config, EventLoop loop, Consumer<Result> answer) {
        loop.execute(() -> {
            Discovery discovery = new Discovery(config, loop, answer);
            discovery.limit = loop.schedule(discovery::giveUp, 2L * config.loginTimeoutMillis(), TimeUnit.MILLISECONDS);
            discovery.connect(discovery.redirects.begin());
        });
    }

    private void connect(TargetAddress to) {
        UnitConnection next =
                new UnitConnection(config, new LoginExchange(config, true, false, new SecureRandom()), this);
        connection = next;
        Dial.open(config, to, loop, next).addListener((ChannelFuture future) -> {
            if (!future.isSuccess()) {
                next.drop("cannot connect: " + future.cause().getMessage());
            }
        });
    }

    private void giveUp() {
        UnitConnection to = connection;
        if (to != null) {
            to.drop("no answer in time");
        }
    }

    @Override
    public void moved(TargetAddress to, boolean permanent) {
        if (redirects.follow(to, permanent)) {
            connect(to);
        } else {
            ended("it is sent on and on, to " + to + " at last", true, List.of());
        }
    }

    @Override
    public void loggedIn() {
        UnitConnection to = connection;
        if (to != null) {
            to.text(List.of(TextKey.SEND_TARGETS.with("All")), pairs -> {
                result = new Targets(targets(pairs));
                to.logout();
            });
        }
    }

    private static List<Target> targets(List<KeyValue> pairs) {
        List<Target> targets = new ArrayList<>();
        String name = null;
        List<String> addresses = new ArrayList<>();
        for (KeyValue pair : pairs) {
            if (pair.key().equals(TextKey.TARGET_NAME.text())) {
                if (name != null) {
                    targets.add(new Target(name, addresses));
                }
                name = pair.value();
                addresses.clear();
            } else if (pair.key().equals(TextKey.TARGET_ADDRESS.text())) {
                addresses.add(pair.value());
            }
        }
        if (name != null) {
            targets.add(new Target(name, addresses));
        }
        return targets;
    }

    @Override
    public void windowOpened() {}

    @Override
    public void answered(ScsiTask task, ScsiResult taskResult) {
        throw new IllegalStateException("a discovery session has no tasks");
    }

    @Override
    public void logoutRequested(String why) {
        UnitConnection to = connection;
        if (to != null) {
            to.logout();
        }
    }

    @Override
    public void unitAttention(long lun, SenseData sense) {}

    @Override
    public void internalError(Throwable bug) {
        LOG.error("discovery: internal error", bug);
    }

    @Override
    public void ended(String why, boolean refusedByUnit, List<ScsiTask> inFlight) {
        ScheduledFuture<?> timer = limit;
        if (timer != null) {
            timer.cancel(false);
        }
        Result known = result;
        answer.accept(known == null ? new Failed(why) : known);
    }
}
