package dev.sanway.cli;

import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;

/**
 * Where a running gateway leaves word of itself, so that the commands on the same machine find it: one file for each, in
 * {@code /run/sanway} for root and in {@code ~/.local/state/sanway/run} for others. It holds the API's address and the state
 * directory, where the token lies; no secret.
 */
public final class LocalGateways {

    /** A gateway that runs, or ran, on this machine. */
    record Found(String name, String server, Path stateDirectory, long pid) {}

    private static final String SUFFIX = ".properties";
    private static final int PLACE_DIGITS = 8;

    private LocalGateways() {}

    private static Path folder() {
        return "root".equals(System.getProperty("user.name"))
                ? Path.of("/run/sanway")
                : Path.of(System.getProperty("user.home"), ".local/state/sanway/run");
    }

    /**
     * Leaves word, in a file that no other gateway has, be it of the same name; the caller deletes it at its end. Nothing depends on it:
     * where it cannot be written the commands want {@code --server} and {@code --token-file}.
     */
    public static Path announce(String name, String server, Path stateDirectory) throws IOException {
        return announce(folder(), name, server, stateDirectory);
    }

    static Path announce(Path folder, String name, String server, Path stateDirectory) throws IOException {
        Files.createDirectories(folder);
        UUID place = UUID.nameUUIDFromBytes(
                stateDirectory.toAbsolutePath().normalize().toString().getBytes(StandardCharsets.UTF_8));
        Path file = folder.resolve(name + "~" + place.toString().substring(0, PLACE_DIGITS) + SUFFIX);
        Properties properties = new Properties();
        properties.setProperty("name", name);
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
        return running(folder());
    }

    static List<Found> running(Path folder) {
        List<Found> found = new ArrayList<>();
        if (!Files.isDirectory(folder)) {
            return found;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
            for (Path file : files) {
                read(file)
                        .filter(each -> ProcessHandle.of(each.pid()).isPresent())
                        .ifPresent(found::add);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    /** A file that is being written, or is none of ours, is nothing to fail at. */
    private static Optional<Found> read(Path file) {
        try {
            Properties properties = new Properties();
            properties.load(new StringReader(SmallFile.text(file, SmallFile.MAX_KEY_BYTES)));
            String name = file.getFileName().toString().replaceAll("(~.*)?\\.properties$", "");
            return Optional.of(new Found(
                    properties.getProperty("name", name),
                    properties.getProperty("server", ""),
                    Path.of(properties.getProperty("stateDirectory", "")),
                    Long.parseLong(properties.getProperty("pid", "0"))));
        } catch (IOException | IllegalArgumentException _) {
            return Optional.empty();
        }
    }
}
