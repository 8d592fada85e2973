package dev.sanway.control;

import dev.sanway.initiator.LogicalUnits;
import dev.sanway.initiator.UnitSession;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * Asks a unit for its LUNs over one session, one question at a time: whoever wants to know while one is under way gets one more
 * after it, however many they are. Confined to the control executor.
 */
final class LunQuestion {
    private final UnitSession session;
    private final Executor control;
    private final Consumer<List<Integer>> found;
    private boolean asking;
    private boolean askAgain;

    /**
     * @param found told of the unit's LUNs, on the control executor
     */
    LunQuestion(UnitSession session, Executor control, Consumer<List<Integer>> found) {
        this.session = session;
        this.control = control;
        this.found = found;
    }

    void ask() {
        if (asking) {
            askAgain = true;
            return;
        }
        asking = true;
        session.loop().execute(() -> session.reportLuns(answer -> control.execute(() -> answered(answer))));
    }

    private void answered(LogicalUnits answer) {
        asking = false;
        if (answer instanceof LogicalUnits.Known(List<Integer> numbers)) {
            found.accept(numbers);
        }
        if (askAgain) {
            askAgain = false;
            ask();
        }
    }
}
