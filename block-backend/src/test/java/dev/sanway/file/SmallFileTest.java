package dev.sanway.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SmallFileTest {

    @TempDir
    Path folder;

    private Path file(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
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
}
