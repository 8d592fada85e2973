package dev.sanway.unit;

import dev.sanway.target.lun.ReservationStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;

/** Persistent reservations of a unit's volumes, a small file for each, replaced atomically and durably. */
final class FileReservationStore implements ReservationStore {

    private final Path folder;
    private final Executor threads;

    FileReservationStore(Path folder, Executor threads) {
        this.folder = folder;
        this.threads = threads;
    }

    private Path file(UUID logicalUnit) {
        return folder.resolve(logicalUnit + ".reservations");
    }

    @Override
    public CompletionStage<Optional<byte[]>> load(UUID logicalUnit) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        Path file = file(logicalUnit);
                        return Files.exists(file) ? Optional.of(Files.readAllBytes(file)) : Optional.empty();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                threads);
    }

    @Override
    public CompletionStage<Void> save(UUID logicalUnit, byte[] state) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        UnitState.replace(file(logicalUnit), state);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                threads);
    }
}
