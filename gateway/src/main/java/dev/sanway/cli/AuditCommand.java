package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "audit",
        mixinStandardHelpOptions = true,
        description = "Shows who changed what by command or API, or tried to. For admins.",
        footerHeading = "%nExample:%n",
        footer = "  sanway audit list")
final class AuditCommand extends SanwayCommand.Group {

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists the latest 1,000 entries, oldest first; the gateway keeps 10,000.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway audit list", "  sanway audit list --after 1200 -o json"})
    int list(
            @Option(
                            names = "--after",
                            paramLabel = "N",
                            defaultValue = "0",
                            description = "Only those after the one with this number.")
                    long after,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode entries = options.client().get("/api/v1/audit?after=" + after);
        if (options.printed(entries, out())) {
            return 0;
        }
        Table table = new Table("N", "AT", "WHO", "FROM", "CALL", "OUTCOME", "DETAIL");
        for (JsonNode entry : entries) {
            table.row(
                    entry.path("id").asLong(),
                    Table.time(entry.path("at")),
                    entry.path("who").asText(),
                    entry.path("from").asText(),
                    entry.path("method").asText() + " "
                            + entry.path("path").asText().replaceFirst("^/api/v1/", ""),
                    entry.path("outcome").asText(),
                    entry.path("detail").asText());
        }
        table.print(out(), "Nothing was changed by command yet.");
        return 0;
    }
}
