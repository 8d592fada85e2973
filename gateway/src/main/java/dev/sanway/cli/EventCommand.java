package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "event",
        mixinStandardHelpOptions = true,
        description = "Shows what happened at the gateway, also before it was started again.",
        footerHeading = "%nExample:%n",
        footer = "  sanway event list --follow")
final class EventCommand extends SanwayCommand.Group {

    private static final int WAIT_SECONDS = 10;

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists events, oldest first; the latest 1,000 are kept.",
            footerHeading = "%nExample:%n",
            footer = "  sanway event list --follow")
    int list(
            @Option(names = "--follow", description = "Goes on with new ones until Ctrl-C.") boolean follow,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        JsonNode events = client.get("/api/v1/events");
        if (!follow && options.output == ClientOptions.Output.json) {
            out().println(events.toPrettyString());
            return 0;
        }
        long last = print(events, options, 0);
        while (follow) {
            last = print(
                    client.get(
                            "/api/v1/events?after=" + last + "&wait=" + WAIT_SECONDS,
                            Duration.ofSeconds(2 * WAIT_SECONDS)),
                    options,
                    last);
        }
        return 0;
    }

    /** A line for each; with JSON each line is an object. */
    private long print(JsonNode events, ClientOptions options, long before) {
        long last = before;
        for (JsonNode event : events) {
            last = event.path("id").asLong();
            if (options.output == ClientOptions.Output.json) {
                out().println(event);
            } else {
                out().println(event.path("at").asText().replaceFirst("\\.[0-9]+Z$", "Z") + "  "
                        + (event.path("severity").asText().equals("warning") ? "!  " : "   ")
                        + event.path("subject").asText() + ": "
                        + event.path("text").asText());
            }
        }
        out().flush();
        return last;
    }
}
