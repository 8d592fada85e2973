package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import java.io.PrintWriter;
import java.util.Optional;

/** What the commands on volumes do with deleted ones. */
final class DeletedVolumes {

    private static final String PATH = "/api/v1/deleted-volumes";

    private DeletedVolumes() {}

    static int list(PrintWriter out, ClientOptions options) throws CommandFailure {
        JsonNode volumes = options.client().get(PATH);
        if (options.printed(volumes, out)) {
            return 0;
        }
        Table table = new Table("VOLUME", "SIZE", "LAYOUT", "DELETED", "UUID");
        for (JsonNode volume : volumes) {
            table.row(
                    volume.path("name").asText(),
                    Sizes.show(volume.path("sizeBytes").asLong()),
                    volume.path("provisioning").asText().equals("thin")
                            ? "thin"
                            : volume.path("layout").asText(),
                    Table.time(volume.path("deletedAt")),
                    volume.path("uuid").asText());
        }
        table.print(out, "There is no deleted volume that can be restored.");
        return 0;
    }

    private static Optional<JsonNode> find(ApiClient client, String nameOrUuid) throws CommandFailure {
        JsonNode found = null;
        // The one deleted last comes last.
        for (JsonNode volume : client.get(PATH)) {
            if (volume.path("name").asText().equals(nameOrUuid)
                    || volume.path("uuid").asText().equals(nameOrUuid)) {
                found = volume;
            }
        }
        return Optional.ofNullable(found);
    }

    static String uuid(ApiClient client, String nameOrUuid) throws CommandFailure {
        return find(client, nameOrUuid)
                .map(volume -> volume.path("uuid").asText())
                .orElseThrow(() -> new CommandFailure(
                        1,
                        "there is no deleted volume " + nameOrUuid
                                + " that can be restored; see: sanway volume list --deleted"));
    }

    /** Wipes a volume that is deleted already; false if there is one of that name that is not, which is meant then. */
    static boolean wipe(ApiClient client, String nameOrUuid, boolean yes, PrintWriter out, ClientOptions options)
            throws CommandFailure {
        for (JsonNode volume : client.get("/api/v1/volumes")) {
            if (volume.path("name").asText().equals(nameOrUuid)) {
                return false;
            }
        }
        Optional<JsonNode> found = find(client, nameOrUuid);
        if (found.isEmpty()) {
            return false;
        }
        String name = found.get().path("name").asText();
        Confirmation.ask(yes, name + ", which is deleted, can no longer be restored then.", nameOrUuid);
        JsonNode task = client.delete(PATH + "/" + found.get().path("uuid").asText());
        options.print(
                task, out, name + " is being wiped: task " + task.path("id").asLong() + ".");
        return true;
    }
}
