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
        name = "operator",
        mixinStandardHelpOptions = true,
        description =
                "Shows, makes and deletes operators: people and programs that use the gateway's API. A viewer looks; "
                        + "an operator also makes and grows hosts and volumes and cancels tasks; an admin does everything.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway operator list",
            "  sanway operator create anna --role operator        asks for the password",
            "  sanway operator role anna viewer",
            "  sanway operator password anna",
            "  sanway operator delete anna"
        })
final class OperatorCommand extends SanwayCommand.Group {

    private static final String PATH = "/api/v1/operators";

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists operators.",
            footerHeading = "%nExample:%n",
            footer = "  sanway operator list")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode operators = options.client().get(PATH);
        if (options.printed(operators, out())) {
            return 0;
        }
        Table table = new Table("OPERATOR", "ROLE", "TOKENS", "SINCE");
        for (JsonNode operator : operators) {
            table.row(
                    operator.path("name").asText(),
                    operator.path("role").asText(),
                    operator.path("tokens").asInt(),
                    Table.time(operator.path("createdAt")));
        }
        table.print(
                out(),
                "There are no operators; whoever can read the gateway's api.token may everything. Make one: sanway "
                        + "operator create NAME --role ROLE");
        return 0;
    }

    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            description = "Makes an operator. Asks for its password, 12 characters or more.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway operator create anna --role operator",
                "  sanway operator create ci --role viewer --password-file - < secret"
            })
    int create(
            @Parameters(paramLabel = "OPERATOR", description = "Its name.") String name,
            @Option(names = "--role", paramLabel = "ROLE", required = true, description = "viewer, operator or admin")
                    String role,
            @Option(
                            names = "--password-file",
                            paramLabel = "FILE",
                            description = "A file with the password in its first line; - for standard input.")
                    @Nullable
                    String passwordFile,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        ObjectNode body = JsonNodeFactory.instance
                .objectNode()
                .put("name", name)
                .put("role", role)
                .put("password", Passwords.read(passwordFile, "Password for " + name, true));
        JsonNode operator = client.post(PATH, body);
        options.print(operator, out(), "operator " + name + ", role " + role + ". Log in: sanway login " + name);
        return 0;
    }

    @Command(
            name = "password",
            mixinStandardHelpOptions = true,
            description =
                    "Gives an operator another password. An admin may do that for everybody, others for themselves. "
                            + "Its tokens are worth nothing from then on.",
            footerHeading = "%nExample:%n",
            footer = "  sanway operator password anna")
    int password(
            @Parameters(paramLabel = "OPERATOR", description = "Its name.") String name,
            @Option(
                            names = "--password-file",
                            paramLabel = "FILE",
                            description = "A file with the new password in its first line; - for standard input.")
                    @Nullable
                    String passwordFile,
            @Option(
                            names = "--current-password-file",
                            paramLabel = "FILE",
                            description = "A file with the current password; admins need none.")
                    @Nullable
                    String currentFile,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        boolean admin = client.get("/api/v1/whoami").path("role").asText().equals("admin");
        if (!admin) {
            body.put("current", Passwords.read(currentFile, "Current password", false));
        }
        body.put("password", Passwords.read(passwordFile, "New password for " + name, true));
        JsonNode operator = client.put(PATH + "/" + Names.checkedOperator(name) + "/password", body);
        options.print(operator, out(), "operator " + name + " has another password.");
        return 0;
    }

    @Command(
            name = "role",
            mixinStandardHelpOptions = true,
            description = "Gives an operator another role, at once.",
            footerHeading = "%nExample:%n",
            footer = "  sanway operator role anna viewer")
    int role(
            @Parameters(paramLabel = "OPERATOR", description = "Its name.") String name,
            @Parameters(paramLabel = "ROLE", description = "viewer, operator or admin") String role,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode operator = options.client()
                .put(
                        PATH + "/" + Names.checkedOperator(name) + "/role",
                        JsonNodeFactory.instance.objectNode().put("role", role));
        options.print(operator, out(), "operator " + name + " has the role " + role + ".");
        return 0;
    }

    @Command(
            name = "delete",
            mixinStandardHelpOptions = true,
            description = "Deletes an operator; its tokens are worth nothing from then on.",
            footerHeading = "%nExample:%n",
            footer = "  sanway operator delete anna --yes")
    int delete(
            @Parameters(paramLabel = "OPERATOR", description = "Its name.") String name,
            @Option(names = "--yes", description = "Do not ask.") boolean yes,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        Confirmation.ask(yes, "operator " + name + " and its tokens will be worth nothing.", name);
        JsonNode operator = client.delete(PATH + "/" + Names.checkedOperator(name));
        options.print(operator, out(), "operator " + name + " is deleted.");
        return 0;
    }
}
