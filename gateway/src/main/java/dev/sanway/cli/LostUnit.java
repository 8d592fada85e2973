package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.config.Sizes;
import java.util.ArrayList;
import java.util.List;

/** Gives a unit up that is gone for good, once whoever asks knows what goes with it. */
final class LostUnit {

    private LostUnit() {}

    static JsonNode giveUp(ApiClient client, String unit, boolean yes) throws CommandFailure {
        String path = "/api/v1/units/" + Names.checked(unit);
        JsonNode loss = client.get(path + "/loss");
        Confirmation.ask(yes, consequence(loss), loss.path("unit").asText());
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("lost", true);
        // No other volume than those that were told of is given up.
        ArrayNode volumes = body.putArray("volumes");
        loss.path("volumes").forEach(volume -> volumes.add(volume.path("uuid").asText()));
        return client.post(path + "/remove", body);
    }

    private static String consequence(JsonNode loss) {
        StringBuilder text = new StringBuilder("unit " + loss.path("unit").asText() + " is given up. ");
        List<String> volumes = new ArrayList<>();
        for (JsonNode volume : loss.path("volumes")) {
            volumes.add(volume.path("name").asText() + " ("
                    + Sizes.show(volume.path("sizeBytes").asLong()) + ")");
        }
        text.append(
                volumes.isEmpty()
                        ? "No volume is lost with it."
                        : "These deleted volumes can then not be restored any more: " + String.join(", ", volumes)
                                + ".");
        List<String> erasing = new ArrayList<>();
        loss.path("erasing").forEach(volume -> erasing.add(volume.asText()));
        if (!erasing.isEmpty()) {
            text.append(" Of ")
                    .append(String.join(", ", erasing))
                    .append(", which is being wiped, what lies on it is not wiped.");
        }
        return text.append(" Should it come back, what it holds is not used.").toString();
    }
}
