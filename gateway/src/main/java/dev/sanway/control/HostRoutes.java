package dev.sanway.control;

import static dev.sanway.control.Route.Method.DELETE;
import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.operator;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.Views.DeletedHostView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.RestoredHostView;
import dev.sanway.control.Views.SessionView;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Hosts and their sessions in the API. */
final class HostRoutes {

    private static final String NOUN = "host";

    private final Views.Source source;
    private final Operations operations;

    HostRoutes(Views.Source source, Operations operations) {
        this.source = source;
        this.operations = operations;
    }

    record ChapBody(
            @ApiField(value = "The host's user name.", required = true) @Nullable
            String user,

            @ApiField(value = "Its secret, 12 to 255 bytes.", required = true) @Nullable
            String secret,

            @ApiField("Mutual CHAP: the gateway's user name.") @Nullable
            String mutualUser,

            @ApiField("Mutual CHAP: the gateway's secret, another one.") @Nullable
            String mutualSecret) {
        @Override
        public String toString() {
            return "CHAP of " + user;
        }
    }

    record NewHostBody(
            @ApiField(value = "Its name.", required = true) @Nullable
            String name,

            @ApiField(value = "The iSCSI names of its initiators; * for any.", required = true) @Nullable
            List<String> initiators,

            @ApiField("How it logs in; left out: without CHAP.") @Nullable
            ChapBody chap) {}

    List<Route> routes() {
        return List.of(
                Route.list("/api/v1/hosts", viewer, NOUN, "Lists hosts.", HostView.class, _ -> source.hosts()),
                Route.get("/api/v1/hosts/{name}", viewer, NOUN, "Shows a host.", HostView.class, this::find),
                Route.change(
                                POST,
                                "/api/v1/hosts",
                                operator,
                                NOUN,
                                "Makes a host that lives in the gateway's state rather than in its YAML.",
                                HostView.class,
                                this::create)
                        .takes(NewHostBody.class),
                Route.change(
                                DELETE,
                                "/api/v1/hosts/{name}",
                                admin,
                                NOUN,
                                "Deletes a host; its volumes are kept.",
                                HostView.class,
                                request -> operations.deleteHost(
                                        request.path("name"), request.flag("force"), request.flag("forget")))
                        .query("force", "boolean", "Also while it is logged in.")
                        .query("forget", "boolean", "It cannot be restored, and its secrets are deleted."),
                Route.list(
                        "/api/v1/deleted-hosts",
                        viewer,
                        NOUN,
                        "Lists hosts that were deleted and can be restored.",
                        DeletedHostView.class,
                        _ -> operations.deletedHosts()),
                Route.change(
                        DELETE,
                        "/api/v1/deleted-hosts/{name}",
                        admin,
                        NOUN,
                        "Makes it impossible to restore a deleted host, and deletes its secrets.",
                        DeletedHostView.class,
                        request -> operations.forgetHost(request.path("name"))),
                Route.change(
                        POST,
                        "/api/v1/deleted-hosts/{name}/restore",
                        admin,
                        NOUN,
                        "Makes a deleted host what it was, and says what became of its volumes.",
                        RestoredHostView.class,
                        request -> operations.restoreHost(request.path("name"))),
                Route.list(
                        "/api/v1/sessions",
                        viewer,
                        "session",
                        "Lists the sessions of hosts.",
                        SessionView.class,
                        _ -> source.sessions()),
                Route.change(
                        DELETE,
                        "/api/v1/sessions/{host}/{number}",
                        operator,
                        "session",
                        "Ends a session of a host, which may log in again.",
                        SessionView.class,
                        request -> operations.dropSession(
                                request.path("host"),
                                Math.clamp(
                                        ApiRequest.parse(request.path("number"), "a session's number"),
                                        0,
                                        Integer.MAX_VALUE))));
    }

    private HostView find(ApiRequest request) throws ApiRefusal {
        String name = request.path("name");
        return source.hosts().stream()
                .filter(host -> host.name().equals(name))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown("there is no host " + name));
    }

    private HostView create(ApiRequest request) throws ApiRefusal {
        NewHostBody body = request.body(
                NewHostBody.class, "{\"name\": \"web1\", \"initiators\": [\"iqn.1993-08.org.debian:01:web1\"]}");
        ChapBody chap = body.chap();
        return operations.createHost(
                Objects.requireNonNullElse(body.name(), ""),
                Objects.requireNonNullElse(body.initiators(), List.of()),
                chap == null
                        ? null
                        : new Operations.NewChap(
                                Objects.requireNonNullElse(chap.user(), ""),
                                Objects.requireNonNullElse(chap.secret(), ""),
                                chap.mutualUser(),
                                chap.mutualSecret()));
    }
}
