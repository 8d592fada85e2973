package dev.sanway.target;

/** What an operator should hear of a target's peers. Called on any thread, seldom: the same once a minute at most. */
public interface TargetNews {

    /**
     * A host holds all the memory that it may.
     *
     * @param initiator its name, or {@code *} for those that no configuration names
     * @param what what that means for it
     */
    void hostAtBound(String target, String initiator, String what);

    /** Somebody was refused. */
    void refused(String who, String why);

    /** Tells nobody. */
    static TargetNews none() {
        return new TargetNews() {
            @Override
            public void hostAtBound(String target, String initiator, String what) {}

            @Override
            public void refused(String who, String why) {}
        };
    }
}
