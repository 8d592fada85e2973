package dev.sanway.control;

import static dev.sanway.control.Route.Method.POST;
import static dev.sanway.metadata.OperatorRecord.Role.operator;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import dev.sanway.control.Views.TaskView;
import java.util.List;

/** Tasks and events in the API. */
final class TaskRoutes {

    private static final String NOUN = "task";
    private static final int MAX_WAIT_SECONDS = 10;

    private final Operations operations;

    TaskRoutes(Operations operations) {
        this.operations = operations;
    }

    List<Route> routes() {
        return List.of(
                Route.list(
                        "/api/v1/tasks",
                        viewer,
                        NOUN,
                        "Lists background work that runs, or ended lately.",
                        TaskView.class,
                        _ -> operations.tasks()),
                Route.get(
                        "/api/v1/tasks/{id}",
                        viewer,
                        NOUN,
                        "Shows a task.",
                        TaskView.class,
                        request -> operations.task(request.id("a task's id"))),
                Route.change(
                        POST,
                        "/api/v1/tasks/{id}/cancel",
                        operator,
                        NOUN,
                        "Stops a task, if it can be stopped.",
                        TaskView.class,
                        request -> operations.cancelTask(request.id("a task's id"))),
                Route.list(
                                "/api/v1/events",
                                viewer,
                                "event",
                                "Lists what happened, oldest first.",
                                Events.Event.class,
                                request -> operations.events(
                                        request.number("after", 0),
                                        1000L * Math.clamp(request.number("wait", 0), 0, MAX_WAIT_SECONDS)))
                        .query("after", "integer", "Only those after the event with this id.")
                        .query("wait", "integer", "Waits so many seconds, at most 10, for some if there are none."));
    }
}
