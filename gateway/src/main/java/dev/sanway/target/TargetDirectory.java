package dev.sanway.target;

import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which targets there are. Asked from any loop; answers come from immutable state, at once. */
public interface TargetDirectory {

    /** The target of that normalized name, or null. */
    @Nullable
    IscsiTarget find(String name);

    /** All targets, in the order in which they are shown. */
    List<IscsiTarget> targets();

    /**
     * The addresses under which targets can be reached, to be announced to an initiator that is connected to {@code local}.
     * A wildcard address has been replaced.
     */
    List<InetSocketAddress> portals(InetSocketAddress local);
}
