package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sanway.config.Sizes;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Units as people read them. */
final class UnitTables {

    private static final long MILLIS_PER_SECOND = 1_000;

    private UnitTables() {}

    /** A line for each unit: SIZE and FREE are of its LUNs in the pool, UNUSED is what its agent could make more of. */
    static void list(JsonNode units, PrintWriter out) {
        Table table = new Table(
                "UNIT",
                "STATE",
                "FROM",
                "LUNS",
                "BARRIER",
                "SIZE",
                "FREE",
                "CAPACITY",
                "UNUSED",
                "KEY",
                "HEARD",
                "SKEW",
                "UUID",
                "DETAIL");
        for (JsonNode unit : units) {
            JsonNode agent = unit.path("agent");
            boolean heard = !agent.path("heardAt").asText("").isEmpty();
            table.row(
                    unit.path("name").asText(),
                    unit.path("state").asText(),
                    (agent.isObject() ? "agent" : "YAML") + (unit.path("spare").asBoolean() ? ", spare" : ""),
                    unit.path("luns").size(),
                    barriers(unit),
                    Sizes.show(sum(unit, "sizeBytes")),
                    Sizes.show(sum(unit, "freeBytes")),
                    agent.isObject() ? Sizes.show(agent.path("capacityBytes").asLong()) : "",
                    agent.isObject() ? Sizes.show(agent.path("unusedBytes").asLong()) : "",
                    agent.hasNonNull("keyId") ? agent.path("keyId").asText() : "",
                    heard ? ago(agent.path("heardAt").asText()) : "",
                    heard ? skew(agent.path("clockSkewMillis").asLong()) : "",
                    agent.path("uuid").asText(""),
                    detail(unit));
        }
        table.print(
                out,
                "The gateway has no units; list them under \"units\" in its gateway.yaml, or let units with \"autoConfig\" "
                        + "announce themselves.");
    }

    private static long sum(JsonNode unit, String what) {
        long sum = 0;
        for (JsonNode lun : unit.path("luns")) {
            sum += lun.path("state").asText().equals("refused")
                    ? 0
                    : lun.path(what).asLong();
        }
        return sum;
    }

    private static String detail(JsonNode unit) {
        List<String> details = new ArrayList<>();
        String own = unit.path("detail").asText("");
        if (!own.isEmpty()) {
            details.add(own);
        }
        for (JsonNode lun : unit.path("luns")) {
            String why = lun.path("detail").asText("");
            if (!why.isEmpty()) {
                details.add("LUN " + lun.path("lun").asInt() + " "
                        + lun.path("state").asText() + ": " + why);
            }
        }
        return String.join("; ", details);
    }

    private static String barriers(JsonNode unit) {
        Set<String> barriers = new TreeSet<>();
        unit.path("luns").forEach(lun -> barriers.add(lun.path("barrier").asText("")));
        barriers.remove("");
        return String.join(", ", barriers);
    }

    private static String ago(String instant) {
        return Math.max(
                        0,
                        Duration.between(Instant.parse(instant), Instant.now()).toSeconds()) + " s ago";
    }

    private static String skew(long millis) {
        return Math.abs(millis) < MILLIS_PER_SECOND
                ? "0 s"
                : (millis > 0 ? "+" : "") + millis / MILLIS_PER_SECOND + " s";
    }

    static void show(JsonNode unit, PrintWriter out) {
        line(out, "Unit", unit.path("name").asText());
        line(out, "State", unit.path("state").asText());
        line(out, "Spare", unit.path("spare").asBoolean() ? "yes: only takes the place of another unit" : "");
        line(out, "Detail", unit.path("detail").asText(""));
        line(out, "Portal", unit.path("portal").asText());
        line(out, "Target", unit.path("target").asText());
        JsonNode agent = unit.path("agent");
        if (agent.isObject()) {
            line(out, "UUID", agent.path("uuid").asText());
            line(out, "Admission", agent.path("admission").asText());
            line(out, "Agent", agent.path("status").asText());
            line(out, "Agent at", agent.path("address").asText(""));
            line(out, "Software", agent.path("software").asText(""));
            line(out, "Capacity", Sizes.show(agent.path("capacityBytes").asLong()));
            line(out, "Unused", Sizes.show(agent.path("unusedBytes").asLong()));
            line(out, "Partitions", agent.path("partitions").asText());
            line(
                    out,
                    "Signs with",
                    agent.hasNonNull("keyId")
                            ? "pool key " + agent.path("keyId").asInt()
                            : "");
            if (!agent.path("heardAt").asText("").isEmpty()) {
                line(out, "Heard", ago(agent.path("heardAt").asText()));
                line(out, "Clock skew", skew(agent.path("clockSkewMillis").asLong()));
            }
        } else {
            line(out, "From", "gateway.yaml, without an agent");
        }
        out.println();
        Table table = new Table("LUN", "STATE", "SIZE", "FREE", "BARRIER", "RESTART", "CACHE", "LABEL", "DETAIL");
        for (JsonNode lun : unit.path("luns")) {
            table.row(
                    lun.path("lun").asInt(),
                    lun.path("state").asText(),
                    Sizes.show(lun.path("sizeBytes").asLong()),
                    Sizes.show(lun.path("freeBytes").asLong()),
                    lun.path("barrier").asText(""),
                    restart(lun.path("restart").asText("")),
                    lun.path("cache").asText(""),
                    lun.path("uuid").asText(""),
                    lun.path("detail").asText(""));
        }
        table.print(out, "No LUN of it is used.");
    }

    private static String restart(String sign) {
        return switch (sign) {
            case "bootId" -> "told by boot id";
            case "attention" -> "told by 29h";
            case "none" -> "not told";
            default -> "";
        };
    }

    private static void line(PrintWriter out, String name, String value) {
        if (!value.isEmpty() && !value.equals("null")) {
            out.printf("%-12s %s%n", name, value);
        }
    }
}
