package dev.sanway.cli;

import dev.sanway.config.ConfigException;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfig;
import dev.sanway.config.UnitConfigReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
        name = "config",
        mixinStandardHelpOptions = true,
        description = "Checks gateway.yaml and unit.yaml.",
        footerHeading = "%nExample:%n",
        footer = "  sanway config check gateway.yaml && sanway gateway run --config gateway.yaml")
final class ConfigCommand extends SanwayCommand.Group {

    @Command(
            name = "check",
            mixinStandardHelpOptions = true,
            description =
                    "Says whether a gateway.yaml or unit.yaml is right; names file, line and key of each mistake. "
                            + "Needs no running gateway and changes nothing.")
    int check(@Parameters(paramLabel = "FILE", description = "gateway.yaml or unit.yaml") Path file)
            throws ConfigException {
        if (isUnit(file)) {
            UnitConfig unit = UnitConfigReader.read(file);
            out().println(file + ": good: unit " + unit.name() + " with "
                    + unit.volumes().size() + " volumes");
        } else {
            GatewayConfig gateway = GatewayConfigReader.read(file);
            long sizeBytes = gateway.volumes().stream()
                    .mapToLong(GatewayConfig.Volume::sizeBytes)
                    .sum();
            out().println(file + ": good: gateway " + gateway.name() + " with "
                    + gateway.units().size() + " units, " + gateway.hosts().size() + " hosts, "
                    + gateway.volumes().size() + " volumes of " + Sizes.show(sizeBytes) + " in all");
            for (GatewayConfig.Host host : gateway.hosts()) {
                if (host.access().initiators().contains("*")) {
                    out().println(file + ":" + host.line() + ": take care: any initiator may log in as host "
                            + host.name());
                }
            }
        }
        return 0;
    }

    private static boolean isUnit(Path file) {
        try {
            return Files.readString(file, StandardCharsets.UTF_8).lines().anyMatch(line -> line.startsWith("unit:"));
        } catch (IOException e) {
            return false;
        }
    }
}
