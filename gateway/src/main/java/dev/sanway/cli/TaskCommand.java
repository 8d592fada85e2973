package dev.sanway.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.sanway.config.Sizes;
import java.io.Console;
import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "task",
        mixinStandardHelpOptions = true,
        description =
                "Shows what the gateway does in the background: wiping, growing, deleting and moving volumes, draining "
                        + "units. Tasks go on after a restart.",
        footerHeading = "%nExamples:%n",
        footer = {"  sanway task list", "  sanway task wait 7", "  sanway task cancel 7"})
final class TaskCommand extends SanwayCommand.Group {

    private static final long POLL_MILLIS = 300;
    private static final int BAR_WIDTH = 40;

    @Command(
            name = "list",
            mixinStandardHelpOptions = true,
            description = "Lists tasks: those that run, and those that ended lately.",
            footerHeading = "%nExample:%n",
            footer = "  sanway task list")
    int list(@Mixin ClientOptions options) throws CommandFailure {
        JsonNode tasks = options.client().get("/api/v1/tasks");
        if (options.printed(tasks, out())) {
            return 0;
        }
        Table table = new Table("TASK", "KIND", "WHAT", "STATE", "PROGRESS", "STARTED", "ENDED", "DETAIL");
        tasks.forEach(task -> row(table, task));
        table.print(out(), "There were no tasks lately.");
        return 0;
    }

    private static void row(Table table, JsonNode task) {
        table.row(
                task.path("id").asLong(),
                task.path("kind").asText(),
                what(task),
                task.path("state").asText(),
                progress(task),
                Table.time(task.path("startedAt")),
                Table.time(task.path("endedAt")),
                task.path("detail").asText(""));
    }

    private static String what(JsonNode task) {
        String volume = task.path("volume").asText();
        String unit = task.path("unit").asText("");
        return unit.isEmpty() ? volume : volume.isEmpty() ? unit : volume + " from " + unit;
    }

    private static String progress(JsonNode task) {
        String percent = task.path("percent").asInt() + " %";
        long bytes = task.path("bytes").asLong();
        return bytes == 0 ? percent : percent + " of " + Sizes.show(bytes);
    }

    private int show(JsonNode task, ClientOptions options) {
        if (!options.printed(task, out())) {
            Table table = new Table("TASK", "KIND", "WHAT", "STATE", "PROGRESS", "STARTED", "ENDED", "DETAIL");
            row(table, task);
            table.print(out(), "");
        }
        String state = task.path("state").asText();
        return state.equals("cancelled") || state.equals("failed") ? 1 : 0;
    }

    @Command(
            name = "show",
            mixinStandardHelpOptions = true,
            description = "Shows a task.",
            footerHeading = "%nExample:%n",
            footer = "  sanway task show 7")
    int show(@Parameters(paramLabel = "TASK", description = "Its number.") long id, @Mixin ClientOptions options)
            throws CommandFailure {
        show(options.client().get("/api/v1/tasks/" + id), options);
        return 0;
    }

    @Command(
            name = "wait",
            mixinStandardHelpOptions = true,
            description =
                    "Waits until a task has ended; exit status 0 if it was done, 1 if it was cancelled, failed or takes "
                            + "longer than --timeout.",
            footerHeading = "%nExample:%n",
            footer = "  sanway task wait 7 --timeout 60")
    int await(
            @Parameters(paramLabel = "TASK", description = "Its number.") long id,
            @Option(
                            names = "--timeout",
                            paramLabel = "SECONDS",
                            defaultValue = "3600",
                            description = "At most so long (${DEFAULT-VALUE}).")
                    long seconds,
            @Mixin ClientOptions options)
            throws CommandFailure {
        ApiClient client = options.client();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        JsonNode task = client.get("/api/v1/tasks/" + id);
        boolean watched = onTerminal() && options.output == ClientOptions.Output.table;
        while (task.path("state").asText().equals("running")) {
            if (watched) {
                bar(task);
            }
            if (System.nanoTime() - deadline > 0) {
                throw new CommandFailure(
                        1, "task " + id + " is at " + task.path("percent").asInt() + " % after " + seconds + " s");
            }
            try {
                TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CommandFailure(1, "interrupted");
            }
            task = client.get("/api/v1/tasks/" + id);
        }
        if (watched) {
            bar(task);
            spec.commandLine().getErr().println();
        }
        return show(task, options);
    }

    @SuppressWarnings("SystemConsoleNull") // It is null where there is no terminal, since JDK 25 again.
    private static boolean onTerminal() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }

    /** Over the one before. */
    private void bar(JsonNode task) {
        int percent = task.path("percent").asInt();
        int full = percent * BAR_WIDTH / 100;
        PrintWriter err = spec.commandLine().getErr();
        err.print("\r" + task.path("kind").asText() + " " + what(task) + " [" + "#".repeat(full)
                + ".".repeat(BAR_WIDTH - full) + "] " + percent + " %  ");
        err.flush();
    }

    @Command(
            name = "cancel",
            mixinStandardHelpOptions = true,
            description =
                    "Stops a task. A volume that grows stays as large as it was; one that is wiped for the first time "
                            + "is deleted; one that moves stays where it is, but for what has moved already. What gateway.yaml wants is changed there instead.",
            footerHeading = "%nExample:%n",
            footer = "  sanway task cancel 7")
    int cancel(@Parameters(paramLabel = "TASK", description = "Its number.") long id, @Mixin ClientOptions options)
            throws CommandFailure {
        show(options.client().post("/api/v1/tasks/" + id + "/cancel", JsonNodeFactory.instance.objectNode()), options);
        return 0;
    }
}
