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

/** A gateway or unit as its user runs it: the built distribution in a process of its own. */
final class SanwayProcess implements AutoCloseable {

    static final Path ROOT =
            java.util.Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());

    private final List<String> words = new ArrayList<>();
    private final Path log;
    private Process process;

    /** {@code arguments} as of {@code scripts/sanway}; returns when it says that it is ready. */
    SanwayProcess(Path log, String... arguments) throws IOException {
        this.log = log;
        words.add(ROOT.resolve("scripts/sanway").toString());
        words.addAll(List.of(arguments));
        process = launch();
    }

    private Process launch() throws IOException {
        Files.deleteIfExists(log);
        ProcessBuilder builder =
                new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment()
                .put(
                        "SANWAY_JAVA_OPTIONS",
                        "-Dio.netty.leakDetection.level=paranoid -Dio.netty.leakDetection.acquireAndReleaseOnly=true");
        Process started = builder.start();
        Awaitility.await("ready: " + words)
                .atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(50))
                .until(() -> {
                    if (!started.isAlive()) {
                        throw new AssertionError(words + " ended:\n" + log());
                    }
                    return log().contains(" ready");
                });
        return started;
    }

    long pid() {
        return process.pid();
    }

    String log() {
        try {
            return Files.exists(log) ? Files.readString(log) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** kill -9. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }

    void restart() throws IOException {
        process = launch();
    }

    /** SIGTERM; it must end by itself in time, and have said nothing of leaks or errors of ours. */
    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            kill();
            throw new AssertionError(words + " did not stop within 20 s of SIGTERM:\n" + log());
        }
        if (log().contains("LEAK") || log().contains("error of ours")) {
            throw new AssertionError(words + " reports a fault of ours:\n" + log());
        }
    }
}
