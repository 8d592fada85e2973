package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.config.Sizes;
import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "host",
        mixinStandardHelpOptions = true,
        description = "Shows hosts and their targets, and makes and deletes those that gateway.yaml does not declare.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway host list",
            "  sanway host show web1",
            "  sanway host create web3 --initiator iqn.1993-08.org.debian:01:web3",
            "  sanway host delete web3",
            "  sanway host restore web3"
        })
final class HostCommand extends SanwayCommand.Group {

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists hosts, or with --deleted those that were deleted and can be restored.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway host list", "  sanway host list --deleted"})
    int list(
            @Option(names = "--deleted", description = "Those that were deleted and can be restored.") boolean deleted,
            @Mixin ClientOptions options)
            throws CommandFailure {
        if (deleted) {
            return DeletedHosts.list(out(), options);
        }
        JsonNode hosts = options.client().get("/api/v1/hosts");
        if (options.printed(hosts, out())) {
            return 0;
        }
        Table table = new Table("HOST", "TARGET", "CHAP", "DECLARED", "INITIATORS");
        for (JsonNode host : hosts) {
            List<String> initiators = new ArrayList<>();
            host.path("initiators").forEach(name -> initiators.add(name.asText()));
            table.row(
                    host.path("name").asText(),
                    host.path("target").asText(),
                    host.path("chap").asBoolean() ? "yes" : "no",
                    host.path("declared").asText(),
                    String.join(", ", initiators));
        }
        table.print(out(), "There are no hosts; declare them in gateway.yaml, or: sanway host create");
        return 0;
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows a host: who may log in, its volumes and its sessions.",
            footerHeading = "%nExample:%n",
            footer = "  sanway host show web1")
    int show(
            @Parameters(paramLabel = "HOST", description = "The host's name.") String name,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        JsonNode host = client.get("/api/v1/hosts/" + Names.checked(name));
        if (options.printed(host, out())) {
            return 0;
        }
        List<String> initiators = new ArrayList<>();
        host.path("initiators").forEach(each -> initiators.add(each.asText()));
        out().println("Host        " + name);
        out().println("Target      " + host.path("target").asText());
        out().println("Initiators  " + String.join(", ", initiators));
        out().println("CHAP        " + (host.path("chap").asBoolean() ? "yes" : "no"));
        out().println("Declared    " + host.path("declared").asText());
        out().println();
        Table volumes = new Table("LUN", "VOLUME", "SIZE", "STATE");
        for (JsonNode volume : client.get("/api/v1/volumes")) {
            for (JsonNode seen : volume.path("hosts")) {
                if (seen.path("host").asText().equals(name)) {
                    volumes.row(
                            seen.path("lun").asInt(),
                            volume.path("name").asText(),
                            Sizes.show(volume.path("sizeBytes").asLong()),
                            VolumeCommand.state(volume));
                }
            }
        }
        volumes.print(out(), "It sees no volume; make one: sanway volume create " + name + "/data --size 10GiB");
        out().println();
        Table sessions = new Table("INITIATOR", "FROM");
        for (JsonNode session : client.get("/api/v1/sessions")) {
            if (session.path("host").asText().equals(name)) {
                sessions.row(
                        session.path("initiator").asText(),
                        session.path("remoteAddress").asText().replaceFirst("^/", ""));
            }
        }
        sessions.print(out(), "It is not logged in.");
        return 0;
    }

    @Command(
            name = "create",
            mixinStandardHelpOptions = true,
            description =
                    "Makes a host with a target of its own. It lives in the gateway's state, not in gateway.yaml, and "
                            + "survives restarts and reloads. Secrets are read from files, never from the command line.",
            footerHeading = "%nExamples:%n",
            footer = {
                "  sanway host create web3 --initiator iqn.1993-08.org.debian:01:web3",
                "  sanway host create web4 --initiator iqn.1993-08.org.debian:01:web4 --chap-user web4 "
                        + "--chap-secret-file web4.secret"
            })
    int create(
            @Parameters(paramLabel = "HOST", description = "A name for it.") String name,
            @Option(
                            names = "--initiator",
                            paramLabel = "IQN",
                            required = true,
                            description = "An initiator that may log in, or * for any. Once for each.")
                    List<String> initiators,
            @Option(names = "--chap-user", paramLabel = "USER", description = "CHAP: the host's user name.") @Nullable
                    String user,
            @Option(names = "--chap-secret-file", paramLabel = "FILE", description = "CHAP: a file with the secret.")
                    @Nullable
                    Path secretFile,
            @Option(names = "--mutual-user", paramLabel = "USER", description = "Mutual CHAP: the gateway's user name.")
                    @Nullable
                    String mutualUser,
            @Option(names = "--mutual-secret-file", paramLabel = "FILE", description = "Mutual CHAP: its secret.")
                    @Nullable
                    Path mutualSecretFile,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("name", Names.checked(name));
        initiators.forEach(body.putArray("initiators")::add);
        if ((user == null) != (secretFile == null)
                || (mutualUser == null) != (mutualSecretFile == null)
                || (user == null && mutualUser != null)) {
            throw new CommandFailure(
                    2,
                    "CHAP wants --chap-user and --chap-secret-file; mutual CHAP --mutual-user and --mutual-secret-file, too");
        }
        if (secretFile != null) {
            ObjectNode chap = body.putObject("chap").put("user", user).put("secret", secret(secretFile));
            if (mutualSecretFile != null) {
                chap.put("mutualUser", mutualUser).put("mutualSecret", secret(mutualSecretFile));
            }
        }
        JsonNode host = options.client().post("/api/v1/hosts", body);
        options.print(
                host,
                out(),
                "host " + name + ": target "
                        + host.path("target").asText() + ". Give it a volume: sanway volume create "
                        + name + "/data --size 10GiB");
        return 0;
    }

    private static String secret(Path file) throws CommandFailure {
        try {
            return SmallFile.secret(file);
        } catch (SmallFile.NotSmallFile e) {
            throw new CommandFailure(1, file + " " + e.getReason() + "; it should hold one line, the secret");
        } catch (SmallFile.NotSecret e) {
            throw new CommandFailure(1, file + " " + e.getReason());
        } catch (IOException e) {
            throw new CommandFailure(
                    1, "the secret in " + file + " cannot be read; make the file with one line, the secret");
        }
    }

    @Command(
            name = "delete",
            mixinStandardHelpOptions = true,
            description =
                    "Deletes a host: nobody can log in to its target any more. Its volumes are kept with their data; "
                            + "delete them with sanway volume delete. Refused while it is logged in. Undone by sanway host "
                            + "restore.",
            footerHeading = "%nExamples:%n",
            footer = {"  sanway host delete web3 --yes", "  sanway host delete web3 --forget      its secrets go, too"})
    int delete(
            @Parameters(paramLabel = "HOST", description = "The host's name.") String name,
            @Option(names = "--yes", description = "Do not ask.") boolean yes,
            @Option(names = "--force", description = "Also while it is logged in.") boolean force,
            @Option(
                            names = "--forget",
                            description = "It cannot be restored, and its CHAP secrets are deleted; also later.")
                    boolean forget,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        String path = "/api/v1/hosts/" + Names.checked(name);
        if (forget && DeletedHosts.contains(client, name)) {
            Confirmation.ask(yes, "host " + name + " was deleted; it could not be restored any more.", name);
            options.print(DeletedHosts.forget(client, name), out(), "host " + name + " is forgotten.");
            return 0;
        }
        client.get(path);
        List<String> volumes = new ArrayList<>();
        for (JsonNode volume : client.get("/api/v1/volumes")) {
            for (JsonNode seen : volume.path("hosts")) {
                if (seen.path("host").asText().equals(name)) {
                    volumes.add(volume.path("name").asText());
                }
            }
        }
        Confirmation.ask(
                yes,
                "host " + name
                        + (volumes.isEmpty()
                                ? " sees no volume."
                                : " will no longer reach " + String.join(", ", volumes) + "; their data are kept."),
                name);
        JsonNode host = client.delete(path + "?force=" + force + "&forget=" + forget);
        options.print(
                host,
                out(),
                "host " + name + " is deleted." + (forget ? "" : " To undo that: sanway host restore " + name));
        return 0;
    }

    @Command(
            name = "restore",
            mixinStandardHelpOptions = true,
            description =
                    "Makes a deleted host what it was: its initiators, its CHAP secrets, and its volumes under their LUNs. "
                            + "Says which of its volumes were deleted meanwhile, or are lost.",
            footerHeading = "%nExample:%n",
            footer = "  sanway host restore web3")
    int restore(
            @Parameters(paramLabel = "HOST", description = "Its name, as in \"sanway host list --deleted\".")
                    String name,
            @Mixin ClientOptions options)
            throws CommandFailure {
        return DeletedHosts.restore(Names.checked(name), out(), options);
    }
}
