package dev.sanway.cli;

import java.io.Console;
import java.util.Objects;

/** Asks before something is lost. */
final class Confirmation {

    private Confirmation() {}

    /** Goes on if {@code yes}, or if whoever sits at the terminal types the name. */
    static void ask(boolean yes, String consequence, String name) throws CommandFailure {
        if (yes) {
            return;
        }
        Console console = Objects.requireNonNull(System.console());
        if (!console.isTerminal()) {
            throw new CommandFailure(1, consequence + " Nothing was done; say --yes if you mean it");
        }
        String typed = console.readLine("%s%nType %s to go on: ", consequence, name);
        if (!name.equals(typed == null ? "" : typed.strip())) {
            throw new CommandFailure(1, "nothing was done");
        }
    }
}
