package dev.sanway.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Objects;

/** The commented YAML that {@code init} writes. */
final class Templates {

    private Templates() {}

    /** Writes it, and makes a folder for secrets beside it, which is returned. */
    static Path write(String template, Path file, PrintWriter out) throws IOException, CommandFailure {
        if (Files.exists(file)) {
            throw new CommandFailure(1, file + " exists already; it stays as it is");
        }
        String text;
        try (InputStream in = Objects.requireNonNull(Templates.class.getResourceAsStream("/templates/" + template))) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Path folder = Objects.requireNonNull(file.toAbsolutePath().getParent());
        Files.createDirectories(folder);
        Path secrets = folder.resolve("secrets");
        if (!Files.exists(secrets)) {
            Files.createDirectory(
                    secrets, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Files.writeString(file, text.replace("@NAME@", hostName()), StandardOpenOption.CREATE_NEW);
        out.println("Wrote " + file + ". Read it, change what you need, then: sanway config check " + file);
        return secrets;
    }

    private static String hostName() {
        try {
            String name = InetAddress.getLocalHost().getHostName().toLowerCase(Locale.ROOT);
            String plain = name.replaceAll("\\..*", "").replaceAll("[^a-z0-9-]", "");
            return plain.isEmpty() ? "gw1" : plain;
        } catch (UnknownHostException e) {
            return "gw1";
        }
    }
}
