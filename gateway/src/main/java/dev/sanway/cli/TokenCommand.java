package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "token",
        mixinStandardHelpOptions = true,
        description = "Shows, makes and revokes tokens, by which programs are known to the gateway's API.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway token create --operator monitoring --label prometheus --days 365 > token",
            "  sanway token list",
            "  sanway token revoke 1f2e3d4c5b6a"
        })
final class TokenCommand extends SanwayCommand.Group {

    private static final String PATH = "/api/v1/tokens";

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists valid tokens: your own; an admin sees everybody's.",
            footerHeading = "%nExample:%n",
            footer = "  sanway token list")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode tokens = options.client().get(PATH);
        if (options.printed(tokens, out())) {
            return 0;
        }
        Table table = new Table("TOKEN", "OPERATOR", "LABEL", "CREATED", "EXPIRES");
        for (JsonNode token : tokens) {
            table.row(
                    token.path("id").asText(),
                    token.path("operator").asText(),
                    token.path("label").asText(),
                    Table.time(token.path("createdAt")),
                    Table.time(token.path("expiresAt")));
        }
        table.print(out(), "There are no tokens.");
        return 0;
    }

    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            description = "Makes a token and prints it, this once; the gateway keeps a hash only.",
            footerHeading = "%nExample:%n",
            footer = {
                "  sanway token create --operator monitoring --label prometheus > token",
                "  SANWAY_TOKEN=$(cat token) sanway volume list"
            })
    int create(
            @Option(names = "--operator", paramLabel = "NAME", description = "Whose; left out: your own.") @Nullable
                    String operator,
            @Option(names = "--label", paramLabel = "TEXT", defaultValue = "", description = "What it is for.")
                    String label,
            @Option(
                            names = "--days",
                            paramLabel = "N",
                            defaultValue = "365",
                            description = "How long it is valid, 1 to 3650 (${DEFAULT-VALUE}).")
                    int days,
            @Option(
                            names = "--password",
                            description =
                                    "Asks for your own password, which a token takes that is to be valid for longer "
                                            + "than the one that you use.")
                    boolean ask,
            @Option(
                            names = "--password-file",
                            paramLabel = "FILE",
                            description = "The same password from a file, - for standard input.")
                    @Nullable
                    String passwordFile,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ObjectNode body =
                JsonNodeFactory.instance.objectNode().put("label", label).put("days", days);
        if (operator != null) {
            body.put("operator", operator);
        }
        if (ask || passwordFile != null) {
            body.put("password", Passwords.read(passwordFile, "Your password", false));
        }
        JsonNode token = options.client().post(PATH, body);
        if (options.printed(token, out())) {
            return 0;
        }
        out().println(token.path("token").asText());
        out().flush();
        spec.commandLine()
                .getErr()
                .println("Token " + token.path("id").asText() + " of "
                        + token.path("operator").asText() + " ("
                        + token.path("role").asText() + "), valid until " + Table.time(token.path("expiresAt"))
                        + ". It is not shown again.");
        return 0;
    }

    @Command(
            name = "revoke",
            mixinStandardHelpOptions = true,
            description = "Makes a token worth nothing, at once.",
            footerHeading = "%nExample:%n",
            footer = "  sanway token revoke 1f2e3d4c5b6a")
    int revoke(
            @Parameters(paramLabel = "TOKEN", description = "As \"sanway token list\" calls it.") String id,
            @Mixin ClientOptions options)
            throws CommandFailure {
        if (!id.matches("[0-9a-f]{12}")) {
            throw new CommandFailure(
                    2,
                    "write what \"sanway token list\" shows in its first column, 12 characters, not the token itself");
        }
        JsonNode token = options.client().delete(PATH + "/" + id);
        options.print(token, out(), "token " + id + " is worth nothing any more.");
        return 0;
    }
}
