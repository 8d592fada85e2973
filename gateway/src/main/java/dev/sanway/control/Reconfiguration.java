package dev.sanway.control;

import dev.sanway.config.ConfigException;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.control.Views.ConfigView;
import dev.sanway.control.Views.DiffView;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.ConfigRevision;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Changes what a running gateway is to be: by its YAML, read again or sent, and by commands. Everything is checked before
 * anything is changed, and what cannot be changed as a whole is refused as a whole.
 *
 * <p>Blocks its callers, who take turns; they are no event loops and not the control executor.
 */
final class Reconfiguration {

    /** Whoever brings what runs in line with what is declared. Called on the control executor. */
    interface Reconciler {
        /** Completes when what can be shown at once is shown; the rest follows in the background. */
        CompletableFuture<Void> adopt(GatewayConfig declared);

        ConfigDiff.Facts facts();
    }

    private final ControlThread control;
    private final Catalog catalog;
    private final ConfigHistory history;
    private final Reconciler reconciler;
    private final Events events;

    /** What the YAML says. */
    private GatewayConfig yaml;

    /** What was said of hosts whose secrets are gone, so that it is said once. */
    private final Set<String> told = new HashSet<>();

    /** And what was made by command beside it. */
    private volatile GatewayConfig declared;

    Reconfiguration(
            ControlThread control,
            Catalog catalog,
            ConfigHistory history,
            Reconciler reconciler,
            Events events,
            GatewayConfig yaml,
            GatewayConfig declared) {
        this.control = control;
        this.catalog = catalog;
        this.history = history;
        this.reconciler = reconciler;
        this.events = events;
        this.yaml = yaml;
        this.declared = declared;
    }

    /** All that is declared now. Any thread. */
    GatewayConfig declared() {
        return declared;
    }

    /** The configuration that counts, or an earlier one of those that are kept; 0: the one that counts. */
    synchronized ConfigView shown(long number) throws ApiRefusal {
        ConfigRevision revision = number == 0 ? history.current() : history.find(number);
        if (revision == null) {
            throw ApiRefusal.unknown("there is no revision " + number + " any more; kept are " + history.kept());
        }
        return new ConfigView(
                revision.revision(),
                revision.adoptedAt(),
                revision.origin(),
                yaml.file().toString(),
                revision.text());
    }

    private record Checked(GatewayConfig yaml, GatewayConfig declared, ConfigDiff diff) {}

    private Checked check(String text, boolean sent, String shownAs) throws ApiRefusal {
        try {
            GatewayConfig wanted = GatewayConfigReader.read(yaml.file(), sent, shownAs, text);
            GatewayConfig all = Declarations.merge(wanted, catalog, yaml.stateDirectory(), this::closed);
            ConfigDiff diff = control.ask(() -> ConfigDiff.between(declared, all, shownAs, reconciler.facts()));
            return new Checked(wanted, all, diff);
        } catch (ConfigException mistakes) {
            throw ApiRefusal.configuration("the configuration has mistakes; nothing was changed", mistakes.problems());
        }
    }

    private void closed(String host, String why) {
        if (told.add(host + why)) {
            events.warning("host " + host, why);
        }
    }

    /** What adopting a text would change; changes nothing. */
    synchronized DiffView diff(String text, String shownAs) throws ApiRefusal {
        ConfigDiff diff = check(text, true, shownAs).diff();
        return new DiffView(history.current().revision(), diff.changes(), diff.losses(), diff.refusals());
    }

    /**
     * Writes a text into the gateway's YAML and adopts it.
     *
     * @param revision what the caller knows as the current one; another one is refused
     * @param force also if hosts that are logged in lose something
     */
    synchronized DiffView apply(String text, String shownAs, long revision, boolean force) throws ApiRefusal {
        long now = history.current().revision();
        if (revision != now) {
            throw ApiRefusal.conflict("the configuration is at revision " + now + ", you started from " + revision
                    + ": somebody changed it meanwhile. Look at it with \"sanway config show\", then apply again");
        }
        Checked checked = check(text, true, shownAs);
        refuseIf(checked.diff().refusals());
        if (!force && !checked.diff().losses().isEmpty()) {
            throw ApiRefusal.configuration(
                    "hosts that are logged in would lose what they may be using; nothing was changed. Log them out first, or say"
                            + " --force",
                    checked.diff().losses());
        }
        String before = history.current().text();
        String inFile = null;
        try {
            // It may have been edited since it was read.
            inFile = Files.readString(yaml.file());
            ConfigRevision adopted =
                    text.equals(before) && text.equals(inFile) ? history.current() : history.adopt(text);
            adopt(checked);
            return new DiffView(
                    adopted.revision(), checked.diff().changes(), checked.diff().losses(), List.of());
        } catch (IOException e) {
            putBack(inFile, before);
            throw ApiRefusal.conflict(yaml.file() + " cannot be written: " + e.getMessage()
                    + "; nothing was changed. Is the gateway allowed to write in that folder?");
        } catch (RuntimeException e) {
            putBack(inFile, before);
            throw ApiRefusal.conflict("it cannot be adopted, and nothing was changed: " + e.getMessage());
        }
    }

    /** Whatever failed in adopting, the file is what it was; null: it was not even read. */
    private void putBack(@Nullable String inFile, String running) {
        if (inFile == null) {
            return;
        }
        try {
            history.putBack(inFile, running);
        } catch (IOException | RuntimeException e) {
            events.warning(
                    "configuration",
                    yaml.file() + " is perhaps not what the gateway runs with, see \"sanway config show\": "
                            + e.getMessage());
        }
    }

    private static void refuseIf(List<String> refusals) throws ApiRefusal {
        if (!refusals.isEmpty()) {
            throw ApiRefusal.configuration(
                    "this cannot be changed while the gateway runs; nothing was changed", refusals);
        }
    }

    /** A change of what was made by command: what to store, made up from what is declared now. */
    interface MadeChange {
        Catalog.Batch batch(GatewayConfig declared) throws ApiRefusal;
    }

    /** Stores a change and brings what runs in line with it. */
    synchronized void change(MadeChange change) throws ApiRefusal {
        try {
            catalog.commit(change.batch(declared)).join();
            GatewayConfig all = Declarations.merge(yaml, catalog, yaml.stateDirectory(), this::closed);
            declared = all;
            control.askLater(() -> reconciler.adopt(all));
        } catch (CompletionException e) {
            throw ApiRefusal.conflict("the state directory cannot be written: " + e.getMessage());
        }
    }

    /** Reads the YAML again, as after SIGHUP; mistakes go to the log and change nothing. */
    synchronized void reload() {
        String subject = "configuration";
        try {
            String text = GatewayConfigReader.structurallyRight(yaml.file());
            Checked checked = check(text, false, yaml.file().toString());
            refuseIf(checked.diff().refusals());
            String before = history.current().text();
            // Recorded first: what runs is never another than the revision that is shown.
            ConfigRevision adopted = history.record(text, "reload");
            try {
                adopt(checked);
            } catch (RuntimeException failure) {
                history.record(before, "put back");
                throw failure;
            }
            if (checked.diff().changes().isEmpty()) {
                events.info(subject, "read again, revision " + adopted.revision() + ": nothing changes");
            }
        } catch (ConfigException mistakes) {
            events.warning(subject, "not read again, nothing was changed: " + String.join("; ", mistakes.problems()));
        } catch (ApiRefusal refusal) {
            events.warning(
                    subject,
                    "not read again, nothing was changed: "
                            + (refusal.problems().isEmpty()
                                    ? refusal.getMessage()
                                    : String.join("; ", refusal.problems())));
        } catch (IOException | RuntimeException e) {
            events.warning(subject, "not read again, nothing was changed: " + e.getMessage());
        }
    }

    /** All of it, or what was before. */
    private void adopt(Checked checked) {
        bring(checked.declared());
        for (ConfigDiff.Change change : checked.diff().changes()) {
            events.info("configuration", change.subject() + " " + change.kind() + ": " + change.text());
        }
        yaml = checked.yaml();
        declared = checked.declared();
    }

    private void bring(GatewayConfig wanted) {
        GatewayConfig before = declared;
        try {
            control.askLater(() -> reconciler.adopt(wanted));
        } catch (RuntimeException failure) {
            try {
                control.askLater(() -> reconciler.adopt(before));
            } catch (RuntimeException again) {
                failure.addSuppressed(again);
            }
            throw failure;
        }
    }
}
