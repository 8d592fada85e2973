package dev.sanway.initiator;

/** Hears a session's news, on its event loop. */
public interface UnitSessionListener {
    /** For whom the news does not matter. */
    UnitSessionListener NONE = new UnitSessionListener() {};

    /** The session is in another state now. */
    default void stateChanged(SessionState state) {}

    /** The unit says that its list of logical units changed (3F/0E): ask for it again. */
    default void logicalUnitsChanged() {}
}
