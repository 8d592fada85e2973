package dev.sanway.cli;

import java.io.Console;

/** Asks before something is lost. */
final class Confirmation {

    private Confirmation() {}

    /** Goes on if {@code yes}, or if whoever sits at the terminal types the name. */
    @SuppressWarnings("SystemConsoleNull") // It is null where there is no terminal, since JDK 25 again.
    static void ask(boolean yes, String consequence, String name) throws CommandFailure {
        if (yes) {
            return;
        }
        Console console = System.console();
        if (console == null || !console.isTerminal()) {
            throw new CommandFailure(1, consequence + " Nothing was done; say --yes if you mean it");
        }
        String typed = console.readLine("%s%nType %s to go on: ", consequence, name);
        if (!name.equals(typed == null ? "" : typed.strip())) {
            throw new CommandFailure(1, "nothing was done");
        }
    }
}
