package dev.sanway.cli;

import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/**
 * Where a running gateway leaves word of itself, so that the commands on the same machine find it: one file for each, in
 * {@code /run/sanway} for root and in {@code ~/.local/state/sanway/run} for others. It holds the API's address and the state
 * directory, where the token lies; no secret.
 */
public final class LocalGateways {

    /** A gateway that runs, or ran, on this machine. */
    record Found(String name, String server, Path stateDirectory, long pid) {}

    private LocalGateways() {}

    private static Path folder() {
        return "root".equals(System.getProperty("user.name"))
                ? Path.of("/run/sanway")
                : Path.of(System.getProperty("user.home"), ".local/state/sanway/run");
    }

    /** Leaves word; the caller deletes the file at its end. */
    public static Path announce(String name, String server, Path stateDirectory) throws IOException {
        Files.createDirectories(folder());
        Path file = folder().resolve(name + ".properties");
        Properties properties = new Properties();
        properties.setProperty("server", server);
        properties.setProperty("stateDirectory", stateDirectory.toString());
        properties.setProperty("pid", Long.toString(ProcessHandle.current().pid()));
        try (var out = Files.newBufferedWriter(file)) {
            properties.store(out, "A running sanway gateway");
        }
        return file;
    }

    /** Those whose process lives. */
    static List<Found> running() {
        List<Found> found = new ArrayList<>();
        if (!Files.isDirectory(folder())) {
            return found;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder(), "*.properties")) {
            for (Path file : files) {
                Properties properties = new Properties();
                properties.load(new StringReader(SmallFile.text(file, SmallFile.MAX_KEY_BYTES)));
                long pid = Long.parseLong(properties.getProperty("pid", "0"));
                if (ProcessHandle.of(pid).isPresent()) {
                    String name = file.getFileName().toString().replaceAll("\\.properties$", "");
                    found.add(new Found(
                            name,
                            properties.getProperty("server", ""),
                            Path.of(properties.getProperty("stateDirectory", "")),
                            pid));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }
}
