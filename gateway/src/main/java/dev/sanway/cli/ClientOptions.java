package dev.sanway.cli;

import dev.sanway.control.ApiCredentials;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
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

    ApiClient client() throws CommandFailure {
        String url = Optional.ofNullable(server).orElse(System.getenv("SANWAY_SERVER"));
        Optional<LocalGateways.Found> local = url == null ? Optional.of(onlyLocal()) : matching(url);
        String address = url == null ? local.orElseThrow().server() : url;
        Path state = local.map(LocalGateways.Found::stateDirectory).orElse(null);
        String fromEnvironment = System.getenv("SANWAY_CERTIFICATE");
        Path trusted = certificate != null
                ? certificate
                : fromEnvironment != null
                        ? Path.of(fromEnvironment)
                        : state == null ? null : state.resolve(ApiCredentials.CERTIFICATE_FILE);
        return new ApiClient(uri(address), token(state), trusted);
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

    private String token(@Nullable Path state) throws CommandFailure {
        String fromEnvironment = System.getenv("SANWAY_TOKEN");
        Path file = tokenFile != null ? tokenFile : state == null ? null : state.resolve(ApiCredentials.TOKEN_FILE);
        if (tokenFile == null && fromEnvironment != null) {
            return fromEnvironment;
        }
        if (file == null) {
            throw new CommandFailure(1, "no API token: give --token-file or set SANWAY_TOKEN");
        }
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new CommandFailure(1, "the API token in " + file + " cannot be read; are you allowed to?");
        }
    }

    private static LocalGateways.Found onlyLocal() throws CommandFailure {
        List<LocalGateways.Found> running = LocalGateways.running();
        if (running.size() == 1) {
            return running.getFirst();
        }
        throw new CommandFailure(
                3,
                running.isEmpty()
                        ? "no gateway runs on this machine; start one (sanway gateway run) or give --server"
                        : "several gateways run on this machine; choose one with --server: "
                                + String.join(
                                        ", ",
                                        running.stream()
                                                .map(LocalGateways.Found::server)
                                                .toList()));
    }

    private static Optional<LocalGateways.Found> matching(String url) {
        return LocalGateways.running().stream()
                .filter(found -> found.server().equals(url) || found.server().equals("https://" + url))
                .findFirst();
    }
}
