package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "partition",
        mixinStandardHelpOptions = true,
        description = "Shows partitions: the pieces of units' LUNs that volumes lie on.",
        footerHeading = "%nExample:%n",
        footer = "  sanway partition list")
final class PartitionCommand extends SanwayCommand.Group {

    @Command(name = "list", mixinStandardHelpOptions = true, description = "Lists partitions, by unit and place.")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode partitions = options.client().get("/api/v1/partitions");
        if (!options.printed(partitions, out())) {
            table(partitions, out());
        }
        return 0;
    }

    static void table(JsonNode partitions, PrintWriter out) {
        Table table = new Table("UNIT", "LUN", "START", "LENGTH", "STATE", "VOLUME", "PARTITION");
        for (JsonNode partition : partitions) {
            table.row(
                    partition.path("unit").asText(),
                    partition.path("lun").asInt(),
                    Sizes.show(partition.path("startBytes").asLong()),
                    Sizes.show(partition.path("lengthBytes").asLong()),
                    partition.path("state").asText(),
                    partition.path("volume").asText(""),
                    partition.path("uuid").asText(""));
        }
        table.print(out, "There are no partitions.");
    }
}
