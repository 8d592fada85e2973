package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code sanway bench} as operators run it, against a target that is not ours. */
class BenchTest {

    private static final long DISK_BYTES = 32 << 20;

    @TempDir
    Path folder;

    private static Command bench(Tgtd target, String... options) {
        List<String> words = new ArrayList<>(
                List.of(SanwayProcess.ROOT.resolve("scripts/sanway").toString(), "bench"));
        words.addAll(List.of(options));
        words.add("iscsi://127.0.0.1:" + target.port + "/" + target.target + "/1");
        return Command.run(60, words);
    }

    @Test
    void measuresAndVerifiesAForeignTarget() throws Exception {
        try (Tgtd target = new Tgtd(folder, DISK_BYTES)) {
            JsonNode mixed = json(bench(
                    target,
                    "--erase",
                    "--verify",
                    "--pattern",
                    "mixed",
                    "--requests",
                    "3000",
                    "--warmup",
                    "0",
                    "-o",
                    "json"));
            assertThat(mixed.at("/all/requests").asLong()).isEqualTo(3000);
            assertThat(mixed.at("/checkedBlocks").asLong()).isPositive();
            assertThat(mixed.at("/read/p99.9Micros").asDouble()).isPositive();

            // Segments of tgtd's size and bursts that it asks for.
            bench(
                            target,
                            "--erase",
                            "--verify",
                            "--pattern",
                            "seq-write",
                            "--bs",
                            "1MiB",
                            "--depth",
                            "4",
                            "--requests",
                            "32",
                            "--warmup",
                            "0")
                    .succeeded();
            // What an earlier run wrote is checked against the file as well as by a later run.
            assertThat(bench(
                                    target,
                                    "--verify",
                                    "--pattern",
                                    "seq-read",
                                    "--bs",
                                    "64KiB",
                                    "--requests",
                                    "512",
                                    "--warmup",
                                    "0")
                            .succeeded())
                    .contains("checked: all right");

            try (RandomAccessFile disk = new RandomAccessFile(target.disk(1).toFile(), "rw")) {
                disk.seek(700 * 512 + 100);
                disk.write(0x55);
                disk.write(0x66);
            }
            Command damaged = bench(
                    target, "--verify", "--pattern", "seq-read", "--bs", "64KiB", "--requests", "512", "--warmup", "0");
            assertThat(damaged.exitStatus()).isEqualTo(1);
            assertThat(damaged.output()).contains("WRONG DATA: LUN 1, block 700 is damaged");
        }
    }

    @Test
    void writesNothingWithoutLeave() throws Exception {
        try (Tgtd target = new Tgtd(folder, DISK_BYTES)) {
            Command refused = bench(target, "--pattern", "write", "--requests", "10");
            assertThat(refused.exitStatus()).isEqualTo(2);
            assertThat(refused.output()).contains("say --erase");
            assertThat(bench(target, "--requests", "100", "--warmup", "0").succeeded())
                    .contains("IOPS")
                    .contains("p99.9");
        }
    }

    private static JsonNode json(Command command) throws Exception {
        return new ObjectMapper().readTree(command.succeeded());
    }
}
