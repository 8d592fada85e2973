package dev.sanway.volume.thin;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes changes of a slab's map durable. A page has one write under way at most; whatever changes meanwhile shares the next.
 *
 * <pre>
 *   at rest ── write ──▶ writing ── done ──▶ at rest, or writing again if somebody waits
 *      ▲                    └───── failed ──▶ unsure ── a second later, or when somebody wants it ──▶ writing
 * </pre>
 *
 * Confined to the volume's loop.
 */
final class MapWriter {
    private static final long RETRY_MILLIS = 1000;

    /** Told once what came of the page write that it waited for; null: it is durable. */
    @FunctionalInterface
    interface Waiter {
        void ended(@Nullable BlockFailure failure);
    }

    /** What the device does about it. */
    interface Events {
        /** Something is under way in the device that must end before it closes. */
        void began();

        void ended();

        boolean closing();

        /** These extents are durably freed. */
        void freed(List<Integer> extents);
    }

    private static final class Page {
        SlabMap.@Nullable Snapshot underWay;
        boolean waitingForTurn;
        boolean unsure;
        List<Waiter> waiters = new ArrayList<>();
        List<Waiter> next = new ArrayList<>();

        boolean writing() {
            return underWay != null || waitingForTurn;
        }
    }

    private final SlabMap map;
    private final BlockDevice part;
    private final Turns turns;
    private final Events events;
    private final Page[] pages;

    MapWriter(SlabMap map, BlockDevice part, Turns turns, Events events) {
        this.map = map;
        this.part = part;
        this.turns = turns;
        this.events = events;
        this.pages = new Page[map.pages()];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = new Page();
        }
    }

    /** Nothing is being written, or to be written again. */
    boolean atRest() {
        for (Page page : pages) {
            if (page.writing() || page.unsure) {
                return false;
            }
        }
        return true;
    }

    /** Tells when an extent's entry, which is pending, is durable; by the write that carries it already if there is one. */
    void entry(int extent, Waiter waiter) {
        int number = SlabMap.pageOf(extent);
        Page page = pages[number];
        SlabMap.Snapshot underWay = page.underWay;
        if (underWay != null && underWay.carried().get(extent)) {
            page.waiters.add(waiter);
        } else {
            write(number, waiter);
        }
    }

    /** Makes a page durable as it is now. */
    void write(int number, Waiter waiter) {
        Page page = pages[number];
        page.next.add(waiter);
        if (!page.writing()) {
            start(number, page);
        }
    }

    /** The pages whose last write failed. */
    List<Integer> unsurePages() {
        List<Integer> unsure = new ArrayList<>();
        for (int i = 0; i < pages.length; i++) {
            if (pages[i].unsure) {
                unsure.add(i);
            }
        }
        return unsure;
    }

    private void start(int number, Page page) {
        events.began();
        page.waitingForTurn = true;
        turns.take(() -> {
            page.waitingForTurn = false;
            SlabMap.Snapshot snapshot = map.snapshot(number);
            page.underWay = snapshot;
            page.waiters = page.next;
            page.next = new ArrayList<>();
            int blockSize = part.geometry().blockSizeBytes();
            part.submit(
                    new BlockRequest.Write(
                            SlabFormat.pageOffset(snapshot.copy(), number) / blockSize,
                            SlabFormat.PAGE_BYTES / blockSize,
                            Unpooled.wrappedBuffer(snapshot.bytes()),
                            true),
                    outcome -> ended(number, page, snapshot, outcome));
        });
    }

    private void ended(int number, Page page, SlabMap.Snapshot snapshot, BlockOutcome outcome) {
        BlockFailure failure = outcome instanceof BlockOutcome.Failed failed ? failed.failure() : null;
        List<Waiter> told = page.waiters;
        page.waiters = new ArrayList<>();
        page.underWay = null;
        page.unsure = failure != null;
        List<Integer> freed = failure == null ? map.durable(snapshot) : List.of();
        if (!page.next.isEmpty()) {
            start(number, page);
        } else if (failure != null) {
            part.owner().schedule(() -> retry(number, page), RETRY_MILLIS, TimeUnit.MILLISECONDS);
        }
        turns.done();
        try {
            if (!freed.isEmpty()) {
                events.freed(freed);
            }
            told.forEach(waiter -> waiter.ended(failure));
        } finally {
            events.ended();
        }
    }

    private void retry(int number, Page page) {
        if (page.unsure && !page.writing() && !events.closing()) {
            start(number, page);
        }
    }
}
