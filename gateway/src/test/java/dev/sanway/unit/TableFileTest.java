package dev.sanway.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.autoconfig.UnitTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableFileTest {

    @TempDir
    Path directory;

    private final UUID unit = UUID.randomUUID();

    @Test
    void beginsAnewWhereNothingIsAndReadsWhatItWrote() throws Exception {
        TableFile file = new TableFile(directory);
        UnitTable empty = file.read(unit);
        assertThat(empty.volumes()).isEmpty();
        file.write(empty);
        assertThat(file.read(unit).unit()).isEqualTo(unit);
        assertThatThrownBy(() -> file.read(UUID.randomUUID())).hasMessageContaining("they belong together");
    }

    @Test
    void doesNotBeginAnewBesideVolumesThatItShouldKnow() throws Exception {
        Files.createDirectories(directory.resolve("requested"));
        assertThat(new TableFile(directory).read(unit).volumes()).isEmpty();
        Path volume = Files.writeString(directory.resolve("requested/" + UUID.randomUUID() + ".img"), "data");
        assertThatThrownBy(() -> new TableFile(directory).read(unit))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("agent.json is missing")
                .hasMessageContaining("requested");
        assertThat(volume).exists();
    }
}
