package dev.sanway.control;

import dev.sanway.control.Views.UnitView;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** What operators do to units with an agent. Any thread but the control executor's and the event loops. */
final class UnitOperations {

    private final ControlThread control;
    private final AgentUnits agents;
    private final TableAudit audit;
    private final Views.Source views;
    private final Function<String, List<String>> volumesOn;

    /** {@code volumesOn}: the volumes that have data on the unit of a name; asked on the control executor. */
    UnitOperations(
            ControlThread control,
            AgentUnits agents,
            TableAudit audit,
            Views.Source views,
            Function<String, List<String>> volumesOn) {
        this.control = control;
        this.agents = agents;
        this.audit = audit;
        this.views = views;
        this.volumesOn = volumesOn;
    }

    private interface Step {
        CompletableFuture<Void> begin(AgentUnits.Known known) throws ApiRefusal;
    }

    private UnitView done(String unit, Step step) throws ApiRefusal {
        ApiRefusal[] refusal = new ApiRefusal[1];
        String uuid = control.askLater(() -> {
            try {
                AgentUnits.Known known = agents.find(unit);
                return step.begin(known).thenApply(_ -> known.uuid.toString());
            } catch (ApiRefusal refused) {
                refusal[0] = refused;
                return CompletableFuture.completedFuture("");
            }
        });
        if (refusal[0] != null) {
            throw refusal[0];
        }
        return UnitRoutes.find(views, uuid);
    }

    UnitView adopt(String unit) throws ApiRefusal {
        return done(unit, known -> agents.adopt(known).thenCompose(_ -> audit.tellAnew(known)));
    }

    UnitView refuse(String unit) throws ApiRefusal {
        return done(unit, known -> agents.refuse(known, volumesOn.apply(known.name)));
    }
}
