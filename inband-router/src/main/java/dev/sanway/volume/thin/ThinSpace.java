package dev.sanway.volume.thin;

import dev.sanway.block.BlockFailure;
import dev.sanway.pool.DeviceFailedException;
import dev.sanway.volume.thin.SlabSource.Answer;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The slabs of an opened thin volume and what they hold: gives extents to writes, zeroes some ahead, asks for slabs, gives
 * empty ones back. Confined to the volume's loop.
 */
final class ThinSpace {
    private static final Logger LOG = LoggerFactory.getLogger(ThinSpace.class);

    /** Zeroed at once, and kept zeroed ahead, where zeroing gives space back; and elsewhere, where it costs writing. */
    private static final int CHEAP_RUN = 64;

    private static final int CHEAP_AHEAD = 16;
    private static final int COSTLY_RUN = 4;
    private static final int COSTLY_AHEAD = 8;

    /** How many runs are zeroed at a time. */
    private static final int CLEANINGS = 2;

    /** After a refusal the pool is asked again by a write that needs it, but not before so much time. */
    private static final long ASK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** A write that waits for extents. */
    interface Waiting {
        int need();

        void goOn();

        void fail(BlockFailure failure);
    }

    /** What the device is to be told. */
    interface Host extends MapWriter.Events {
        void given(SlabSource.SlabPart slab);

        /** It is no slab of the volume any more. */
        void gaveBack(Slab slab);
    }

    private final String name;
    private final EventExecutor loop;
    private final SlabSource source;
    private final ThinDevice.Zeroing zeroing;
    private final Host host;
    private final long giveBackMillis;

    final ExtentMap extents;
    final Grace grace = new Grace();
    private final List<@Nullable Slab> slabs = new ArrayList<>();
    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
    private long generation;
    private int logicalExtents;
    /** Durably freed, but perhaps still read by somebody. */
    private int inGrace;

    private int cleaning;
    private int cleanings;
    private boolean asking;
    private @Nullable BlockFailure refusal;
    private long refusedAt;
    private boolean feeding;
    private boolean feedAgain;
    private boolean lookingForEmpty;
    private boolean abandoned;

    /** Read by other threads. */
    private volatile long heldExtents;

    ThinSpace(
            String name,
            EventExecutor loop,
            SlabSource source,
            ThinDevice.Zeroing zeroing,
            Host host,
            MapRecovery.Recovered recovered,
            int logicalExtents,
            long giveBackMillis) {
        this.name = name;
        this.loop = loop;
        this.source = source;
        this.zeroing = zeroing;
        this.host = host;
        this.extents = recovered.extents();
        this.generation = recovered.generation();
        this.logicalExtents = logicalExtents;
        this.giveBackMillis = giveBackMillis;
        this.heldExtents = extents.size();
    }

    /** It never came into use: from now on nothing is written by it. */
    void abandon() {
        abandoned = true;
    }

    boolean abandoned() {
        return abandoned;
    }

    long heldExtents() {
        return heldExtents;
    }

    void resize(int newLogicalExtents) {
        logicalExtents = newLogicalExtents;
    }

    Slab slab(int number) {
        return Objects.requireNonNull(slabs.get(number));
    }

    List<Slab> slabs() {
        List<Slab> all = new ArrayList<>(slabs.size());
        for (Slab slab : slabs) {
            if (slab != null) {
                all.add(slab);
            }
        }
        return all;
    }

    /** The number that the next slab gets. */
    int nextNumber() {
        int free = slabs.indexOf(null);
        return free < 0 ? slabs.size() : free;
    }

    void add(Slab slab) {
        if (slab.number == slabs.size()) {
            slabs.add(slab);
        } else {
            slabs.set(slab.number, slab);
        }
    }

    // ---- mapping

    private int clean() {
        int clean = 0;
        for (Slab slab : slabs) {
            clean += slab == null || slab.absent ? 0 : slab.map.clean();
        }
        return clean;
    }

    private int dirty() {
        int dirty = 0;
        for (Slab slab : slabs) {
            dirty += slab == null || slab.absent ? 0 : slab.map.dirty();
        }
        return dirty;
    }

    /** Whether so many extents can be mapped now, and nobody came before. */
    boolean ready(int need) {
        return waiting.isEmpty() && clean() >= need;
    }

    void await(Waiting write) {
        waiting.add(write);
        feed();
    }

    /** The write wants no extents any more. */
    void leave(Waiting write) {
        waiting.remove(write);
    }

    /** Gives an extent of the volume a clean place; the entry is pending. */
    void map(int logical) {
        for (Slab slab : slabs) {
            if (slab == null || slab.absent || slab.map.clean() == 0) {
                continue;
            }
            int extent = slab.map.nextClean(slab.cursor);
            slab.map.map(extent, logical, ++generation);
            slab.cursor = extent + 1;
            extents.put(logical, ExtentMap.place(slab.number, extent));
            heldExtents = extents.size();
            return;
        }
        throw new IllegalStateException("no clean extent for " + logical);
    }

    /** Takes an extent of the volume out of the table; to be made durable: its page. */
    MapRecovery.StalePage free(int logical) {
        int place = extents.get(logical);
        Slab slab = slab(ExtentMap.slabOf(place));
        int extent = ExtentMap.extentOf(place);
        slab.map.free(extent);
        extents.remove(logical);
        heldExtents = extents.size();
        return new MapRecovery.StalePage(slab.number, SlabMap.pageOf(extent));
    }

    /** Extents of a slab are durably freed: zeroed and used again when nobody can be reading them any more. */
    void freed(Slab slab, List<Integer> gone) {
        inGrace += gone.size();
        grace.afterwards(() -> {
            inGrace -= gone.size();
            gone.forEach(extent -> {
                slab.map.released(extent);
                slab.given.set(extent);
            });
            feed();
            lookForEmpty();
        });
    }

    // ---- supply

    /** Goes on with what waits, zeroes ahead, asks for more: called whenever any of that may have become possible. */
    void feed() {
        if (abandoned) {
            return;
        }
        if (feeding) {
            feedAgain = true;
            return;
        }
        feeding = true;
        try {
            do {
                feedAgain = false;
                serveWaiting();
                clean(cleanWanted());
                decide();
            } while (feedAgain);
        } finally {
            feeding = false;
        }
    }

    private void serveWaiting() {
        for (Waiting head = waiting.peek(); head != null && head.need() <= clean(); head = waiting.peek()) {
            waiting.remove();
            head.goOn();
        }
    }

    /** The first that waits gets an extent soon, or a slab is asked for, or it is told that there is none. */
    private void decide() {
        if (host.closing()) {
            return;
        }
        Waiting head = waiting.peek();
        int coming = clean() + cleaning + dirty() + inGrace;
        if (head == null || head.need() <= coming) {
            if (coming < Math.min(ahead(), logicalExtents - extents.size())) {
                ask();
            }
            return;
        }
        BlockFailure why = refusal;
        if (asking || why == null || System.nanoTime() - refusedAt >= ASK_AGAIN_NANOS) {
            ask();
            return;
        }
        waiting.remove();
        head.fail(why);
        feedAgain = true;
    }

    /** So many extents should be left when the next slab is asked for. */
    private int ahead() {
        Slab last = null;
        for (Slab slab : slabs) {
            last = slab == null ? last : slab;
        }
        return last == null ? 1 : Math.max(COSTLY_AHEAD, last.map.extents() / 4);
    }

    private void ask() {
        if (asking || (refusal != null && System.nanoTime() - refusedAt < ASK_AGAIN_NANOS)) {
            return;
        }
        asking = true;
        host.began();
        source.request(answer -> {
            try {
                asked(answer);
            } finally {
                host.ended();
            }
        });
    }

    private void asked(Answer answer) {
        switch (answer) {
            case Answer.Given(SlabSource.SlabPart slab) -> {
                refusal = null;
                host.given(slab);
            }
            case Answer.NoSpace(String why) -> refused(awayWithRoom() ? away() : new BlockFailure.OutOfSpace(), why);
            case Answer.NotNow(String why) -> refused(new BlockFailure.NotReady(why), why);
        }
    }

    /** What was given is there, or cannot be used now. */
    void arrived(@Nullable BlockFailure failure) {
        asking = false;
        if (failure != null) {
            refused(failure, String.valueOf(failure));
        }
        feed();
    }

    private void refused(BlockFailure failure, String why) {
        asking = false;
        if (refusal == null) {
            LOG.debug("volume {}: no slab: {}", name, why);
        }
        refusal = failure;
        refusedAt = System.nanoTime();
        feed();
    }

    private boolean awayWithRoom() {
        return slabs().stream().anyMatch(slab -> slab.absent && slab.map.held() < slab.map.extents());
    }

    private static BlockFailure away() {
        return new BlockFailure.NotReady("there is room on a unit only that is not reachable");
    }

    // ---- zeroing ahead

    private int cleanWanted() {
        int wanted = 0;
        for (Waiting write : waiting) {
            wanted += write.need();
            if (wanted >= CHEAP_RUN) {
                break;
            }
        }
        return wanted;
    }

    private void clean(int waitedFor) {
        for (Slab slab : slabs) {
            if (slab == null || slab.absent || host.closing()) {
                continue;
            }
            boolean cheap = slab.zeroesCheaply();
            while (cleanings < CLEANINGS && cheap && !slab.given.isEmpty()) {
                int from = slab.given.nextSetBit(0);
                slab.given.clear(from);
                start(slab, slab.map.cleaning(from, CHEAP_RUN));
            }
            int wanted = waitedFor + (cheap ? CHEAP_AHEAD : COSTLY_AHEAD);
            while (cleanings < CLEANINGS && slab.map.dirty() > 0 && clean() + cleaning < wanted) {
                start(slab, slab.map.cleaning(0, cheap ? CHEAP_RUN : COSTLY_RUN));
            }
        }
    }

    private void start(Slab slab, SlabMap.@Nullable Run run) {
        if (run == null) {
            return;
        }
        slab.given.clear(run.first(), run.first() + run.count());
        cleaning += run.count();
        cleanings++;
        host.began();
        long length = (long) run.count() * SlabFormat.EXTENT_BYTES;
        zeroing.zero(slab.part, SlabFormat.extentOffset(run.first()), length).whenComplete((_, failure) -> {
            // Also a zeroing that ended at once comes by way of the queue, so that there is no recursion.
            loop.execute(() -> cleaned(slab, run, failure));
        });
    }

    private void cleaned(Slab slab, SlabMap.Run run, @Nullable Throwable failure) {
        cleaning -= run.count();
        cleanings--;
        slab.map.cleaned(run, failure == null);
        try {
            // That a unit lost what was not flushed it says once, and of these extents it concerns who had them before.
            if (failure != null && !(cause(failure) instanceof BlockFailure.UnflushedWritesLost)) {
                failWaiting(cause(failure));
            }
            if (failure == null || !waiting.isEmpty()) {
                feed();
            }
        } finally {
            host.ended();
        }
    }

    private static BlockFailure cause(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return cause instanceof DeviceFailedException failed
                ? failed.failure()
                : new BlockFailure.Broken(String.valueOf(cause));
    }

    /** Whoever waited for these extents is told; whoever comes next tries again. */
    private void failWaiting(BlockFailure failure) {
        List<Waiting> all = new ArrayList<>(waiting);
        waiting.clear();
        all.forEach(write -> write.fail(failure));
    }

    // ---- giving back

    private void lookForEmpty() {
        if (giveBackMillis >= 0 && !lookingForEmpty && !abandoned && !host.closing()) {
            lookingForEmpty = true;
            loop.schedule(this::giveEmptyBack, giveBackMillis, TimeUnit.MILLISECONDS);
        }
    }

    /** A slab in which nothing is goes back to the pool, if enough is left for the next writes. */
    private void giveEmptyBack() {
        lookingForEmpty = false;
        if (host.closing() || abandoned) {
            return;
        }
        boolean busy = false;
        for (Slab slab : slabs()) {
            int others = clean() + dirty() - slab.map.clean() - slab.map.dirty();
            boolean wanted = extents.size() > 0 && others < Math.max(COSTLY_AHEAD, slab.map.extents() / 4);
            if (slab.map.held() > 0 || wanted || slab.absent || !waiting.isEmpty()) {
                continue;
            }
            if (!slab.map.idle() || !slab.writer.atRest()) {
                busy = true;
                continue;
            }
            slabs.set(slab.number, null);
            host.gaveBack(slab);
            host.began();
            grace.afterwards(() -> source.giveBack(slab.map.slab(), slab.part, host::ended));
        }
        if (busy) {
            lookForEmpty();
        }
    }

    /** Ends what waits; nothing new is begun from now on. */
    void close() {
        failWaiting(new BlockFailure.NotReady("closed"));
    }
}
