package dev.sanway.integration;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * A Linux host in a virtual machine ({@code scripts/guest}) that runs one script and ends. What it printed stays in the folder
 * {@code target}.
 */
final class Guest implements AutoCloseable {

    private static final Path SCRIPTS = Path.of("src/test/resources/guest").toAbsolutePath();

    private final Path output;
    private final Process process;

    /**
     * Boots and runs {@code script} of the test resources' folder {@code guest}, or of anywhere if its path is absolute.
     *
     * @param environment {@code NAME=VALUE}
     */
    Guest(String script, long seconds, String... environment) throws IOException {
        output = Path.of("target", "guest-" + Path.of(script).getFileName() + ".log");
        List<String> words = new ArrayList<>(
                List.of(SanwayProcess.ROOT.resolve("scripts/guest").toString(), "--timeout", Long.toString(seconds)));
        words.addAll(List.of("--add", SCRIPTS.resolve("steps.sh").toString()));
        words.addAll(List.of("--add", SCRIPTS.resolve("busy.sh").toString()));
        words.addAll(
                List.of("--add", SanwayProcess.ROOT.resolve("docs/attach.md").toString()));
        for (String variable : environment) {
            words.addAll(List.of("--env", variable));
        }
        words.add(SCRIPTS.resolve(script).toString());
        process = new ProcessBuilder(words)
                .redirectErrorStream(true)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(output.toFile())
                .start();
    }

    /** What it printed so far. */
    String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Until it has printed {@code text}. */
    void await(String text, Duration atMost) {
        Awaitility.await(text)
                .atMost(atMost)
                .pollInterval(Duration.ofMillis(100))
                .until(() -> {
                    boolean ended = !process.isAlive();
                    if (output().contains(text)) {
                        return true;
                    }
                    if (ended) {
                        throw new AssertionError("the guest ended before it said '" + text + "':\n" + output());
                    }
                    return false;
                });
    }

    /** Its output, if its script ended with 0 in time. */
    String succeeded() throws InterruptedException {
        process.waitFor();
        if (process.exitValue() != 0) {
            throw new AssertionError("the guest's script failed, status " + process.exitValue() + ":\n" + output());
        }
        return output();
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("scripts/guest did not end at SIGTERM");
        }
    }
}
