package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "session",
        mixinStandardHelpOptions = true,
        description = "Shows the sessions of hosts.",
        footerHeading = "%nExample:%n",
        footer = "  sanway session list")
final class SessionCommand extends SanwayCommand.Group {

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists who is logged in.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode sessions = options.client().get("/api/v1/sessions");
        if (options.output == ClientOptions.Output.json) {
            out().println(sessions.toPrettyString());
            return 0;
        }
        Table table = new Table("HOST", "INITIATOR", "FROM", "SINCE", "COMMANDS", "READ", "WRITTEN");
        for (JsonNode session : sessions) {
            table.row(
                    session.path("host").asText(),
                    session.path("initiator").asText(),
                    session.path("remoteAddress").asText().replaceFirst("^/", ""),
                    session.path("since").asText().replaceFirst("\\.[0-9]+Z$", "Z"),
                    session.path("commands").asLong(),
                    Sizes.show(session.path("readBytes").asLong()),
                    Sizes.show(session.path("writtenBytes").asLong()));
        }
        table.print(out(), "Nobody is logged in.");
        return 0;
    }
}
