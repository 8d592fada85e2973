package dev.sanway.control;

import dev.sanway.target.TargetNews;

/** Makes events of what operators should hear of hosts. Any thread may call. */
final class TargetEvents implements TargetNews {

    private final Events events;
    private final String iqnPrefix;

    TargetEvents(Events events, String iqnPrefix) {
        this.events = events;
        this.iqnPrefix = iqnPrefix;
    }

    @Override
    public void hostAtBound(String target, String initiator, String what) {
        String host = target.startsWith(iqnPrefix + ":") ? target.substring(iqnPrefix.length() + 1) : target;
        events.warning(
                "host " + host,
                (initiator.equals("*") ? "all its initiators together have" : initiator + " has")
                        + " as much in memory as one host may (gateway.limits.memory): " + what);
    }

    @Override
    public void refused(String who, String why) {
        events.noted(who, why);
    }
}
