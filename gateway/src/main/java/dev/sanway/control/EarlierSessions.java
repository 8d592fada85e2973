package dev.sanway.control;

import dev.sanway.initiator.SessionState;
import dev.sanway.initiator.UnitSession;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.initiator.UnitSessionListener;
import dev.sanway.iscsi.Isid;
import io.netty.channel.EventLoop;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Function;

/**
 * Ends the sessions that earlier runs may have left at a unit under ISIDs that this run does not use: each is logged in with once, which
 * ends the session before (RFC 7143 section 6.3.5), and out again. Confined to the control executor.
 */
final class EarlierSessions {
    private final Function<Isid, UnitSessionConfig> config;
    private final EventLoop loop;
    private final Executor control;
    private final List<UnitSession> ending = new ArrayList<>();

    EarlierSessions(Function<Isid, UnitSessionConfig> config, EventLoop loop, Executor control) {
        this.config = config;
        this.loop = loop;
        this.control = control;
    }

    /** Begins. {@code oneEnded} is told, on the control executor, of each that has ended. */
    void end(Collection<String> isids, Runnable oneEnded) {
        List<UnitSession> all = isids.stream()
                .map(isid -> session(Objects.requireNonNull(Isid.parse(isid)), oneEnded))
                .toList();
        ending.addAll(all);
        all.forEach(UnitSession::start);
    }

    private UnitSession session(Isid isid, Runnable oneEnded) {
        UnitSession[] session = new UnitSession[1];
        session[0] = new UnitSession(config.apply(isid), loop, new UnitSessionListener() {
            @Override
            public void stateChanged(SessionState state) {
                if (state instanceof SessionState.Ready) {
                    control.execute(() -> ended(session[0], oneEnded));
                }
            }
        });
        return session[0];
    }

    private void ended(UnitSession session, Runnable oneEnded) {
        if (ending.remove(session)) {
            session.close(() -> {});
            oneEnded.run();
        }
    }

    /** Whether there is none left. */
    boolean ended() {
        return ending.isEmpty();
    }

    /** Those that were begun with and have not ended. */
    List<UnitSession> stillEnding() {
        return List.copyOf(ending);
    }
}
