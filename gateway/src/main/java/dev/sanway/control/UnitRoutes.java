package dev.sanway.control;

import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.Views.PartitionView;
import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.UnitLunView;
import dev.sanway.control.Views.UnitView;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Units and what lies on them in the API. */
final class UnitRoutes {

    private static final String NOUN = "unit";

    private final Views.Source source;
    private final Operations operations;

    UnitRoutes(Views.Source source, Operations operations) {
        this.source = source;
        this.operations = operations;
    }

    record AdoptBody(
            @ApiField("Yes, what the LUN holds may be lost.")
            boolean erase) {}

    record MaintenanceBody(@ApiField("false: it is over.") boolean on) {}

    record RemoveBody(
            @ApiField("Yes, though it is away: its labels and volumes stay on it.")
            boolean force,

            @ApiField("It is gone for good, and given up with what lies on it; needs no agent.")
            boolean lost,

            @ApiField("With lost: the deleted volumes that can then not be restored any more, by UUID; see loss.")
            @Nullable
            List<String> volumes) {}

    List<Route> routes() {
        return List.of(
                Route.list(
                        "/api/v1/units",
                        viewer,
                        NOUN,
                        "Lists units and their LUNs.",
                        UnitView.class,
                        _ -> source.units()),
                Route.change(
                                POST,
                                "/api/v1/units/{unit}/luns/{lun}/adopt",
                                admin,
                                NOUN,
                                "Takes a LUN that is refused, because it is not blank, into the pool.",
                                UnitLunView.class,
                                this::adopt)
                        .takes(AdoptBody.class),
                Route.get(
                        "/api/v1/units/{unit}",
                        viewer,
                        NOUN,
                        "Shows one unit, by name or UUID.",
                        UnitView.class,
                        request -> find(source, request.path("unit"))),
                Route.change(
                        POST,
                        "/api/v1/units/{unit}/adopt",
                        admin,
                        NOUN,
                        "Takes a unit that has announced itself, by name or UUID, into the pool.",
                        UnitView.class,
                        request -> operations.adoptUnit(request.path("unit"))),
                Route.change(
                        POST,
                        "/api/v1/units/{unit}/refuse",
                        admin,
                        NOUN,
                        "Turns a unit that has announced itself, by name or UUID, away; it holds no data.",
                        UnitView.class,
                        request -> operations.refuseUnit(request.path("unit"))),
                Route.change(
                                POST,
                                "/api/v1/units/{unit}/maintenance",
                                admin,
                                NOUN,
                                "Begins or ends a unit's maintenance: it may go away and come back, and is given nothing new.",
                                Views.MaintenanceView.class,
                                request -> operations.maintainUnit(
                                        request.path("unit"),
                                        request.body(MaintenanceBody.class, "{\"on\": true}")
                                                .on()))
                        .takes(MaintenanceBody.class),
                Route.change(
                                POST,
                                "/api/v1/units/{unit}/remove",
                                admin,
                                NOUN,
                                "Takes a unit with an agent, on which nothing lies, out of the pool; one that is not in it and "
                                        + "is not heard is forgotten.",
                                UnitView.class,
                                this::remove)
                        .takes(RemoveBody.class),
                Route.get(
                        "/api/v1/units/{unit}/loss",
                        viewer,
                        NOUN,
                        "Shows what goes with a unit that is gone for good; refused if it is there, or if volumes that are in use "
                                + "lie on it.",
                        Views.LossView.class,
                        request -> operations.lossOf(request.path("unit"))),
                Route.change(
                        POST,
                        "/api/v1/units/{unit}/drain",
                        admin,
                        NOUN,
                        "Gives a unit, by name or UUID, nothing new, and moves everything that lies on it to others.",
                        TaskView.class,
                        request -> operations.drainUnit(request.path("unit"))),
                Route.change(
                        POST,
                        "/api/v1/units/{unit}/drain/cancel",
                        admin,
                        NOUN,
                        "Uses a unit that is drained, or being drained, as any other again.",
                        UnitView.class,
                        request -> operations.cancelDrain(request.path("unit"))),
                Route.get(
                        "/api/v1/pool",
                        viewer,
                        "pool",
                        "Shows how large the pool is, and how much of it is used and free.",
                        PoolView.class,
                        _ -> source.pool()),
                Route.list(
                        "/api/v1/partitions",
                        viewer,
                        "partition",
                        "Lists partitions, used and free, by unit and place.",
                        PartitionView.class,
                        _ -> source.partitions()));
    }

    /** The unit of a name or UUID. */
    static UnitView find(Views.Source source, String unit) throws ApiRefusal {
        return source.units().stream()
                .filter(view -> view.name().equals(unit)
                        || (view.agent() != null
                                && view.agent().uuid().toString().equalsIgnoreCase(unit)))
                .findFirst()
                .orElseThrow(() -> ApiRefusal.unknown("there is no unit " + unit));
    }

    private UnitView remove(ApiRequest request) throws ApiRefusal {
        RemoveBody body = request.body(RemoveBody.class, "{\"force\": true}");
        List<String> volumes = Objects.requireNonNullElse(body.volumes(), List.of());
        if (!body.lost()) {
            if (!volumes.isEmpty()) {
                throw ApiRefusal.malformed("\"volumes\" goes with \"lost\": true");
            }
            return operations.removeUnit(request.path("unit"), body.force());
        }
        List<UUID> uuids = new ArrayList<>();
        for (String volume : volumes) {
            uuids.add(uuid(volume));
        }
        return operations.loseUnit(request.path("unit"), uuids);
    }

    private static UUID uuid(String text) throws ApiRefusal {
        try {
            return UUID.fromString(text);
        } catch (IllegalArgumentException _) {
            throw ApiRefusal.malformed("\"" + text + "\" is no UUID of a volume; see: sanway volume list --deleted");
        }
    }

    private UnitLunView adopt(ApiRequest request) throws ApiRefusal {
        int lun = Math.clamp(ApiRequest.parse(request.path("lun"), "a LUN"), -1, Integer.MAX_VALUE);
        AdoptBody body = request.body(AdoptBody.class, "{\"erase\": true}");
        return operations.adopt(request.path("unit"), lun, body.erase());
    }
}
