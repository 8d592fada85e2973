package dev.sanway.config;

import org.jspecify.annotations.Nullable;

/**
 * CHAP: {@code user} and {@code secret} prove the initiator to the target; the mutual pair, both or neither, proves the
 * target to the initiator.
 */
public record ChapConfig(
        String user,
        Secret secret,
        @Nullable String mutualUser,
        @Nullable Secret mutualSecret) {}
