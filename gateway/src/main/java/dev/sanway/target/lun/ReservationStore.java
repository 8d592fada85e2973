package dev.sanway.target.lun;

import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;

/**
 * Keeps persistent reservations through a loss of power (APTPL, SPC-4 5.12.5). The bytes are {@link
 * ReservationState#encode}'s and opaque to the store. Called from units' loops and must not block them; may complete on any
 * thread.
 */
public interface ReservationStore {

    /** What was saved last for the logical unit, if anything. */
    CompletionStage<Optional<byte[]>> load(UUID logicalUnit);

    /** Replaces what is saved; completes when it is durable. A unit has at most one save under way. */
    CompletionStage<Void> save(UUID logicalUnit, byte[] state);
}
