package dev.sanway.target;

/**
 * Who shares: an initiator that the configuration names, at a target. All that come in by {@code *} are one, since they choose
 * their names themselves.
 *
 * @param initiator its normalized name, or {@code *}
 */
record HostKey(String target, String initiator) {

    /** The one that this initiator belongs to. */
    static HostKey of(IscsiTarget target, String initiatorName) {
        boolean named = target.policy().initiators().contains(initiatorName);
        return new HostKey(target.name(), named ? initiatorName : "*");
    }
}
