package dev.sanway.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.SecretFile;
import dev.sanway.config.UnitConfig;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CommandsTest {

    private final List<String> ran = new ArrayList<>();

    private final Processes processes = new Processes() {
        @Override
        public void runGateway(GatewayConfig config, boolean newPool) {
            ran.add("gateway " + config.name());
        }

        @Override
        public void runUnit(UnitConfig config) {
            ran.add("unit " + config.name());
        }
    };

    @TempDir
    Path folder;

    private int run(String... words) {
        return SanwayCommand.execute(processes, words);
    }

    @Test
    void whatInitWritesIsRightAndRuns() {
        for (String kind : List.of("gateway", "unit")) {
            String file = folder.resolve(kind + ".yaml").toString();
            assertThat(run(kind, "init", "--config", file)).isZero();
            assertThat(run(kind, "init", "--config", file))
                    .as("never overwrites")
                    .isEqualTo(1);
            assertThat(run("config", "check", file)).isZero();
            assertThat(run(kind, "run", "--config", file)).isZero();
        }
        assertThat(ran).hasSize(2);
    }

    @Test
    void exitStatusTellsWhatWentWrong() throws Exception {
        Path wrong = folder.resolve("wrong.yaml");
        Files.writeString(wrong, "gateway: {}\n");
        assertThat(run("config", "check", wrong.toString())).isEqualTo(1);
        assertThat(run("gateway", "run", "--config", wrong.toString())).isEqualTo(1);
        assertThat(run("nonsense")).isEqualTo(2);
        assertThat(run("volume")).isEqualTo(2);
        assertThat(run("volume", "list", "--server", "https://127.0.0.1:1"))
                .as("no token")
                .isEqualTo(1);
        Path token = folder.resolve("token");
        SecretFile.write(token, "x");
        assertThat(run("volume", "list", "--server", "https://127.0.0.1:1", "--token-file", token.toString()))
                .as("nobody there")
                .isEqualTo(3);
        assertThat(ran).isEmpty();
    }

    @Test
    void everyCommandHasHelp() {
        List<String> walked = new ArrayList<>();
        walk(SanwayCommand.commandLine(processes), List.of(), walked);
        assertThat(walked).hasSizeGreaterThan(40).contains("operator create", "volume restore", "completion");
    }

    private void walk(CommandLine command, List<String> words, List<String> walked) {
        command.getSubcommands().forEach((name, sub) -> {
            List<String> more = new ArrayList<>(words);
            more.add(name);
            if (!name.equals("help")) {
                walked.add(String.join(" ", more));
                StringWriter out = new StringWriter();
                sub.usage(new PrintWriter(out));
                assertThat(out.toString()).as(String.join(" ", more)).contains("Usage: sanway");
                assertThat(sub.getCommandSpec().usageMessage().description())
                        .as(String.join(" ", more))
                        .isNotEmpty();
                more.add("--help");
                assertThat(run(more.toArray(new String[0]))).isZero();
                more.removeLast();
            }
            walk(sub, more, walked);
        });
    }

    @Test
    void shellsCanCompleteEveryCommand() {
        StringWriter out = new StringWriter();
        CommandLine line = SanwayCommand.commandLine(processes).setOut(new PrintWriter(out));
        assertThat(line.execute("completion", "bash")).isZero();
        assertThat(out.toString()).contains("complete -F", "operator", "--password-file", "bashcompinit");
        assertThat(run("completion", "fish")).isEqualTo(2);
    }

    @Test
    void wrongUsesOfBenchAreRefused() throws Exception {
        String url = "iscsi://127.0.0.1:1/iqn.2026-11.example:a/0";
        Path secret = folder.resolve("secret");
        SecretFile.write(secret, "short");
        for (String[] words : new String[][] {
            {"bench"},
            {"bench", "http://127.0.0.1/"},
            {"bench", "--pattern", "reads", url},
            {"bench", "--pattern", "write", url},
            {"bench", "--pattern", "mixed:70", "--verify", url},
            {"bench", "--block-size", "1000", url},
            {"bench", "--block-size", "1GiB", url},
            {"bench", "--size", "much", url},
            {"bench", "--depth", "0", url},
            {"bench", "--depth", "100000", url},
            {"bench", "--sessions", "0", url},
            {"bench", "--seconds", "1", "--requests", "1", url},
            {"bench", "--chap-user", "me", url},
            {"bench", "--secret-file", secret.toString(), url},
            {"bench", "--initiator", "me", url},
            {"bench", url + ","}
        }) {
            assertThat(run(words)).as(String.join(" ", words)).isEqualTo(2);
        }
        assertThat(run("bench", "--chap-user", "me", "--secret-file", secret.toString(), url))
                .as("short secret")
                .isEqualTo(1);
        assertThat(run("bench", url)).as("nobody there").isEqualTo(1);
    }

    @Test
    void urlsOfLunsAreRead() throws Exception {
        IscsiUrl url = IscsiUrl.parse("iscsi://me%secret@[::1]:13260/iqn.2026-11.example:a/7");
        assertThat(url.host()).isEqualTo("::1");
        assertThat(url.port()).isEqualTo(13260);
        assertThat(url.lun()).isEqualTo(7);
        assertThat(url.toString()).doesNotContain("secret");
        assertThat(IscsiUrl.parse("iscsi://host/iqn.2026-11.example:a/0").port())
                .isEqualTo(3260);
    }
}
