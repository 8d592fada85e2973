package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** What the commands on hosts do with deleted ones. */
final class DeletedHosts {

    private static final String PATH = "/api/v1/deleted-hosts";

    private DeletedHosts() {}

    private static List<String> words(JsonNode array) {
        List<String> words = new ArrayList<>();
        array.forEach(each -> words.add(each.asText()));
        return words;
    }

    static int list(PrintWriter out, ClientOptions options) throws CommandFailure {
        JsonNode hosts = options.client().get(PATH);
        if (options.printed(hosts, out)) {
            return 0;
        }
        Table table = new Table("HOST", "CHAP", "DELETED", "VOLUMES", "INITIATORS");
        for (JsonNode host : hosts) {
            table.row(
                    host.path("name").asText(),
                    host.path("chap").asBoolean() ? "yes" : "no",
                    Table.time(host.path("deletedAt")),
                    String.join(", ", words(host.path("volumes"))),
                    String.join(", ", words(host.path("initiators"))));
        }
        table.print(out, "There is no deleted host that can be restored.");
        return 0;
    }

    static boolean contains(ApiClient client, String name) throws CommandFailure {
        for (JsonNode host : client.get(PATH)) {
            if (host.path("name").asText().equals(name)) {
                return true;
            }
        }
        return false;
    }

    static JsonNode forget(ApiClient client, String name) throws CommandFailure {
        return client.delete(PATH + "/" + name);
    }

    static int restore(String name, PrintWriter out, ClientOptions options) throws CommandFailure {
        JsonNode restored =
                options.client().post(PATH + "/" + name + "/restore", JsonNodeFactory.instance.objectNode());
        if (options.printed(restored, out)) {
            return 0;
        }
        List<String> volumes = words(restored.path("volumes"));
        out.println("host " + name + " is restored: target "
                + restored.path("host").path("target").asText()
                + (volumes.isEmpty() ? "" : "; it sees " + String.join(", ", volumes)));
        for (String deleted : words(restored.path("deleted"))) {
            out.println(deleted + " was deleted meanwhile; to get it back: sanway volume restore " + deleted);
        }
        for (String lost : words(restored.path("lost"))) {
            out.println(lost + " is lost: it was deleted, and its space is given to others");
        }
        return 0;
    }
}
