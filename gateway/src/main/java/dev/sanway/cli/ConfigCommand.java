package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.config.ConfigException;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfig;
import dev.sanway.config.UnitConfigReader;
import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "config",
        mixinStandardHelpOptions = true,
        description = "Checks gateway.yaml and unit.yaml, and brings a running gateway in line with a gateway.yaml.",
        footerHeading = "%nExample:%n",
        footer = {
            "  sanway config check gateway.yaml && sanway gateway run --config gateway.yaml",
            "  sanway config diff gateway.yaml && sanway config apply gateway.yaml"
        })
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
                    + unit.volumes().size() + " volumes"
                    + (unit.autoConfig() == null ? "" : agent(unit, unit.autoConfig())));
        } else {
            GatewayConfig gateway = GatewayConfigReader.read(file);
            long sizeBytes = gateway.volumes().stream()
                    .mapToLong(GatewayConfig.Volume::sizeBytes)
                    .sum();
            out().println(file + ": good: gateway " + gateway.name() + " with "
                    + gateway.units().size() + " units, " + gateway.hosts().size() + " hosts, "
                    + gateway.volumes().size() + " volumes of " + Sizes.show(sizeBytes) + " in all"
                    + (gateway.autoConfig() == null
                            ? ""
                            : ", and units that announce themselves to UDP "
                                    + address(gateway.autoConfig().listen())));
            for (GatewayConfig.Host host : gateway.hosts()) {
                if (host.access().initiators().contains("*")) {
                    out().println(file + ":" + host.line() + ": take care: any initiator may log in as host "
                            + host.name());
                }
            }
        }
        return 0;
    }

    private static String agent(UnitConfig unit, UnitConfig.AutoConfig auto) {
        return ", and an agent at UDP " + address(auto.listen())
                + (unit.capacityBytes() == Long.MAX_VALUE
                        ? "; without \"capacity\" no volumes are made on request"
                        : " with " + Sizes.show(unit.capacityBytes()) + " for volumes");
    }

    private static String address(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort();
    }

    private static boolean isUnit(Path file) {
        try {
            return SmallFile.text(file, GatewayConfigReader.MAX_BYTES)
                    .lines()
                    .anyMatch(line -> line.startsWith("unit:"));
        } catch (IOException e) {
            return false;
        }
    }

    @Command(
            name = "diff",
            mixinStandardHelpOptions = true,
            description = "Says what a running gateway would change if it adopted a gateway.yaml, and what of that it "
                    + "cannot. Changes nothing.",
            footerHeading = "%nExample:%n",
            footer = "  sanway config diff gateway.yaml")
    int diff(@Parameters(paramLabel = "FILE", description = "A gateway.yaml.") Path file, @Mixin ClientOptions options)
            throws ConfigException, CommandFailure {
        JsonNode diff = options.client().post("/api/v1/config/diff", body(file));
        if (!options.printed(diff, out())) {
            changes(diff, "Nothing would change.");
        }
        return refusals(diff);
    }

    @Command(
            name = "apply",
            mixinStandardHelpOptions = true,
            description =
                    "Makes a running gateway adopt a gateway.yaml: its own file is replaced by this one, sessions "
                            + "stay, I/O goes on. Says first what changes. What holds data is never removed by it.",
            footerHeading = "%nExample:%n",
            footer = "  sanway config apply gateway.yaml")
    int apply(
            @Parameters(paramLabel = "FILE", description = "A gateway.yaml.") Path file,
            @Option(
                            names = "--revision",
                            paramLabel = "N",
                            description =
                                    "Only if this is still the gateway's revision (sanway config show). Left out: "
                                            + "the one at which this command starts.")
                    @Nullable
                    Long revision,
            @Option(names = "--force", description = "Also if hosts that are logged in lose a LUN or their target.")
                    boolean force,
            @Mixin ClientOptions options)
            throws ConfigException, CommandFailure {
        ObjectNode body = body(file).put("force", force);
        ApiClient client = options.client();
        JsonNode diff = client.post("/api/v1/config/diff", body);
        boolean table = options.output == ClientOptions.Output.table;
        if (table) {
            changes(diff, "Nothing changes.");
        }
        if (refusals(diff) != 0) {
            return 1;
        }
        body.put("revision", revision == null ? diff.path("revision").asLong() : revision);
        JsonNode applied = client.post("/api/v1/config/apply", body);
        out().println(
                        table
                                ? "The gateway runs with revision "
                                        + applied.path("revision").asLong() + "." + wayBack(diff, applied)
                                : applied.toPrettyString());
        return 0;
    }

    private static String wayBack(JsonNode before, JsonNode now) {
        long revision = before.path("revision").asLong();
        return revision == now.path("revision").asLong()
                ? ""
                : " Back to the one before: sanway config show --revision " + revision
                        + " > before.yaml; sanway config apply" + " before.yaml";
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows the gateway.yaml that a gateway runs with, or ran with, and its revision.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway config show > gateway.yaml", "  sanway config show --revision 7 > before.yaml"})
    int show(
            @Option(names = "--revision", paramLabel = "N", description = "An earlier one; the latest 20 are kept.")
                    long revision,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode config = options.client().get("/api/v1/config?revision=" + revision);
        if (!options.printed(config, out())) {
            spec.commandLine()
                    .getErr()
                    .println("# " + config.path("file").asText() + ", revision "
                            + config.path("revision").asLong() + ", adopted "
                            + config.path("adoptedAt").asText() + " by "
                            + config.path("origin").asText());
            out().print(config.path("text").asText());
            out().flush();
        }
        return 0;
    }

    private static ObjectNode body(Path file) throws ConfigException {
        return JsonNodeFactory.instance
                .objectNode()
                .put("text", GatewayConfigReader.structurallyRight(file))
                .put("name", file.toString());
    }

    private void changes(JsonNode diff, String none) {
        if (diff.path("changes").isEmpty() && diff.path("refusals").isEmpty()) {
            out().println(none);
        }
        for (JsonNode loss : diff.path("losses")) {
            out().println("! " + loss.asText());
        }
        for (JsonNode change : diff.path("changes")) {
            String sign = switch (change.path("kind").asText()) {
                case "added" -> "+";
                case "removed" -> "-";
                case "kept" -> "=";
                default -> "~";
            };
            out().println(sign + " " + change.path("subject").asText() + ": "
                    + change.path("text").asText());
        }
        out().flush();
    }

    /** Mistakes go where errors go; the exit status. */
    private int refusals(JsonNode diff) {
        JsonNode refusals = diff.path("refusals");
        refusals.forEach(refusal -> spec.commandLine().getErr().println(refusal.asText()));
        return refusals.isEmpty() ? 0 : 1;
    }
}
