package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfigReader;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "unit",
        mixinStandardHelpOptions = true,
        description =
                "Makes a unit's configuration, runs a unit; shows a gateway's units and takes their LUNs into its pool.",
        footerHeading = "%nExample:%n",
        footer = {
            "  sanway unit init --config unit.yaml",
            "  sanway unit run --config unit.yaml",
            "  sanway unit list",
            "  sanway unit adopt unit1 --lun 0              what is on that LUN, and what would be lost",
            "  sanway unit adopt unit1 --lun 0 --erase"
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

    @Command(
            name = "adopt",
            mixinStandardHelpOptions = true,
            description =
                    "Takes a LUN that is refused, because it is not blank, into the pool. Without --erase it only "
                            + "says what was found and what would be lost. A LUN with another pool's label is never touched.",
            footerHeading = "%nExample:%n",
            footer = "  sanway unit adopt unit1 --lun 0 --erase")
    int adopt(
            @Parameters(paramLabel = "UNIT", description = "The unit's name, as in \"sanway unit list\".") String unit,
            @Option(names = "--lun", paramLabel = "N", required = true, description = "The LUN.") int lun,
            @Option(names = "--erase", description = "Yes, what the LUN holds may be lost.") boolean erase,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode adopted = options.client()
                .post(
                        "/api/v1/units/" + Names.checked(unit) + "/luns/" + lun + "/adopt",
                        JsonNodeFactory.instance.objectNode().put("erase", erase));
        if (options.output == ClientOptions.Output.json) {
            out().println(adopted.toPrettyString());
        } else {
            out().println(unit + " lun " + lun + " is in the pool: "
                    + Sizes.show(adopted.path("freeBytes").asLong()) + " of "
                    + Sizes.show(adopted.path("sizeBytes").asLong()) + " free");
        }
        return 0;
    }
}
