package dev.sanway.control;

import static dev.sanway.control.Route.Method.DELETE;
import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.operator;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.Views.DeletedVolumeView;
import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.metadata.MadeVolume;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Volumes in the API. */
final class VolumeRoutes {

    private static final String NOUN = "volume";
    private static final String ALL = "/api/v1/volumes";
    private static final String DELETED = "/api/v1/deleted-volumes";
    private static final int DEFAULT_CHUNK_BYTES = 64 << 10;

    private final Views.Source source;
    private final Operations operations;

    VolumeRoutes(Views.Source source, Operations operations) {
        this.source = source;
        this.operations = operations;
    }

    record SizeBody(
            @ApiField(value = "The whole size it is to have, such as 120GiB, or a number of bytes.", required = true)
            @Nullable
            String size) {}

    record NameBody(
            @ApiField(value = "<host>/<volume>, or <volume> of a shared one.", required = true) @Nullable
            String name) {}

    record RestoreBody(
            @ApiField("Another name than it had, since somebody else has that one by now.") @Nullable
            String name) {}

    record MoveBody(
            @ApiField(value = "The unit that is to be left.", required = true) @Nullable
            String from,

            @ApiField("The units that it may move to; left out: any.") @Nullable
            List<String> to) {}

    record HostBody(
            @ApiField(value = "A host's name.", required = true) @Nullable
            String name,

            @ApiField("Its LUN there; left out: the lowest free.") @Nullable
            Integer lun) {}

    record VolumeBody(
            @ApiField(value = "<host>/<volume>, or <volume> of a shared one.", required = true) @Nullable
            String name,

            @ApiField(value = "Such as 80GiB, or a number of bytes.", required = true) @Nullable
            String size,

            @ApiField("linear (the default) or striped.") @Nullable
            String layout,

            @ApiField("Striped: over so many units (2).") @Nullable
            Integer width,

            @ApiField("Striped: so much on each in turn (64KiB).") @Nullable
            String chunk,

            @ApiField("thick (the default: all space at once) or thin (space as it is written; linear).") @Nullable
            String provisioning,

            @ApiField("512 (the default) or 4096.") @Nullable
            Integer blockSize,

            @ApiField("Of a host's own volume: its LUN; left out: the lowest free.") @Nullable
            Integer lun,

            @ApiField("Of a shared volume: who sees it.") @Nullable
            List<HostBody> hosts) {}

    List<Route> routes() {
        List<Route> routes = new ArrayList<>();
        routes.add(Route.list(ALL, viewer, NOUN, "Lists volumes.", VolumeView.class, _ -> source.volumes()));
        routes.add(Route.change(
                        POST,
                        ALL,
                        operator,
                        NOUN,
                        "Makes a volume that lives in the gateway's state rather than in its YAML. It is wiped first, unless it is "
                                + "thin.",
                        VolumeView.class,
                        this::create)
                .takes(VolumeBody.class));
        for (String path : List.of(ALL + "/{name}", ALL + "/{host}/{name}")) {
            String which = path.contains("host") ? "a host's own volume" : "a shared volume";
            routes.add(Route.get(path, viewer, NOUN, "Shows " + which + ".", VolumeView.class, this::find));
            routes.add(Route.change(
                            POST,
                            path + "/grow",
                            operator,
                            NOUN,
                            "Makes " + which + " larger while it is used.",
                            VolumeView.class,
                            request -> operations.growVolume(
                                    request.volumeName(),
                                    ApiRequest.size(request.body(SizeBody.class, "{\"size\": \"120GiB\"}")
                                            .size())))
                    .takes(SizeBody.class));
            routes.add(Route.change(
                            POST,
                            path + "/move",
                            operator,
                            NOUN,
                            "Moves what of " + which + " lies on a unit to other units, while it is used.",
                            TaskView.class,
                            this::move)
                    .takes(MoveBody.class));
            routes.add(Route.change(
                            DELETE,
                            path,
                            admin,
                            NOUN,
                            "Deletes " + which + ". It can be restored until its space is needed, unless it is wiped.",
                            TaskView.class,
                            request -> operations.deleteVolume(
                                    request.volumeName(), request.flag("force"), request.flag("wipe")))
                    .query("force", "boolean", "Also while a host that sees it is logged in.")
                    .query("wipe", "boolean", "Overwrites it with zeroes; it cannot be restored then."));
            routes.add(Route.change(
                            POST,
                            path + "/rename",
                            operator,
                            NOUN,
                            "Gives " + which + " another name.",
                            VolumeView.class,
                            request -> operations.renameVolume(
                                    request.volumeName(),
                                    Objects.requireNonNullElse(
                                            request.body(NameBody.class, "{\"name\": \"web1/logs\"}")
                                                    .name(),
                                            "")))
                    .takes(NameBody.class));
        }
        routes.add(Route.list(
                DELETED,
                viewer,
                NOUN,
                "Lists deleted volumes that can be restored.",
                DeletedVolumeView.class,
                _ -> source.deletedVolumes()));
        routes.add(Route.change(
                        POST,
                        DELETED + "/{uuid}/restore",
                        operator,
                        NOUN,
                        "Makes a deleted volume what it was.",
                        VolumeView.class,
                        request -> operations.restoreVolume(
                                uuid(request),
                                Objects.requireNonNullElse(
                                        request.body(RestoreBody.class, "{\"name\": \"web1/logs\"}")
                                                .name(),
                                        "")))
                .takes(RestoreBody.class));
        routes.add(Route.change(
                DELETE,
                DELETED + "/{uuid}",
                admin,
                NOUN,
                "Overwrites a deleted volume with zeroes and gives it up for good.",
                TaskView.class,
                request -> operations.eraseVolume(uuid(request))));
        return routes;
    }

    private static UUID uuid(ApiRequest request) throws ApiRefusal {
        try {
            return UUID.fromString(request.path("uuid"));
        } catch (IllegalArgumentException _) {
            throw ApiRefusal.malformed(request.path("uuid") + " is no UUID; GET " + DELETED + " lists them");
        }
    }

    private VolumeView find(ApiRequest request) throws ApiRefusal {
        String name = request.volumeName();
        return source.volume(name).orElseThrow(() -> ApiRefusal.unknown("there is no volume " + name));
    }

    private VolumeView create(ApiRequest request) throws ApiRefusal {
        VolumeBody body = request.body(
                VolumeBody.class,
                "{\"name\": \"web1/data\", \"size\": \"80GiB\", \"layout\": \"striped\", \"width\": 2}");
        String name = Objects.requireNonNullElse(body.name(), "");
        String layout = Objects.requireNonNullElse(body.layout(), "linear");
        boolean striped = layout.equals("striped");
        if (!striped && !layout.equals("linear")) {
            throw ApiRefusal.malformed("\"" + layout + "\" is no layout; write linear or striped");
        }
        if (!striped && (body.width() != null || body.chunk() != null)) {
            throw ApiRefusal.malformed("width and chunk belong to the layout striped only");
        }
        String provisioning = Objects.requireNonNullElse(body.provisioning(), "thick");
        boolean thin = provisioning.equals("thin");
        if (!thin && !provisioning.equals("thick")) {
            throw ApiRefusal.malformed("\"" + provisioning + "\" is no provisioning; write thick or thin");
        }
        if (thin && striped) {
            throw ApiRefusal.malformed("a thin volume is linear; leave the layout out, or write provisioning thick");
        }
        long chunk = body.chunk() == null ? DEFAULT_CHUNK_BYTES : ApiRequest.size(body.chunk());
        return operations.createVolume(new Operations.NewVolume(
                name,
                ApiRequest.size(body.size()),
                Objects.requireNonNullElse(body.blockSize(), 512),
                striped ? Objects.requireNonNullElse(body.width(), 2) : 0,
                striped ? (int) Math.min(chunk, Integer.MAX_VALUE) : 0,
                thin,
                attachments(name, body)));
    }

    private TaskView move(ApiRequest request) throws ApiRefusal {
        MoveBody body = request.body(MoveBody.class, "{\"from\": \"unit1\", \"to\": [\"unit3\"]}");
        return operations.moveVolume(
                request.volumeName(),
                Objects.requireNonNullElse(body.from(), ""),
                Objects.requireNonNullElse(body.to(), List.of()));
    }

    private static List<MadeVolume.Attachment> attachments(String name, VolumeBody body) throws ApiRefusal {
        List<MadeVolume.Attachment> attachments = new ArrayList<>();
        for (HostBody host : Objects.requireNonNullElse(body.hosts(), List.<HostBody>of())) {
            attachments.add(new MadeVolume.Attachment(
                    Objects.requireNonNullElse(host.name(), ""), Objects.requireNonNullElse(host.lun(), -1)));
        }
        if (body.lun() != null) {
            int slash = name.indexOf('/');
            if (slash < 0 || !attachments.isEmpty()) {
                throw ApiRefusal.malformed("lun is for a host's own volume; a shared one has it beside each host");
            }
            attachments.add(new MadeVolume.Attachment(name.substring(0, slash), body.lun()));
        }
        return attachments;
    }
}
