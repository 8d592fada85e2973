package dev.sanway.cli;

import dev.sanway.control.ApiCredentials;
import dev.sanway.file.SmallFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringReader;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that {@code sanway login} got, one file for each gateway in {@code ~/.config/sanway/logins}, readable by their owner
 * only.
 */
final class SavedLogins {

    /** {@code certificate}: what to trust there; null: what the machine trusts. */
    record Login(
            URI server,
            String operator,
            String id,
            String token,
            @Nullable Path certificate) {}

    private SavedLogins() {}

    private static Path folder() {
        String home = System.getenv("XDG_CONFIG_HOME");
        Path config =
                home == null || home.isEmpty() ? Path.of(System.getProperty("user.home"), ".config") : Path.of(home);
        return config.resolve("sanway/logins");
    }

    private static String key(URI server) {
        return server.getHost().replaceAll("[^A-Za-z0-9.-]", "_") + "_" + server.getPort();
    }

    private static Path file(URI server) {
        return folder().resolve(key(server) + ".properties");
    }

    /** Keeps a login; of the certificate a copy. */
    static void save(Login login) throws IOException {
        if (!Files.isDirectory(folder())) {
            Files.createDirectories(
                    folder(), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Properties properties = new Properties();
        properties.setProperty("server", login.server().toString());
        properties.setProperty("operator", login.operator());
        properties.setProperty("id", login.id());
        properties.setProperty("token", login.token());
        Path trusted = login.certificate();
        if (trusted != null) {
            Path copy = folder().resolve(key(login.server()) + ".crt");
            byte[] content = SmallFile.read(trusted, SmallFile.MAX_KEY_BYTES).bytes();
            ApiCredentials.writeSafely(copy, content);
            properties.setProperty("certificate", copy.toString());
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        properties.store(out, "Made by sanway login; sanway logout removes it");
        ApiCredentials.writeSafely(file(login.server()), out.toByteArray());
    }

    static Optional<Login> find(URI server) {
        return read(file(server));
    }

    private static Optional<Login> read(Path file) {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(SmallFile.text(file, SmallFile.MAX_KEY_BYTES)));
            String certificate = properties.getProperty("certificate");
            return Optional.of(new Login(
                    URI.create(properties.getProperty("server", "")),
                    properties.getProperty("operator", ""),
                    properties.getProperty("id", ""),
                    properties.getProperty("token", ""),
                    certificate == null ? null : Path.of(certificate)));
        } catch (IOException | IllegalArgumentException _) {
            return Optional.empty();
        }
    }

    static List<Login> all() {
        List<Login> found = new ArrayList<>();
        if (Files.isDirectory(folder())) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder(), "*.properties")) {
                files.forEach(file -> read(file).ifPresent(found::add));
            } catch (IOException _) {
                // Then there are none to be used.
            }
        }
        return found;
    }

    static void forget(URI server) throws IOException {
        Files.deleteIfExists(file(server));
        Files.deleteIfExists(folder().resolve(key(server) + ".crt"));
    }
}
