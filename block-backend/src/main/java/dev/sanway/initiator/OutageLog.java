package dev.sanway.initiator;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is logged of a session's outages: a line when one begins, one more if the unit then answers but refuses us, and one at its
 * end; all of it at most once a minute for each cause, however often a unit comes and goes. Confined to the session's loop.
 */
final class OutageLog {
    private static final Logger LOG = LoggerFactory.getLogger(OutageLog.class);

    private final UnitSessionConfig config;
    private final MessagePace pace = new MessagePace();
    private boolean inOutage;
    private boolean said;
    private boolean refusalSaid;
    private long sinceNanos;

    OutageLog(UnitSessionConfig config) {
        this.config = config;
    }

    /** An attempt or a session has ended. */
    void ended(String why, boolean refusedByUnit, long nowNanos) {
        boolean first = !inOutage;
        boolean refusal = refusedByUnit && !refusalSaid;
        if (first) {
            inOutage = true;
            sinceNanos = nowNanos;
        }
        String more = first || refusal ? pace.admit(why, nowNanos) : null;
        if (more == null) {
            LOG.debug("{}: {}", config, why);
            return;
        }
        said = true;
        refusalSaid |= refusedByUnit;
        if (first) {
            LOG.warn(
                    "{}: {}{}. Requests wait up to {} s each; reconnecting. If this lasts: check that the unit runs and that"
                            + " the network reaches it",
                    config,
                    why,
                    more,
                    config.unitTimeoutMillis() / 1000);
        } else {
            LOG.warn("{}: {}{}. Check its name, access list and secrets on both sides", config, why, more);
        }
    }

    /** Logged in. */
    void reached(long nowNanos) {
        if (said) {
            LOG.info("{}: reached again after {} s", config, (nowNanos - sinceNanos) / 1_000_000_000L);
        }
        inOutage = false;
        said = false;
        refusalSaid = false;
    }

    /** The unit wants something. */
    void asked(String why, long nowNanos) {
        String more = pace.admit(why, nowNanos);
        if (more != null) {
            LOG.info("{}: {}{}", config, why, more);
        }
    }

    /** Our bug: with its trace. */
    void internalError(Throwable bug, long nowNanos) {
        String more = pace.admit("internal error: " + bug, nowNanos);
        if (more != null) {
            LOG.error("{}: internal error{}", config, more, bug);
        }
    }
}
