package dev.sanway.control;

import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.ConfigRevision;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * The gateway's own YAML and what stood in it before. The file is the truth: it is replaced whole, which is the moment at
 * which a new configuration counts; the revision is recorded behind it. A process that is killed in between finds, at its
 * next start, a file that is no revision yet, and records it then.
 *
 * <p>Blocks; used by one thread at a time.
 */
final class ConfigHistory {

    private static final int KEPT = 20;

    private final Catalog catalog;
    private final Path file;
    private final Clock clock;

    ConfigHistory(Catalog catalog, Path file, Clock clock) {
        this.catalog = catalog;
        this.file = file;
        this.clock = clock;
    }

    /** The configuration adopted last; there is one as soon as one was recorded. */
    ConfigRevision current() {
        return catalog.configRevisions().getLast();
    }

    /** One of those that are kept; null: it is not. */
    @Nullable
    ConfigRevision find(long number) {
        return catalog.configRevisions().stream()
                .filter(each -> each.revision() == number)
                .findFirst()
                .orElse(null);
    }

    /** Which are kept, in words. */
    String kept() {
        List<ConfigRevision> all = catalog.configRevisions();
        return all.getFirst().revision() + " to " + all.getLast().revision();
    }

    /** Records what the file holds, unless it is what was recorded last. */
    ConfigRevision record(String text, String origin) throws IOException {
        List<ConfigRevision> before = catalog.configRevisions();
        if (!before.isEmpty() && before.getLast().text().equals(text)) {
            return before.getLast();
        }
        long number = before.isEmpty() ? 1 : before.getLast().revision() + 1;
        ConfigRevision revision = new ConfigRevision(number, clock.instant().toString(), origin, text);
        Catalog.Batch batch = new Catalog.Batch().put(revision);
        before.stream().limit(Math.max(0, before.size() + 1 - KEPT)).forEach(batch::remove);
        try {
            catalog.commit(batch).join();
        } catch (CompletionException failure) {
            throw new IOException("the revision cannot be stored: " + failure.getMessage(), failure);
        }
        return revision;
    }

    /** Replaces the file and records it. */
    ConfigRevision adopt(String text) throws IOException {
        replace(text);
        return record(text, "apply");
    }

    /** After adopting failed: the file holds again what it held before, and the latest revision is what runs. */
    void putBack(String inFile, String running) throws IOException {
        if (!Files.readString(file).equals(inFile)) {
            replace(inFile);
        }
        record(running, "put back");
    }

    /** Whatever happens, the file holds the old text or the new one; its permissions stay. */
    private void replace(String text) throws IOException {
        Path real = file.toRealPath();
        Path temporary = real.resolveSibling("." + real.getFileName() + ".new");
        Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(real);
        Files.deleteIfExists(temporary);
        Files.writeString(
                temporary,
                text,
                StandardCharsets.UTF_8,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE,
                StandardOpenOption.DSYNC);
        Files.setPosixFilePermissions(temporary, permissions);
        Files.move(temporary, real, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        Path folder = real.getParent();
        if (folder != null) {
            try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
                directory.force(true);
            }
        }
    }
}
