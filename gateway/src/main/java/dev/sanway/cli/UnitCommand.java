package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfigReader;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "unit",
        mixinStandardHelpOptions = true,
        description = "Makes a unit's configuration, runs a unit, and shows the units of a gateway.",
        footerHeading = "%nExample:%n",
        footer = {"  sanway unit init --config unit.yaml", "  sanway unit run --config unit.yaml", "  sanway unit list"
        })
final class UnitCommand extends SanwayCommand.Group {

    @Command(
            name = "init",
            mixinStandardHelpOptions = true,
            description = "Writes a commented unit.yaml. Never overwrites a file.")
    int init(
            @Option(
                            names = "--config",
                            paramLabel = "FILE",
                            defaultValue = "unit.yaml",
                            description = "The file to make.")
                    Path file)
            throws Exception {
        Templates.write("unit.yaml", file, out());
        return 0;
    }

    @Command(
            name = "run",
            mixinStandardHelpOptions = true,
            description = "Runs the unit in the foreground until it is told to stop (Ctrl-C or SIGTERM).")
    int run(@Option(names = "--config", paramLabel = "FILE", required = true, description = "The unit.yaml.") Path file)
            throws Exception {
        root.processes().runUnit(UnitConfigReader.read(file));
        return 0;
    }

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists the gateway's units and their LUNs.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode units = options.client().get("/api/v1/units");
        if (options.output == ClientOptions.Output.json) {
            out().println(units.toPrettyString());
            return 0;
        }
        Table table = new Table("UNIT", "STATE", "LUN", "SIZE", "FREE", "PORTAL", "DETAIL");
        for (JsonNode unit : units) {
            String name = unit.path("name").asText();
            String portal = unit.path("portal").asText();
            if (unit.path("luns").isEmpty()) {
                table.row(
                        name,
                        unit.path("state").asText(),
                        "",
                        "",
                        "",
                        portal,
                        unit.path("detail").asText(""));
            }
            for (JsonNode lun : unit.path("luns")) {
                table.row(
                        name,
                        lun.path("state").asText(),
                        lun.path("lun").asInt(),
                        Sizes.show(lun.path("sizeBytes").asLong()),
                        Sizes.show(lun.path("freeBytes").asLong()),
                        portal,
                        lun.path("detail").asText(""));
            }
        }
        table.print(out(), "The gateway has no units; list them under \"units\" in its gateway.yaml.");
        return 0;
    }
}
