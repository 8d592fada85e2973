package dev.sanway.control;

import dev.sanway.initiator.MessagePace;
import dev.sanway.metadata.StoreWatch;

/**
 * Tells operators that the state directory cannot be written, and that it can again: once a minute at most, for a disk that is
 * nearly full takes little and refuses much. Called on the store's thread.
 */
final class StoreNews implements StoreWatch {

    private static final String SUBJECT = "store";

    private final Events events;
    private final Runnable wellAgain;
    private final MessagePace pace = new MessagePace();
    private boolean told;

    /** {@code wellAgain}: goes on with what could not be stored; must not wait. */
    StoreNews(Events events, Runnable wellAgain) {
        this.events = events;
        this.wellAgain = wellAgain;
    }

    @Override
    public void failing(String cause) {
        String more = pace.admit(cause, System.nanoTime());
        if (more != null) {
            told = true;
            events.warning(
                    SUBJECT,
                    "nothing can be stored: " + cause + more
                            + ". Volumes are served on; nothing can be made, changed or given new space until that is "
                            + "mended, which needs no restart");
        }
    }

    @Override
    public void well() {
        if (told) {
            told = false;
            events.info(SUBJECT, "can be written again");
        }
        wellAgain.run();
    }
}
