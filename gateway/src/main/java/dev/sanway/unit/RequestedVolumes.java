package dev.sanway.unit;

import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.block.FileDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.IoThreads;
import dev.sanway.config.Sizes;
import dev.sanway.file.OwnFiles;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of volumes that a gateway asked for: {@code requested/UUID.img} in the unit's directory, and of those that it gave up:
 * {@code trash/MILLIS-UUID.img}, for a day. What is in the unit's table counts; a file that is not in it, left by a process that
 * ended halfway, goes to the trash. One thread, which may wait for the disk.
 */
final class RequestedVolumes {

    private static final Logger log = LoggerFactory.getLogger(RequestedVolumes.class);

    /** How long what was deleted can still be got back by hand. */
    private static final Duration KEPT_IN_TRASH = Duration.ofDays(1);

    private static final String SUFFIX = ".img";

    private final Path folder;
    private final Path trash;
    private final String unitName;
    private final ServedVolumes served;
    private final IoThreads threads;
    private final Supplier<EventLoop> loops;

    /** {@code loops}: gives each volume the loop that owns it. */
    RequestedVolumes(
            Path directory, String unitName, ServedVolumes served, IoThreads threads, Supplier<EventLoop> loops) {
        this.folder = directory.resolve("requested");
        this.trash = directory.resolve("trash");
        this.unitName = unitName;
        this.served = served;
        this.threads = threads;
        this.loops = loops;
    }

    private Path file(UUID volume) {
        return folder.resolve(volume + SUFFIX);
    }

    /**
     * Serves what a table holds, and clears away what it does not.
     *
     * @return the volumes as they were found: larger than the table says if a process ended between extending and noting it,
     *     failed if the file is not there
     */
    List<StoredVolume> open(List<StoredVolume> requested) throws IOException {
        List<StoredVolume> found = new ArrayList<>();
        for (StoredVolume volume : requested) {
            Path file = file(volume.uuid());
            boolean there = Files.exists(file) && Files.size(file) >= volume.sizeBytes();
            if (there) {
                serve(volume);
            } else {
                log.error(
                        "LUN {}: {} is missing or shorter than the {} that it had; it is not served. Put it back, then "
                                + "start the unit again",
                        volume.lun(),
                        file,
                        Sizes.show(volume.sizeBytes()));
            }
            found.add(new StoredVolume(
                    volume.uuid(),
                    volume.target(),
                    volume.lun(),
                    there ? Files.size(file) : volume.sizeBytes(),
                    volume.blockSizeBytes(),
                    there ? Health.GOOD : Health.FAILED,
                    false));
        }
        sweep(Set.copyOf(requested.stream().map(StoredVolume::uuid).toList()));
        return found;
    }

    private void sweep(Set<UUID> known) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (known.stream().noneMatch(uuid -> name.equals(uuid + SUFFIX))) {
                    toTrash(file);
                }
            }
        }
    }

    /** Makes a file that reads as zeroes, durably. May be done again. */
    void create(UUID volume, long sizeBytes, boolean thin) throws IOException {
        OwnFiles.makeFolder(folder);
        // What a process that ended has left was never served.
        Files.deleteIfExists(file(volume));
        FileDevice.create(
                file(volume), sizeBytes, thin ? FileDevice.Allocation.SPARSE : FileDevice.Allocation.PREALLOCATED);
    }

    /** As {@link ServedVolumes#grow}. */
    CompletableFuture<String> extend(UUID volume, long sizeBytes) {
        return served.grow(volume, sizeBytes);
    }

    /** Shows a volume under its LUN, unless it is shown already. */
    void serve(StoredVolume volume) throws IOException {
        if (served.serves(volume.uuid())) {
            return;
        }
        Path file = file(volume.uuid());
        FileDevice device = FileDevice.open(
                file,
                volume.blockSizeBytes(),
                new Identity(volume.uuid(), unitName + "/" + volume.uuid()),
                loops.get(),
                threads);
        served.add(volume.uuid(), volume.lun(), device, true);
        log.info("LUN {}: {}, made on request, {}", volume.lun(), Sizes.show(volume.sizeBytes()), file);
    }

    /** Shows a volume no more; completes when its file may be moved to the trash with {@link #bury}. */
    CompletableFuture<Void> withdraw(UUID volume) {
        return served.remove(volume);
    }

    void bury(UUID volume) throws IOException {
        Path file = file(volume);
        if (Files.exists(file)) {
            toTrash(file);
        }
    }

    private void toTrash(Path file) throws IOException {
        OwnFiles.makeFolder(trash);
        Path there = trash.resolve(System.currentTimeMillis() + "-" + file.getFileName());
        Files.move(file, there, StandardCopyOption.ATOMIC_MOVE);
        log.info("{} is no volume any more; it is kept in {} for a day", file.getFileName(), trash);
    }

    /** Deletes what was in the trash for long enough. */
    void emptyTrash() throws IOException {
        if (!Files.exists(trash)) {
            return;
        }
        long before = System.currentTimeMillis() - KEPT_IN_TRASH.toMillis();
        try (Stream<Path> files = Files.list(trash)) {
            for (Path file : files.toList()) {
                String[] parts = file.getFileName().toString().split("-", 2);
                if (parts[0].matches("\\d{1,15}") && Long.parseLong(parts[0]) < before) {
                    Files.delete(file);
                    log.info("{} was in the trash for a day and is deleted", file);
                }
            }
        }
    }
}
