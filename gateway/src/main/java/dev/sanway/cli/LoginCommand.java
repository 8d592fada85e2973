package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "login",
        mixinStandardHelpOptions = true,
        description = "Logs in to a gateway as an operator: asks for the password, and keeps a token that is valid for "
                + "12 hours in ~/.config/sanway/logins, where the other commands find it. --server and --certificate "
                + "are kept with it.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway login anna",
            "  sanway login anna --server https://gw1:8443 --certificate api.crt",
            "  sanway login anna --password-file - < secret"
        })
final class LoginCommand implements Callable<Integer> {

    @Parameters(paramLabel = "OPERATOR", description = "The operator's name.")
    @SuppressWarnings("NullAway.Init")
    String operator;

    @Option(
            names = "--password-file",
            paramLabel = "FILE",
            description = "A file with the password in its first line; - for standard input. Left out: asks.")
    @Nullable
    String passwordFile;

    @Mixin
    @SuppressWarnings("NullAway.Init")
    ClientOptions options;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Override
    public Integer call() throws CommandFailure, IOException {
        ClientOptions.Gateway gateway = options.gateway();
        ObjectNode body = JsonNodeFactory.instance
                .objectNode()
                .put("operator", operator)
                .put("password", Passwords.read(passwordFile, "Password of " + operator, false))
                .put("label", "login from " + machine());
        JsonNode token = new ApiClient(gateway.address(), "", gateway.certificate()).post("/api/v1/login", body);
        SavedLogins.save(new SavedLogins.Login(
                gateway.address(),
                operator,
                token.path("id").asText(),
                token.path("token").asText(),
                gateway.certificate()));
        spec.commandLine()
                .getOut()
                .println("Logged in to " + gateway.address() + " as " + operator + ", with the role "
                        + token.path("role").asText() + ", until "
                        + token.path("expiresAt").asText().replaceFirst("\\.[0-9]+Z$", "Z") + ".");
        return 0;
    }

    private static String machine() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException _) {
            return "somewhere";
        }
    }

    @Command(
            name = "logout",
            mixinStandardHelpOptions = true,
            description = "Makes the token that sanway login got worth nothing, and forgets it.",
            footerHeading = "%nExample:%n",
            footer = "  sanway logout")
    static final class Logout implements Callable<Integer> {

        @Mixin
        @SuppressWarnings("NullAway.Init")
        ClientOptions options;

        @Spec
        @SuppressWarnings("NullAway.Init")
        CommandSpec spec;

        @Override
        public Integer call() throws CommandFailure, IOException {
            ClientOptions.Gateway gateway = options.gateway();
            URI server = gateway.address();
            Optional<SavedLogins.Login> login = SavedLogins.find(server);
            if (login.isEmpty()) {
                throw new CommandFailure(1, "you are not logged in to " + server);
            }
            try {
                new ApiClient(server, login.get().token(), gateway.certificate())
                        .delete("/api/v1/tokens/" + login.get().id());
            } finally {
                SavedLogins.forget(server);
            }
            spec.commandLine().getOut().println("Logged out of " + server + ".");
            return 0;
        }
    }
}
