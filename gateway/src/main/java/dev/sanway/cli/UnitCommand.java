package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfigReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
                "Makes a unit's configuration, runs a unit; shows a gateway's units, takes them into its pool and out of it.",
        footerHeading = "%nExample:%n",
        footer = {
            "  sanway unit init --config unit.yaml",
            "  sanway unit run --config unit.yaml",
            "  sanway unit list",
            "  sanway unit adopt unit1                      take a unit that has announced itself into the pool",
            "  sanway unit adopt unit1 --lun 0              what is on that LUN, and what would be lost",
            "  sanway unit adopt unit1 --lun 0 --erase",
            "  sanway unit maintenance unit1                before it is stopped for work on it",
            "  sanway unit maintenance unit1 --off",
            "  sanway unit remove unit1                     nothing may lie on it",
            "  sanway unit remove unit1 --lost              it is gone for good, with what is on it",
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
        if (options.printed(units, out())) {
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
        if (!options.printed(unit, out())) {
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
        if (!options.printed(adopted, out())) {
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
            name = "maintenance",
            mixinStandardHelpOptions = true,
            description = {
                "Tells the gateway that somebody works on a unit: nothing new is placed there, and it may go away and come back "
                        + "without alarm. What lies on it stays there and is served while it is there; requests of hosts to it "
                        + "wait up to unitTimeout while it is away, then fail.",
                "Says which volumes that concerns. It holds until --off, also over restarts."
            },
            footerHeading = "%nExample:%n",
            footer = {"  sanway unit maintenance unit1", "  sanway unit maintenance unit1 --off"})
    int maintenance(
            @Parameters(paramLabel = "UNIT", description = "The unit's name, or the UUID of one with an agent.")
                    String unit,
            @Option(names = "--off", description = "It is over.") boolean off,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode answer = options.client()
                .post(
                        "/api/v1/units/" + Names.checked(unit) + "/maintenance",
                        JsonNodeFactory.instance.objectNode().put("on", !off));
        if (options.printed(answer, out())) {
            return 0;
        }
        String name = answer.path("unit").path("name").asText();
        if (off) {
            out().println("unit " + name + " is in maintenance no longer");
            return 0;
        }
        List<String> volumes = new ArrayList<>();
        answer.path("volumes").forEach(volume -> volumes.add(volume.asText()));
        out().println("unit " + name + " is in maintenance: nothing new is placed there");
        out().println(
                        volumes.isEmpty()
                                ? "Nothing lies on it; it may go away."
                                : "While it is away, hosts cannot use " + String.join(", ", volumes));
        return 0;
    }

    @Command(
            name = "remove",
            mixinStandardHelpOptions = true,
            description = {
                "Takes a unit with an agent out of the pool. Nothing may lie on it, neither volumes nor what is left of deleted "
                        + "ones: see \"sanway unit drain\" and \"sanway volume delete --wipe\".",
                "Its LUNs lose their labels, so that another pool could use them, and the volumes that it made on request go to "
                        + "its trash. It is pending then, and comes back by \"sanway unit adopt\" only. A unit that is not in "
                        + "the pool and is not heard any more is forgotten.",
                "A unit that gateway.yaml declares is removed there.",
                "With --lost: a unit that is offline and will not come back, with or without an agent, is given up with what lies "
                        + "on it. Volumes that hosts have are not: it says which, and how to delete them. Deleted volumes can "
                        + "then not be restored any more: it says which, and asks. Should the unit come back, nothing on it is "
                        + "used before \"sanway unit adopt\" and, for each LUN, \"sanway unit adopt --lun N --erase\"."
            },
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway unit remove unit1",
                "  sanway unit remove unit1 --force     it is away, and nothing lies on it",
                "  sanway unit remove unit1 --lost      it is gone for good, with what is on it"
            })
    int remove(
            @Parameters(paramLabel = "UNIT", description = "The unit's name or UUID, as in \"sanway unit list\".")
                    String unit,
            @Option(
                            names = "--force",
                            description = "Also if it is away: its labels and volumes stay on it as they are.")
                    boolean force,
            @Option(
                            names = "--lost",
                            description = "It is gone for good: what lies on it is given up with it. Asks first.")
                    boolean lost,
            @Option(names = "--yes", description = "With --lost: do not ask.") boolean yes,
            @Mixin ClientOptions options)
            throws CommandFailure {
        if ((yes && !lost) || (force && lost)) {
            throw new ParameterException(
                    spec.commandLine(), yes && !lost ? "--yes goes with --lost" : "--lost goes without --force");
        }
        JsonNode answer = lost
                ? LostUnit.giveUp(options.client(), unit, yes)
                : options.client()
                        .post(
                                "/api/v1/units/" + Names.checked(unit) + "/remove",
                                JsonNodeFactory.instance.objectNode().put("force", force));
        if (options.printed(answer, out())) {
            return 0;
        }
        String name = answer.path("name").asText();
        if (answer.path("state").asText().equals("removing")) {
            out().println("unit " + name + " is on its way out of the pool: "
                    + answer.path("detail").asText());
        } else if (lost && !answer.path("agent").isObject()) {
            out().println("unit " + name
                    + " was given up with what was on it; now take its line out of gateway.yaml, then: "
                    + "sanway config apply");
        } else {
            out().println("unit " + name + " is out of the pool");
        }
        return 0;
    }

    @Command(
            name = "drain",
            mixinStandardHelpOptions = true,
            description =
                    "Moves everything that lies on a unit to other units, while hosts use it, and gives it nothing new. When that "
                            + "is done it can be taken away without anybody noticing. It stays so, also over a restart of the "
                            + "gateway, until it is cancelled: then the unit is used as any other, and what has moved stays "
                            + "where it is. Deleted volumes move, too. What stands in the way is told by sanway task show.",
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
        if (!options.printed(task, out())) {
            out().println("unit " + task.path("unit").asText() + " is given nothing new; "
                    + Sizes.show(task.path("bytes").asLong()) + " move elsewhere: sanway task wait "
                    + task.path("id").asLong());
        }
        return 0;
    }
}
