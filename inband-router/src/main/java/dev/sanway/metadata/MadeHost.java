package dev.sanway.metadata;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A host that was made by command rather than in the YAML. Its secrets lie in files, of which this knows the names.
 *
 * @param secretFile in the state directory; null: no CHAP
 */
public record MadeHost(
        String name,
        List<String> initiators,
        @Nullable String user,
        @Nullable String secretFile,
        @Nullable String mutualUser,
        @Nullable String mutualSecretFile) {
    public MadeHost {
        initiators = List.copyOf(initiators);
    }
}
