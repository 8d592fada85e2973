package dev.sanway.integration;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a program to its end, within a time, and keeps what it printed. */
record Command(int exitStatus, String output) {

    static Command run(long seconds, String... words) {
        return run(seconds, List.of(words));
    }

    static Command run(long seconds, List<String> words) {
        try {
            Path output = Files.createTempFile("command", ".out");
            Process process = new ProcessBuilder(words)
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
            String printed = Files.readString(output);
            Files.delete(output);
            if (!ended) {
                process.destroyForcibly().waitFor();
                throw new AssertionError(words + " did not end within " + seconds + " s; it printed:\n" + printed);
            }
            return new Command(process.exitValue(), printed);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** The output, if the program ended with 0. */
    String succeeded() {
        if (exitStatus != 0) {
            throw new AssertionError("exit status " + exitStatus + ":\n" + output);
        }
        return output;
    }

    List<String> lines() {
        return new ArrayList<>(output.lines().toList());
    }
}
