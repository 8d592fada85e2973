package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "volume",
        mixinStandardHelpOptions = true,
        description = "Shows volumes: what hosts see as disks.",
        footerHeading = "%nExample:%n",
        footer = {"  sanway volume list", "  sanway volume show web1/data"})
final class VolumeCommand extends SanwayCommand.Group {

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists volumes.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode volumes = options.client().get("/api/v1/volumes");
        if (options.output == ClientOptions.Output.json) {
            out().println(volumes.toPrettyString());
            return 0;
        }
        Table table = new Table("VOLUME", "SIZE", "LAYOUT", "STATE", "HOSTS", "UNITS");
        for (JsonNode volume : volumes) {
            table.row(
                    volume.path("name").asText(),
                    Sizes.show(volume.path("sizeBytes").asLong()),
                    layout(volume),
                    state(volume),
                    hosts(volume),
                    units(volume));
        }
        table.print(out(), "There are no volumes; declare them under \"hosts\" in gateway.yaml.");
        return 0;
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows a volume: its hosts, and the partitions that it lies on.")
    int show(
            @Parameters(paramLabel = "VOLUME", description = "<host>/<volume>, or the name of a shared one")
                    String name,
            @Mixin ClientOptions options)
            throws CommandFailure {
        JsonNode volume = options.client().get("/api/v1/volumes/" + Names.checkedVolume(name));
        if (options.output == ClientOptions.Output.json) {
            out().println(volume.toPrettyString());
            return 0;
        }
        out().println("Volume      " + volume.path("name").asText());
        out().println("State       " + state(volume));
        out().println("Size        " + Sizes.show(volume.path("sizeBytes").asLong()) + " in blocks of "
                + volume.path("blockSizeBytes").asInt() + " bytes");
        out().println("Layout      " + layout(volume));
        out().println("Identity    " + volume.path("uuid").asText());
        out().println();
        Table hosts = new Table("HOST", "LUN", "TARGET");
        for (JsonNode host : volume.path("hosts")) {
            hosts.row(
                    host.path("host").asText(),
                    host.path("lun").asInt(),
                    host.path("target").asText());
        }
        hosts.print(out(), "No host sees it.");
        out().println();
        PartitionCommand.table(volume.path("partitions"), out());
        return 0;
    }

    private static String state(JsonNode volume) {
        String detail = volume.path("detail").asText("");
        String state = volume.path("state").asText().replace("notReady", "not ready");
        return detail.isEmpty() || detail.equals("null") ? state : state + ": " + detail;
    }

    private static String layout(JsonNode volume) {
        String layout = volume.path("layout").asText();
        return layout.equals("striped")
                ? "striped " + volume.path("width").asInt() + " x "
                        + Sizes.show(volume.path("chunkBytes").asLong())
                : layout;
    }

    private static String hosts(JsonNode volume) {
        List<String> hosts = new ArrayList<>();
        for (JsonNode host : volume.path("hosts")) {
            hosts.add(host.path("host").asText() + ":" + host.path("lun").asInt());
        }
        return String.join(", ", hosts);
    }

    private static String units(JsonNode volume) {
        List<String> units = new ArrayList<>();
        for (JsonNode partition : volume.path("partitions")) {
            String unit = partition.path("unit").asText();
            if (!units.contains(unit)) {
                units.add(unit);
            }
        }
        return String.join(", ", units);
    }
}
