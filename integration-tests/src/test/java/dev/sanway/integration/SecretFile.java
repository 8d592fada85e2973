package dev.sanway.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** Secrets and tokens as they are to be: nobody else's to read, whatever the umask. */
public final class SecretFile {

    private SecretFile() {}

    /** Writes one. */
    public static Path write(Path file, String text) throws IOException {
        Files.writeString(file, text);
        return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
}
