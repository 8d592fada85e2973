package dev.sanway.control;

import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.Views.ConfigView;
import dev.sanway.control.Views.DiffView;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The gateway's YAML in the API. */
final class ConfigRoutes {

    private static final String NOUN = "config";
    private static final String EXAMPLE =
            "{\"text\": \"gateway:\\n  name: ...\", \"name\": \"gateway.yaml\", \"revision\": 3}";

    private final Operations operations;

    ConfigRoutes(Operations operations) {
        this.operations = operations;
    }

    record ConfigBody(
            @ApiField(value = "The YAML.", required = true) @Nullable
            String text,

            @ApiField("What the sender calls the file; its lines are told with it.") @Nullable
            String name,

            @ApiField("What the sender knows as the current revision; needed to apply.")
            long revision,

            @ApiField("Adopts it also if hosts that are logged in lose a LUN or their target.")
            boolean force) {

        String yaml() {
            return Objects.requireNonNullElse(text, "");
        }

        String shownAs() {
            return Objects.requireNonNullElse(name, "gateway.yaml");
        }
    }

    List<Route> routes() {
        return List.of(
                Route.get(
                                "/api/v1/config",
                                viewer,
                                NOUN,
                                "Shows the configuration that counts, without secrets, and its revision.",
                                ConfigView.class,
                                request -> operations.config(request.number("revision", 0)))
                        .query("revision", "integer", "An earlier one instead; the latest 20 are kept."),
                Route.change(
                                POST,
                                "/api/v1/config/diff",
                                admin,
                                NOUN,
                                "Says what adopting a configuration would change.",
                                DiffView.class,
                                request -> {
                                    ConfigBody body = request.body(ConfigBody.class, EXAMPLE);
                                    return operations.diffConfig(body.yaml(), body.shownAs());
                                })
                        .takes(ConfigBody.class)
                        .changesNothing(),
                Route.change(
                                POST,
                                "/api/v1/config/apply",
                                admin,
                                NOUN,
                                "Writes a configuration into the gateway's own file and adopts it, all or nothing.",
                                DiffView.class,
                                request -> {
                                    ConfigBody body = request.body(ConfigBody.class, EXAMPLE);
                                    return operations.applyConfig(
                                            body.yaml(), body.shownAs(), body.revision(), body.force());
                                })
                        .takes(ConfigBody.class));
    }
}
