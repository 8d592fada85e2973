package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.control.ApiCredentials;
import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of every command that talks to a gateway. */
final class ClientOptions {

    enum Output {
        table,
        json
    }

    @Option(
            names = "--server",
            paramLabel = "URL",
            description = "The gateway's API, such as https://127.0.0.1:8443 (or SANWAY_SERVER). "
                    + "On the gateway's own machine it is found by itself.")
    @Nullable
    String server;

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description =
                    "A file with the API token (or SANWAY_TOKEN). On the gateway's own machine it is found by itself.")
    @Nullable
    Path tokenFile;

    @Option(
            names = "--certificate",
            paramLabel = "FILE",
            description = "The gateway's certificate, api.crt of its state directory (or SANWAY_CERTIFICATE).")
    @Nullable
    Path certificate;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "table (the default) or json")
    Output output = Output.table;

    /** Where a gateway is, and how it is known. */
    record Gateway(
            URI address,
            @Nullable Path stateDirectory,
            @Nullable Path certificate) {}

    ApiClient client() throws CommandFailure {
        Gateway gateway = gateway();
        return new ApiClient(gateway.address(), token(gateway), gateway.certificate());
    }

    /** Prints an answer as JSON and says true, if that is wanted. */
    boolean printed(JsonNode answer, PrintWriter out) {
        boolean wanted = output == Output.json;
        if (wanted) {
            out.println(answer.toPrettyString());
        }
        return wanted;
    }

    /** Prints an answer as JSON if that is wanted, else the sentence. */
    void print(JsonNode answer, PrintWriter out, String sentence) {
        if (!printed(answer, out)) {
            out.println(sentence);
        }
    }

    Gateway gateway() throws CommandFailure {
        String url = Optional.ofNullable(server).orElse(System.getenv("SANWAY_SERVER"));
        Optional<LocalGateways.Found> local = url == null ? onlyLocal() : matching(url);
        URI address = uri(
                url != null
                        ? url
                        : local.isPresent()
                                ? local.get().server()
                                : onlyLogin().server().toString());
        Path state = local.map(LocalGateways.Found::stateDirectory).orElse(null);
        String fromEnvironment = System.getenv("SANWAY_CERTIFICATE");
        Path trusted = certificate != null
                ? certificate
                : fromEnvironment != null
                        ? Path.of(fromEnvironment)
                        : state != null
                                ? state.resolve(ApiCredentials.CERTIFICATE_FILE)
                                : SavedLogins.find(address)
                                        .map(SavedLogins.Login::certificate)
                                        .orElse(null);
        return new Gateway(address, state, trusted);
    }

    private static URI uri(String address) throws CommandFailure {
        try {
            URI uri = URI.create(address.contains("://") ? address : "https://" + address);
            if ("https".equals(uri.getScheme()) && uri.getHost() != null) {
                return uri;
            }
        } catch (IllegalArgumentException _) {
            // Told below, as any other address that is none.
        }
        throw new CommandFailure(2, "\"" + address + "\" is no address of a gateway; write https://HOST:PORT");
    }

    /** What was said counts first, then who logged in, then the gateway's own token file. */
    private String token(Gateway gateway) throws CommandFailure {
        String fromEnvironment = System.getenv("SANWAY_TOKEN");
        if (tokenFile == null && fromEnvironment != null) {
            return fromEnvironment;
        }
        Optional<SavedLogins.Login> login = SavedLogins.find(gateway.address());
        if (tokenFile == null && login.isPresent()) {
            return login.get().token();
        }
        Path state = gateway.stateDirectory();
        Path file = tokenFile != null ? tokenFile : state == null ? null : state.resolve(ApiCredentials.TOKEN_FILE);
        if (file == null) {
            throw new CommandFailure(
                    1,
                    "no API token: log in (sanway login NAME --server " + gateway.address()
                            + "), give --token-file, or set SANWAY_TOKEN");
        }
        try {
            return SmallFile.secret(file);
        } catch (SmallFile.NotSmallFile e) {
            throw new CommandFailure(1, "the API token in " + file + " cannot be used: it " + e.getReason());
        } catch (SmallFile.NotSecret e) {
            throw new CommandFailure(1, "the API token in " + file + " cannot be used: it " + e.getReason());
        } catch (IOException e) {
            throw new CommandFailure(
                    1,
                    "the API token in " + file
                            + " cannot be read; are you allowed to? Operators log in: sanway login NAME");
        }
    }

    private static Optional<LocalGateways.Found> onlyLocal() throws CommandFailure {
        List<LocalGateways.Found> running = LocalGateways.running();
        if (running.size() > 1) {
            throw new CommandFailure(
                    3,
                    "several gateways run on this machine; choose one with --server: "
                            + String.join(
                                    ", ",
                                    running.stream()
                                            .map(LocalGateways.Found::server)
                                            .toList()));
        }
        return running.stream().findFirst();
    }

    private static SavedLogins.Login onlyLogin() throws CommandFailure {
        List<SavedLogins.Login> logins = SavedLogins.all();
        if (logins.size() == 1) {
            return logins.getFirst();
        }
        throw new CommandFailure(
                3,
                logins.isEmpty()
                        ? "no gateway runs on this machine; start one (sanway gateway run) or give --server"
                        : "you are logged in to several gateways; choose one with --server: "
                                + String.join(
                                        ", ",
                                        logins.stream()
                                                .map(login -> login.server().toString())
                                                .toList()));
    }

    private static Optional<LocalGateways.Found> matching(String url) {
        return LocalGateways.running().stream()
                .filter(found -> found.server().equals(url) || found.server().equals("https://" + url))
                .findFirst();
    }
}
