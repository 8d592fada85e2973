package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "host",
        mixinStandardHelpOptions = true,
        description = "Shows hosts and their targets.",
        footerHeading = "%nExample:%n",
        footer = "  sanway host list")
final class HostCommand extends SanwayCommand.Group {

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists hosts.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode hosts = options.client().get("/api/v1/hosts");
        if (options.output == ClientOptions.Output.json) {
            out().println(hosts.toPrettyString());
            return 0;
        }
        Table table = new Table("HOST", "TARGET", "CHAP", "INITIATORS");
        for (JsonNode host : hosts) {
            List<String> initiators = new ArrayList<>();
            host.path("initiators").forEach(name -> initiators.add(name.asText()));
            table.row(
                    host.path("name").asText(),
                    host.path("target").asText(),
                    host.path("chap").asBoolean() ? "yes" : "no",
                    String.join(", ", initiators));
        }
        table.print(out(), "There are no hosts; declare them under \"hosts\" in gateway.yaml.");
        return 0;
    }
}
