package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The file with the pool's keys. */
class PoolKeyFileTest {
    private static final String KEY = "ab".repeat(32);
    private static final String OTHER = "cd".repeat(40);

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private Path file(String text) throws IOException {
        Path file = folder.resolve("pool.key");
        Files.writeString(file, text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        return file;
    }

    @Test
    void aNewKeyIsItsOwnersAloneAndIsNotReplaced() throws IOException {
        Path file = folder.resolve("secrets/pool.key");
        PoolKeyFile.create(file);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        PoolKeys keys = PoolKeyFile.read(file);
        assertThat(keys.signing()).isEqualTo(1);
        assertThat(keys.keys().get(1)).hasSize(32);
        assertThatThrownBy(() -> PoolKeyFile.create(file)).isInstanceOf(FileAlreadyExistsException.class);
        Path another = folder.resolve("another.key");
        PoolKeyFile.create(another);
        assertThat(PoolKeyFile.read(another).keys().get(1))
                .isNotEqualTo(keys.keys().get(1));
    }

    @Test
    void theFirstKeySignsAndTwoAreValid() throws IOException {
        PoolKeys keys = PoolKeyFile.read(file("# old and new\n\n200 " + KEY + "\n3 " + OTHER + "\n"));
        assertThat(keys.signing()).isEqualTo(200);
        assertThat(keys.keys()).containsOnlyKeys(200, 3);
    }

    @Test
    void whatIsWrongIsSaidAndTheKeyIsNot() throws IOException {
        assertThatThrownBy(() -> PoolKeyFile.read(folder.resolve("absent"))).hasMessageContaining("no pool key");
        refused("", "holds no key");
        refused("1 abcd\n", "32");
        refused(KEY + "\n", ":1: write a key as");
        refused("1 " + KEY + "\n1 " + OTHER + "\n", ":2: the key id 1");
        refused("1 " + KEY + "\n256 " + OTHER + "\n", "256");
        refused("1 " + KEY + "\n2 " + OTHER + "\n3 " + OTHER + "\n", "at most 2");
        refused("1 " + KEY + "x\n", ":1: write");
        refused("#".repeat(20_000), "larger than 16 KiB");
        Path file = file("1 " + KEY + "\n");
        Files.write(file, new byte[] {(byte) 0xc3, 0x28});
        assertThatThrownBy(() -> PoolKeyFile.read(file)).hasMessageContaining("no text");
    }

    @Test
    @Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPipeIsNotWaitedFor() throws Exception {
        Path fifo = folder.resolve("pool.key");
        assertThat(new ProcessBuilder("mkfifo", "-m", "600", fifo.toString())
                        .start()
                        .waitFor())
                .isZero();
        assertThatThrownBy(() -> PoolKeyFile.read(fifo)).hasMessageContaining("no regular file");
    }

    private void refused(String text, String says) throws IOException {
        Path file = file(text);
        assertThatThrownBy(() -> PoolKeyFile.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(says)
                .hasMessageContaining("pool.key")
                .satisfies(thrown -> assertThat(thrown.getMessage()).doesNotContain(KEY, OTHER));
    }

    @Test
    void aKeyThatOthersCanReadIsRefused() throws IOException {
        Path file = file("1 " + KEY + "\n");
        for (String permissions : new String[] {"rw-r-----", "rw----r--", "rw--w----"}) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
            assertThatThrownBy(() -> PoolKeyFile.read(file))
                    .hasMessageContaining(permissions)
                    .hasMessageContaining("chmod 600");
        }
    }
}
