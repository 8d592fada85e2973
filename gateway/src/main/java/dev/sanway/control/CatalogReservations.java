package dev.sanway.control;

import dev.sanway.metadata.Catalog;
import dev.sanway.target.lun.ReservationStore;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Persistent reservations of volumes, kept in the gateway's metadata store. */
final class CatalogReservations implements ReservationStore {

    private final Catalog catalog;

    CatalogReservations(Catalog catalog) {
        this.catalog = catalog;
    }

    @Override
    public CompletionStage<Optional<byte[]>> load(UUID logicalUnit) {
        return CompletableFuture.completedFuture(catalog.reservations(logicalUnit));
    }

    @Override
    public CompletionStage<Void> save(UUID logicalUnit, byte[] state) {
        return catalog.saveReservations(logicalUnit, state);
    }
}
