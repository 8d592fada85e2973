package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.GatewayConfigReader;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.MadeHost;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts that were made by command, and the files of their secrets. */
class DeclarationsTest {

    @TempDir
    Path folder;

    private Path state;

    @SuppressWarnings("NullAway.Init")
    private GatewayConfig yaml;

    @SuppressWarnings("NullAway.Init")
    private Catalog catalog;

    @SuppressWarnings("NullAway.Init")
    private MadeByCommand made;

    private final List<String> closed = new ArrayList<>();

    @BeforeEach
    void start() throws Exception {
        Path file = Files.writeString(folder.resolve("gateway.yaml"), """
                gateway:
                  name: gw1
                  portals: ["127.0.0.1:13260"]
                  stateDirectory: state
                """);
        state = folder.resolve("state");
        yaml = GatewayConfigReader.read(file);
        catalog = Catalog.open(state);
        made = new MadeByCommand(catalog, yaml);
    }

    @AfterEach
    void stop() {
        catalog.close();
    }

    private GatewayConfig declared() {
        closed.clear();
        return Declarations.merge(yaml, catalog, state, (host, why) -> closed.add(host + ": " + why));
    }

    private void create(String name, String secret, String mutualSecret) throws Exception {
        catalog.commit(made.newHost(
                        declared(),
                        name,
                        List.of("iqn.2026-11.example:" + name),
                        new Operations.NewChap("u", secret, "gw", mutualSecret)))
                .join();
    }

    private GatewayConfig.Host host(String name) {
        return declared().hosts().stream()
                .filter(host -> host.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static String text(byte[] secret) {
        return new String(secret, StandardCharsets.UTF_8);
    }

    @Test
    void noHostsSecretIsInAnothersFile() throws Exception {
        create("wx", "secret-of-wx", "mutual-secret-of-wx");
        create("wx.mutual", "secret-of-wx.mutual", "mutual-secret-of-wx.mutual");
        create("wx.secret", "secret-of-wx.secret", "mutual-secret-of-wx.secret");
        for (String name : List.of("wx", "wx.mutual", "wx.secret")) {
            var chap = host(name).access().chap();
            assertThat(chap).isNotNull();
            assertThat(text(chap.secret().bytes())).isEqualTo("secret-of-" + name);
            assertThat(chap.mutualSecret()).isNotNull();
            assertThat(text(chap.mutualSecret().bytes())).isEqualTo("mutual-secret-of-" + name);
        }
        MadeHost before = catalog.madeHost("wx").orElseThrow();
        catalog.commit(made.withoutHost(declared(), "wx")).join();
        made.forgetSecrets(List.of(before));
        assertThat(declared().hosts()).hasSize(2);
        assertThat(closed).isEmpty();
        assertThat(state.resolve(MadeByCommand.secrets(before).getFirst())).doesNotExist();
    }

    @Test
    void aHostWhoseSecretIsGoneIsClosedAndEverybodyElseIsServed() throws Exception {
        create("web1", "secret-of-web1", "mutual-secret-of-web1");
        create("web2", "secret-of-web2", "mutual-secret-of-web2");
        Files.delete(state.resolve(
                MadeByCommand.secrets(catalog.madeHost("web1").orElseThrow()).getLast()));
        assertThat(host("web1").access().allows("iqn.2026-11.example:web1")).isFalse();
        assertThat(closed)
                .singleElement()
                .asString()
                .contains("web1: nobody can log in as it", "is gone. Put the file back", "sanway host create web1");
        assertThat(host("web2").access().allows("iqn.2026-11.example:web2")).isTrue();
    }

    /** Two lines in a secret file match what no host sends. */
    @Test
    void aSecretThatNoHostCouldProveIsRefused() {
        for (String wrong :
                List.of("two lines of\nsecret", "\ufeffa secret of web1", "a secret\0of web1", " a secret of web1")) {
            assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> create("web1", wrong, "mutual-secret")))
                    .isInstanceOf(ApiRefusal.class)
                    .hasMessageContaining("one line of text");
        }
    }
}
