package dev.sanway.app;

import dev.sanway.cli.SanwayCommand;

/** The program {@code sanway}. */
public final class Main {

    private Main() {}

    public static void main(String[] arguments) {
        System.exit(SanwayCommand.execute(new ForegroundProcesses(), arguments));
    }
}
