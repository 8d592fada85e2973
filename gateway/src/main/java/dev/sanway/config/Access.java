package dev.sanway.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who may log in: initiator names ({@code *}: any), and their CHAP credentials where asked for. */
public record Access(List<String> initiators, @Nullable ChapConfig chap) {
    public Access {
        initiators = List.copyOf(initiators);
    }

    /** Whether the normalized initiator name is entitled. */
    public boolean allows(String initiatorName) {
        return initiators.contains("*") || initiators.contains(initiatorName);
    }
}
