package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.VolumeRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A configuration that cannot be adopted after all leaves everything as it was. */
class ReconfigurationTest {

    private static final String YAML = """
            gateway:
              name: gw1
              portals: ["127.0.0.1:13260"]
              stateDirectory: state
            hosts:
              - {name: web1, initiators: ["iqn.2026-11.example:web1"]}
            """;

    private static final String WITH_WEB2 = YAML + "  - {name: web2, initiators: [\"iqn.2026-11.example:web2\"]}\n";

    @TempDir
    Path folder;

    /** Fails at whatever has web2, as a fault of ours would. */
    private static final class FailingReconciler implements Reconfiguration.Reconciler, ConfigDiff.Facts {
        private final List<List<String>> adopted = new ArrayList<>();

        @Override
        public CompletableFuture<Void> adopt(GatewayConfig declared) {
            List<String> hosts =
                    declared.hosts().stream().map(GatewayConfig.Host::name).toList();
            adopted.add(hosts);
            if (hosts.contains("web2")) {
                throw new IllegalArgumentException("web2 is too much");
            }
            return CompletableFuture.completedFuture(null);
        }

        @Override
        public ConfigDiff.Facts facts() {
            return this;
        }

        @Override
        public Optional<VolumeRecord> volume(String name) {
            return Optional.empty();
        }

        @Override
        public Optional<Integer> lun(String host, String volume) {
            return Optional.empty();
        }

        @Override
        public List<String> volumesOn(String unit) {
            return List.of();
        }

        @Override
        public long sessions(String host) {
            return 0;
        }
    }

    private final ControlThread control = new ControlThread();
    private final FailingReconciler reconciler = new FailingReconciler();

    @SuppressWarnings("NullAway.Init")
    private Catalog catalog;

    @SuppressWarnings("NullAway.Init")
    private Events events;

    @SuppressWarnings("NullAway.Init")
    private Reconfiguration reconfiguration;

    @SuppressWarnings("NullAway.Init")
    private Path file;

    @BeforeEach
    void start() throws Exception {
        file = Files.writeString(folder.resolve("gateway.yaml"), YAML);
        catalog = Catalog.open(folder.resolve("state"));
        events = new Events(Clock.systemUTC(), catalog.journal(Events.JOURNAL, Events.KEPT));
        ConfigHistory history = new ConfigHistory(catalog, file, Clock.systemUTC());
        history.record(YAML, "start");
        GatewayConfig config = GatewayConfigReader.read(file);
        reconfiguration = new Reconfiguration(control, catalog, history, reconciler, events, config, config);
    }

    @AfterEach
    void stop() {
        control.stop(1);
        catalog.close();
    }

    private List<String> declared() {
        return reconfiguration.declared().hosts().stream()
                .map(GatewayConfig.Host::name)
                .toList();
    }

    @Test
    void anApplyThatFailsLeavesFileAndState() throws Exception {
        assertThatThrownBy(() -> reconfiguration.apply(WITH_WEB2, "new.yaml", 1, false))
                .isInstanceOf(ApiRefusal.class)
                .hasMessageContaining("nothing was changed");
        assertThat(Files.readString(file)).isEqualTo(YAML);
        assertThat(declared()).containsExactly("web1");
        assertThat(reconfiguration.shown(0).text()).isEqualTo(YAML);
        assertThat(reconciler.adopted).last().isEqualTo(List.of("web1"));
    }

    @Test
    void anApplyThatFailsKeepsWhatWasEditedAndNotReadYet() throws Exception {
        Files.writeString(file, "# edited\n" + YAML);
        assertThatThrownBy(() -> reconfiguration.apply(WITH_WEB2, "new.yaml", 1, false))
                .isInstanceOf(ApiRefusal.class);
        assertThat(Files.readString(file)).isEqualTo("# edited\n" + YAML);
        assertThat(reconfiguration.shown(0).text()).isEqualTo(YAML);
    }

    @Test
    void aReloadThatFailsIsAnEventAndLeavesState() throws Exception {
        Files.writeString(file, WITH_WEB2);
        reconfiguration.reload();
        assertThat(events.after(0, 0))
                .last()
                .extracting(Events.Event::text)
                .asString()
                .contains("not read again, nothing was changed");
        assertThat(declared()).containsExactly("web1");
        assertThat(reconfiguration.shown(0).text()).isEqualTo(YAML);
        assertThat(reconciler.adopted).last().isEqualTo(List.of("web1"));
    }
}
