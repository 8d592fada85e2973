package dev.sanway.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SmallFileTest {

    @TempDir
    Path folder;

    private Path file(String name, String text) throws IOException {
        return Files.setPosixFilePermissions(
                Files.writeString(folder.resolve(name), text), PosixFilePermissions.fromString("rw-r-----"));
    }

    private Path fifo() throws Exception {
        Path fifo = folder.resolve("fifo");
        Process made = new ProcessBuilder("mkfifo", fifo.toString()).start();
        assertThat(made.waitFor(5, TimeUnit.SECONDS) && made.exitValue() == 0).isTrue();
        return fifo;
    }

    @Test
    void aRegularFileIsReadThroughLinksUpToTheBound() throws Exception {
        Path file = file("a", " word \n");
        Files.createSymbolicLink(folder.resolve("link"), file);
        assertThat(SmallFile.secret(folder.resolve("link"))).isEqualTo("word");
        assertThat(SmallFile.text(file, 7)).isEqualTo(" word \n");
        assertThatThrownBy(() -> SmallFile.text(file, 6))
                .isInstanceOf(SmallFile.NotSmallFile.class)
                .hasMessageContaining("larger");
        assertThatThrownBy(() -> SmallFile.text(folder.resolve("none"), 6)).isInstanceOf(NoSuchFileException.class);
        Files.write(file, new byte[] {(byte) 0xc3, 0x28});
        assertThatThrownBy(() -> SmallFile.text(file, 6)).isInstanceOf(CharacterCodingException.class);
    }

    @Test
    void whatNeverEndsOrWaitsIsRefusedAtOnce() throws Exception {
        for (Path never : new Path[] {fifo(), Path.of("/dev/zero"), Path.of("/dev/null"), folder}) {
            assertThatThrownBy(() -> SmallFile.text(never, 1 << 10))
                    .as(never.toString())
                    .isInstanceOf(SmallFile.NotSmallFile.class)
                    .hasMessageContaining(never.toString());
        }
        // A regular file without a size, that has an end of its own.
        assertThat(SmallFile.text(Path.of("/proc/self/stat"), 4 << 10)).isNotEmpty();
    }

    @Test
    void outsideTheFolderNothingIsReadAndNothingIsTold() throws Exception {
        Path inside = Files.createDirectory(folder.resolve("inside"));
        Files.writeString(inside.resolve("a"), "word");
        Path outside = file("outside", "word");
        Files.createSymbolicLink(inside.resolve("out"), outside);
        Files.createSymbolicLink(folder.resolve("in"), inside);
        assertThat(SmallFile.readWithin(inside, inside.resolve("a"), 10).text()).isEqualTo("word");
        assertThat(SmallFile.readWithin(folder.resolve("in"), folder.resolve("in/a"), 10)
                        .text())
                .isEqualTo("word");
        for (Path out : new Path[] {
            outside,
            inside.resolve("out"),
            inside.resolve("../outside"),
            folder.resolve("not there"),
            Path.of("/dev/zero")
        }) {
            assertThatThrownBy(() -> SmallFile.readWithin(inside, out, 10))
                    .as(out.toString())
                    .isInstanceOf(SmallFile.OutsideFolder.class);
        }
    }

    @Test
    void aSecretIsOneLineOfTextThatNotEverybodyCanRead() throws Exception {
        assertThat(SmallFile.secret(file("good", " a secret of web1\n\n"))).isEqualTo("a secret of web1");
        assertThatThrownBy(() -> SmallFile.secret(file("two", "a secret of web1\nanother\n")))
                .isInstanceOf(SmallFile.NotSecret.class)
                .hasMessageContaining("two: has 2 lines; it should hold one line");
        assertThatThrownBy(() -> SmallFile.secret(file("bom", "\ufeffa secret of web1\n")))
                .hasMessageContaining("bom: begins with a byte order mark");
        assertThatThrownBy(() -> SmallFile.secret(file("nul", "a secret\0of web1\n")))
                .hasMessageContaining("nul: holds control characters");
        Path wide = Files.write(folder.resolve("wide"), "a secret of web1".getBytes(StandardCharsets.UTF_16));
        Files.setPosixFilePermissions(wide, PosixFilePermissions.fromString("rw-------"));
        assertThatThrownBy(() -> SmallFile.secret(wide)).hasMessageContaining("wide: is no UTF-8 text");
        Path open = file("open", "a secret of web1\n");
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
        assertThatThrownBy(() -> SmallFile.secret(open))
                .hasMessageContaining("can be read by everybody; run: chmod 600 " + open);
    }

    @Test
    void ownFoldersAreTheirUsersOnly() throws Exception {
        Path own = folder.resolve("a/own");
        Files.createDirectories(own.resolve("inner"));
        Path deep = Files.writeString(own.resolve("inner/file"), "x");
        Path elsewhere = Files.writeString(folder.resolve("elsewhere"), "x");
        Files.createSymbolicLink(own.resolve("link"), elsewhere);
        for (Path each : List.of(own, own.resolve("inner"), deep, elsewhere)) {
            Files.setPosixFilePermissions(each, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        OwnFiles.tighten(own);
        for (Path each : List.of(own, own.resolve("inner"), deep)) {
            assertThat(Files.getPosixFilePermissions(each))
                    .as(each.toString())
                    .isEqualTo(PosixFilePermissions.fromString("rwx------"));
        }
        assertThat(Files.getPosixFilePermissions(elsewhere))
                .as("what a link leads to is not ours")
                .contains(PosixFilePermission.OTHERS_READ);
        OwnFiles.tighten(folder.resolve("new/folder"));
        assertThat(Files.getPosixFilePermissions(folder.resolve("new/folder")))
                .isEqualTo(PosixFilePermissions.fromString("rwx------"));
    }
}
