package dev.sanway.target;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may log in to a target, and how they prove it.
 *
 * @param initiators normalized initiator names; {@code *} is any
 * @param chap credentials; null: none are asked for
 */
public record LoginPolicy(Set<String> initiators, @Nullable ChapCredentials chap) {

    public LoginPolicy {
        initiators = Set.copyOf(initiators);
    }

    /** Whether the initiator name is entitled; the secret comes on top. */
    public boolean entitles(String initiatorName) {
        return initiators.contains("*") || initiators.contains(initiatorName);
    }

    /**
     * CHAP credentials of both directions; the mutual ones both or neither.
     *
     * @param user the name that the initiator must give
     */
    public record ChapCredentials(
            String user, byte[] secret, @Nullable String mutualUser, byte @Nullable [] mutualSecret) {
        @Override
        public String toString() {
            return "CHAP of " + user;
        }
    }
}
