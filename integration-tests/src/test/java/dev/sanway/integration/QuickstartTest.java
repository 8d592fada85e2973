package dev.sanway.integration;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real {@code scripts/quickstart}, beside a {@code scripts/sanway} that writes down what it was asked for and does nothing. */
class QuickstartTest {

    private static final String SANWAY = """
            #!/usr/bin/env bash
            root=$(cd "$(dirname "$0")/.." && pwd)
            echo "$@" >>"$root/calls"
            case "$1 $2" in
              "unit run" | "gateway run")
                cat "$4" >>"$root/calls"
                echo "stand-in ready"
                exec sleep 60
                ;;
              "verify --erase") exit "$(cat "$root/verify")" ;;
            esac
            """;

    @TempDir
    Path root;

    private Path data;

    @BeforeEach
    void copy() throws IOException {
        Path project = project();
        for (String folder : List.of("scripts", "config/quickstart")) {
            copy(project.resolve(folder), root.resolve(folder));
        }
        Files.writeString(root.resolve("scripts/sanway"), SANWAY);
        Files.createDirectories(root.resolve("gateway/target/dist/lib"));
        data = Files.createDirectories(root.resolve("data"));
        Files.createDirectories(data.resolve("unit1"));
        Files.writeString(data.resolve("unit1/volume1.img"), "what a user wrote");
        copy(root.resolve("config/quickstart"), data);
    }

    private static Path project() {
        Path here = Path.of("").toAbsolutePath();
        return Files.exists(here.resolve("scripts/quickstart")) ? here : Objects.requireNonNull(here.getParent());
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.walkFileTree(from, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) throws IOException {
                Files.createDirectories(to.resolve(from.relativize(folder)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private Command check(int verifyStatus) throws IOException {
        Files.writeString(root.resolve("verify"), Integer.toString(verifyStatus));
        return Command.run(60, root.resolve("scripts/quickstart").toString(), "--check", "--dir", data.toString());
    }

    private List<String> filesBesideTheData() throws IOException {
        try (Stream<Path> files = Files.list(data)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.endsWith(".yaml") && !name.equals("unit1"))
                    .toList();
        }
    }

    @Test
    void aCheckTouchesNothingThatTheQuickstartKeeps() throws IOException {
        assertThat(check(0).succeeded()).contains("every layout wrote and read back");
        String calls = Files.readString(root.resolve("calls"));
        assertThat(calls)
                .as("neither its ports, nor its folder, nor its name")
                .doesNotContainPattern("127\\.0\\.0\\.1:13(260|271|272|273|443)\\b")
                .doesNotContain(data + "/gateway.yaml", data + "/unit1.yaml", "name: quickstart\n");
        assertThat(calls.lines().filter(line -> line.startsWith("verify --erase")))
                .hasSize(4);
        assertThat(data.resolve("unit1/volume1.img")).hasContent("what a user wrote");
        assertThat(filesBesideTheData()).as("what the check made is gone").isEmpty();
    }

    @Test
    void aCheckThatFailedLeavesItsFolderAndSaysWhere() throws IOException {
        Command failed = check(1);
        assertThat(failed.exitStatus()).isEqualTo(1);
        assertThat(filesBesideTheData())
                .singleElement()
                .satisfies(name ->
                        assertThat(failed.output()).contains("What the check made stays in " + data.resolve(name)));
    }
}
