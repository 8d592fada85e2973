package dev.sanway.cli;

import dev.sanway.control.ApiCredentials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "support-bundle",
        mixinStandardHelpOptions = true,
        description =
                "Writes a ZIP file with what somebody who helps wants to see: configuration, versions, volumes, units, "
                        + "sessions, tasks, events, audit log, metrics, threads, the log's end. No secrets, no data of hosts. "
                        + "For admins.",
        footerHeading = "%nExample:%n",
        footer = "  sanway support-bundle --file bundle.zip")
final class SupportBundleCommand implements Callable<Integer> {

    @Option(
            names = "--file",
            paramLabel = "FILE",
            description = "The file to make; left out: sanway-support-TIME.zip in the current folder.")
    @Nullable
    Path file;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    ClientOptions options;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Override
    public Integer call() throws CommandFailure, IOException {
        Path to = file != null
                ? file
                : Path.of("sanway-support-"
                        + DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now(ZoneOffset.UTC))
                        + ".zip");
        if (Files.exists(to)) {
            throw new CommandFailure(1, to + " exists already; it stays as it is");
        }
        byte[] zip = options.client().bytes("/api/v1/support-bundle");
        ApiCredentials.writeSafely(to.toAbsolutePath(), zip);
        spec.commandLine()
                .getOut()
                .println("Wrote " + to + ", " + zip.length + " bytes. Look into it before you give it away.");
        return 0;
    }
}
