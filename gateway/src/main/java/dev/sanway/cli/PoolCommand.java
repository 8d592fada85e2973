package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
        name = "pool",
        mixinStandardHelpOptions = true,
        description = "Shows the storage pool: what all units' LUNs together can hold.",
        footerHeading = "%nExample:%n",
        footer = "  sanway pool show")
final class PoolCommand extends SanwayCommand.Group {

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description =
                    "Shows how large the pool is, and how much of it is used, free, and held by deleted volumes that "
                            + "can be restored.",
            footerHeading = "%nExample:%n",
            footer = "  sanway pool show")
    int show(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode pool = options.client().get("/api/v1/pool");
        if (options.printed(pool, out())) {
            return 0;
        }
        Table table = new Table("UNIT", "LUN", "REACHABLE", "SIZE", "USED", "RESTORABLE", "FREE");
        for (JsonNode unit : pool.path("units")) {
            row(
                    table,
                    unit,
                    unit.path("unit").asText(),
                    unit.path("lun").asText(),
                    unit.path("reachable").asBoolean() ? "yes" : "no");
        }
        if (pool.path("units").size() > 1) {
            row(table, pool, "all", "", "");
        }
        table.print(out(), "The pool is empty: no unit's LUN is in it. See: sanway unit list");
        return 0;
    }

    private static void row(Table table, JsonNode of, String unit, String lun, String reachable) {
        table.row(
                unit,
                lun,
                reachable,
                Sizes.show(of.path("sizeBytes").asLong()),
                Sizes.show(of.path("usedBytes").asLong()),
                Sizes.show(of.path("restorableBytes").asLong()),
                Sizes.show(of.path("freeBytes").asLong()));
    }
}
