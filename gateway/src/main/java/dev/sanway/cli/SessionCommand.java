package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "session",
        mixinStandardHelpOptions = true,
        description = "Shows the sessions of hosts, and ends them.",
        footerHeading = "%nExamples:%n",
        footer = {"  sanway session list", "  sanway session drop web1 3"})
final class SessionCommand extends SanwayCommand.Group {

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists who is logged in.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode sessions = options.client().get("/api/v1/sessions");
        if (options.printed(sessions, out())) {
            return 0;
        }
        Table table = new Table("HOST", "SESSION", "INITIATOR", "FROM", "SINCE", "COMMANDS", "READ", "WRITTEN");
        for (JsonNode session : sessions) {
            table.row(
                    session.path("host").asText(),
                    session.path("number").asInt(),
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

    @Command(
            name = "drop",
            mixinStandardHelpOptions = true,
            description =
                    "Ends a session of a host. Most initiators log in again at once and go on; to keep one out, delete "
                            + "its host or change its initiators or secret first.",
            footerHeading = "%nExample:%n",
            footer = "  sanway session drop web1 3")
    int drop(
            @Parameters(paramLabel = "HOST", description = "The host's name.") String host,
            @Parameters(paramLabel = "SESSION", description = "Its number, as \"sanway session list\" shows it.")
                    int number,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode session = options.client().delete("/api/v1/sessions/" + Names.checked(host) + "/" + number);
        options.print(
                session,
                out(),
                "session " + number + " of " + host + " ("
                        + session.path("initiator").asText() + ") is ended.");
        return 0;
    }
}
