package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfigReader;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
            "  sanway unit adopt unit1                      take a unit that has announced itself into the pool",
            "  sanway unit adopt unit1 --lun 0              what is on that LUN, and what would be lost",
            "  sanway unit adopt unit1 --lun 0 --erase",
            "  sanway unit drain unit1                      move everything that lies on it to other units"
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
        Path key = Templates.write("unit.yaml", file, out()).resolve("pool.key");
        out().println("To let a gateway find this unit by itself, bring its pool key over, for example with");
        out().println("  scp -p GATEWAY:FOLDER/secrets/pool.key " + key);
        out().println(
                        "(mode 600), and take the # from the lines under autoConfig. Then, at the gateway: sanway unit adopt "
                                + "NAME");
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
        UnitTables.list(units, out());
        return 0;
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows one unit: what it is, what its agent tells, and its LUNs.",
            footerHeading = "%nExample:%n",
            footer = "  sanway unit show unit1")
    int show(
            @Parameters(paramLabel = "UNIT", description = "The unit's name or UUID.") String unit,
            @Mixin ClientOptions options)
            throws CommandFailure {
        print(options.client().get("/api/v1/units/" + Names.checked(unit)), options);
        return 0;
    }

    private void print(JsonNode unit, ClientOptions options) {
        if (options.output == ClientOptions.Output.json) {
            out().println(unit.toPrettyString());
        } else {
            UnitTables.show(unit, out());
        }
    }

    @Command(
            name = "adopt",
            mixinStandardHelpOptions = true,
            description =
                    "Takes a unit that has announced itself into the pool. With --lun: takes a LUN that is refused, because it "
                            + "is not blank, into the pool; without --erase it then only says what was found and what would "
                            + "be lost. A LUN with another pool's label is never touched.",
            footerHeading = "%nExample:%n",
            footer = {"  sanway unit adopt unit1", "  sanway unit adopt unit1 --lun 0 --erase"})
    int adopt(
            @Parameters(paramLabel = "UNIT", description = "The unit's name or UUID, as in \"sanway unit list\".")
                    String unit,
            @Option(names = "--lun", paramLabel = "N", description = "A LUN of a unit that is in the pool.") @Nullable
                    Integer lun,
            @Option(names = "--erase", description = "Yes, what the LUN holds may be lost.") boolean erase,
            @Mixin ClientOptions options)
            throws CommandFailure {
        if (lun == null) {
            if (erase) {
                throw new ParameterException(
                        spec.commandLine(), "--erase goes with --lun N: say which LUN may be overwritten");
            }
            print(
                    options.client()
                            .post(
                                    "/api/v1/units/" + Names.checked(unit) + "/adopt",
                                    JsonNodeFactory.instance.objectNode()),
                    options);
            return 0;
        }
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

    @Command(
            name = "refuse",
            mixinStandardHelpOptions = true,
            description =
                    "Turns a unit that has announced itself away. One that holds data of volumes is not turned away.",
            footerHeading = "%nExample:%n",
            footer = "  sanway unit refuse unit1")
    int refuse(
            @Parameters(paramLabel = "UNIT", description = "The unit's name or UUID, as in \"sanway unit list\".")
                    String unit,
            @Mixin ClientOptions options)
            throws CommandFailure {
        print(
                options.client()
                        .post(
                                "/api/v1/units/" + Names.checked(unit) + "/refuse",
                                JsonNodeFactory.instance.objectNode()),
                options);
        return 0;
    }

    @Command(
            name = "drain",
            mixinStandardHelpOptions = true,
            description =
                    "Moves everything that lies on a unit to other units, while hosts use it, and gives it nothing new. When that "
                            + "is done it can be taken away without anybody noticing. It stays so, also over a restart of the "
                            + "gateway, until it is cancelled: then the unit is used as any other, and what has moved stays "
                            + "where it is. Deleted volumes move, too; thin ones cannot. What stands in the way is told by "
                            + "sanway task show.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway unit drain unit1", "  sanway task wait 7", "  sanway unit drain unit1 --cancel"})
    int drain(
            @Parameters(paramLabel = "UNIT", description = "The unit's name or UUID, as in \"sanway unit list\".")
                    String unit,
            @Option(names = "--cancel", description = "Uses the unit as any other again.") boolean cancel,
            @Mixin ClientOptions options)
            throws CommandFailure {
        String path = "/api/v1/units/" + Names.checked(unit) + "/drain";
        if (cancel) {
            print(options.client().post(path + "/cancel", JsonNodeFactory.instance.objectNode()), options);
            return 0;
        }
        JsonNode task = options.client().post(path, JsonNodeFactory.instance.objectNode());
        if (options.output == ClientOptions.Output.json) {
            out().println(task.toPrettyString());
        } else {
            out().println("unit " + task.path("unit").asText() + " is given nothing new; "
                    + Sizes.show(task.path("bytes").asLong()) + " move elsewhere: sanway task wait "
                    + task.path("id").asLong());
        }
        return 0;
    }
}
