package dev.sanway.unit;

import dev.sanway.autoconfig.Message.Health;
import dev.sanway.autoconfig.Message.StoredVolume;
import dev.sanway.block.FileDevice;
import dev.sanway.block.Identity;
import dev.sanway.block.IoThreads;
import dev.sanway.config.Sizes;
import dev.sanway.config.UnitConfig;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files and disks that unit.yaml names. One that is not there, or is not what it was, is not served; the others are, and it is
 * tried again. {@link #open} is called once, on the thread that starts the unit; afterwards all is done by a thread of its own.
 */
final class DeclaredVolumes implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(DeclaredVolumes.class);

    private static final int AGAIN_SECONDS = 2;

    // Of st_mode, inode(7).
    private static final int S_IFMT = 0xf000;
    private static final int S_IFREG = 0x8000;
    private static final int S_IFBLK = 0x6000;
    private static final int S_IFDIR = 0x4000;
    private static final int S_IFCHR = 0x2000;

    private final UnitConfig config;
    private final UnitState state;
    private final ServedVolumes served;
    private final IoThreads threads;
    private final Supplier<EventLoop> loops;
    private final ScheduledExecutorService again = Executors.newSingleThreadScheduledExecutor(
            task -> Thread.ofPlatform().daemon().name("sanway-volumes").unstarted(task));

    private final Map<UUID, StoredVolume> stored = new LinkedHashMap<>();
    /** Those that are not served, and why. */
    private final Map<UnitConfig.Volume, String> missing = new LinkedHashMap<>();

    /** {@code loops}: gives each volume the loop that owns it. */
    DeclaredVolumes(
            UnitConfig config, UnitState state, ServedVolumes served, IoThreads threads, Supplier<EventLoop> loops) {
        this.config = config;
        this.state = state;
        this.served = served;
        this.threads = threads;
        this.loops = loops;
    }

    /**
     * Serves what can be served. Blocks.
     *
     * @throws IOException if the configuration asks for what must not be done
     */
    void open() throws IOException {
        for (UnitConfig.Volume volume : config.volumes()) {
            checkNotSmaller(volume);
            look(volume);
        }
        state.save();
    }

    /** All of them, as they are now; those that are not served are FAILED. */
    synchronized List<StoredVolume> stored() {
        return List.copyOf(stored.values());
    }

    /** What whole disks hold. */
    long deviceBytes() {
        long bytes = 0;
        for (UnitConfig.Volume volume : config.volumes()) {
            bytes += volume.device() == null ? 0 : entry(volume).sizeBytes();
        }
        return bytes;
    }

    /** From now on looks again for what is not served; {@code changed} is told of all of them when one of them has come. */
    void lookAgain(Consumer<List<StoredVolume>> changed) {
        if (!missing.isEmpty()) {
            again.scheduleWithFixedDelay(() -> again(changed), AGAIN_SECONDS, AGAIN_SECONDS, TimeUnit.SECONDS);
        }
    }

    private void again(Consumer<List<StoredVolume>> changed) {
        boolean came = false;
        for (UnitConfig.Volume volume : List.copyOf(missing.keySet())) {
            came |= look(volume);
        }
        if (came) {
            try {
                state.save();
            } catch (IOException failure) {
                log.warn("the sizes of volumes are not stored: {}", failure.toString());
            }
            changed.accept(stored());
        }
    }

    private UnitState.Entry entry(UnitConfig.Volume volume) {
        return Objects.requireNonNull(state.volumes().get(volume.name()));
    }

    /** Whether it is served now. */
    private boolean look(UnitConfig.Volume volume) {
        UnitState.Entry entry = entry(volume);
        try {
            FileDevice device = open(volume, entry, loops.get());
            long sizeBytes = device.geometry().sizeBytes();
            state.volumes().put(volume.name(), entry.ofSize(sizeBytes));
            served.add(entry.uuid(), entry.lun(), device, volume.device() == null && !volume.preallocate());
            missing.remove(volume);
            note(volume, sizeBytes, Health.GOOD);
            log.info("LUN {}: {} of {}, {}", entry.lun(), volume.name(), Sizes.show(sizeBytes), path(volume));
            return true;
        } catch (IOException failure) {
            String why = reason(failure);
            if (!why.equals(missing.put(volume, why))) {
                log.error(
                        "LUN {}: {} is not served: {}. It is looked for again every {} s; the other volumes are served",
                        entry.lun(),
                        volume.name(),
                        why,
                        AGAIN_SECONDS);
            }
            note(
                    volume,
                    Math.max(entry.sizeBytes(), Math.max(volume.sizeBytes(), volume.blockSizeBytes())),
                    Health.FAILED);
            return false;
        }
    }

    private static String reason(IOException failure) {
        if (failure instanceof NoSuchFileException gone) {
            return gone.getFile() + " is not there";
        }
        return failure instanceof FileSystemException of && of.getReason() == null
                ? of.getFile() + " cannot be opened (" + failure.getClass().getSimpleName() + ")"
                : String.valueOf(failure.getMessage());
    }

    private synchronized void note(UnitConfig.Volume volume, long sizeBytes, Health health) {
        UnitState.Entry entry = entry(volume);
        stored.put(
                entry.uuid(),
                new StoredVolume(entry.uuid(), null, entry.lun(), sizeBytes, volume.blockSizeBytes(), health, true));
    }

    // ---- files and disks

    private Path path(UnitConfig.Volume volume) {
        return volume.device() != null ? volume.device() : config.directory().resolve(volume.name() + ".img");
    }

    private void checkNotSmaller(UnitConfig.Volume volume) throws IOException {
        Path file = path(volume);
        if (volume.device() == null && Files.exists(file) && Files.size(file) > volume.sizeBytes()) {
            throw new IOException(config.file() + ":" + volume.line() + ": the volume " + volume.name() + " has "
                    + Files.size(file) + " bytes already and is not made smaller; write that size or more");
        }
    }

    /** A terminal or /dev/null would take everything and keep nothing; opening a pipe would wait. */
    private static void checkKind(Path path) throws IOException {
        int kind = (int) Files.getAttribute(path, "unix:mode") & S_IFMT;
        if (kind != S_IFREG && kind != S_IFBLK) {
            throw new IOException(path + " is "
                    + (kind == S_IFDIR ? "a folder" : kind == S_IFCHR ? "a character device" : "a pipe or socket")
                    + ", no file and no disk");
        }
    }

    private FileDevice open(UnitConfig.Volume volume, UnitState.Entry entry, EventLoop loop) throws IOException {
        Identity identity = new Identity(entry.uuid(), config.name() + "/" + volume.name());
        Path path = path(volume);
        FileDevice.Allocation allocation =
                volume.preallocate() ? FileDevice.Allocation.PREALLOCATED : FileDevice.Allocation.SPARSE;
        if (volume.device() == null && !Files.exists(path) && entry.sizeBytes() == 0) {
            FileDevice.create(path, volume.sizeBytes(), allocation);
        }
        checkKind(path);
        FileDevice device = volume.directIo()
                ? FileDevice.openDirect(path, volume.blockSizeBytes(), identity, loop, threads)
                : FileDevice.open(path, volume.blockSizeBytes(), identity, loop, threads);
        boolean right = false;
        try {
            long actualBytes = device.geometry().sizeBytes();
            // One of ours that has never had a size was made just before the power went: it is made whole.
            if (actualBytes == 0 && (volume.device() != null || entry.sizeBytes() > 0)) {
                throw new IOException(path + " holds not even one block");
            }
            if (actualBytes < entry.sizeBytes()) {
                throw new IOException(path + " has " + actualBytes + " bytes, fewer than the " + entry.sizeBytes()
                        + " that it had. Put back the one that is whole"
                        + (Files.isRegularFile(path)
                                ? "; only if what was at its end is not wanted any more, give it zeroes there: truncate -s "
                                        + entry.sizeBytes() + " " + path
                                : ""));
            }
            if (volume.device() == null && actualBytes < volume.sizeBytes()) {
                grow(device, volume, allocation, loop);
            }
            right = true;
            return device;
        } finally {
            if (!right) {
                loop.execute(() -> device.close(() -> {}));
            }
        }
    }

    private static void grow(
            FileDevice device, UnitConfig.Volume volume, FileDevice.Allocation allocation, EventLoop loop)
            throws IOException {
        CountDownLatch done = new CountDownLatch(1);
        List<String> failures = new ArrayList<>();
        loop.execute(() -> device.grow(volume.sizeBytes() / volume.blockSizeBytes(), allocation, failure -> {
            if (failure != null) {
                failures.add(failure);
            }
            done.countDown();
        }));
        try {
            done.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (!failures.isEmpty()) {
            throw new IOException("the volume " + volume.name() + " cannot be extended: " + failures.getFirst());
        }
    }

    /** Looks no more. Blocks until what is under way is done. */
    @Override
    public void close() {
        again.shutdown();
        try {
            if (!again.awaitTermination(AGAIN_SECONDS, TimeUnit.SECONDS)) {
                log.warn("a disk does not answer");
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
