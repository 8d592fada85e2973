package dev.sanway.initiator;

/**
 * Where a session to a unit stands.
 *
 * <pre>
 *   Idle ──start──▶ Connecting ──▶ LoggingIn ──▶ Ready
 *                     ▲   │            │           │ connection lost, or dropped by us
 *                     │   ▼            ▼           │
 *                     └─ Waiting ◀─────┴───────────┘
 *   any ──close──▶ Closing ──▶ Closed
 * </pre>
 *
 * In Ready each logical unit is prepared (older writes ended, identity verified) before its requests are sent.
 */
public sealed interface SessionState {
    /** Not started. */
    record Idle() implements SessionState {}

    /** TCP connection under way. */
    record Connecting() implements SessionState {}

    /** Login under way; if it succeeds, the session before is ended by it. */
    record LoggingIn() implements SessionState {}

    /** Full feature phase. */
    record Ready() implements SessionState {}

    /** Until the next attempt; {@code reason} is why the last one ended. */
    record Waiting(String reason) implements SessionState {}

    /** Logging out. */
    record Closing() implements SessionState {}

    /** Ended for good. */
    record Closed() implements SessionState {}
}
