package dev.sanway.control;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.Limits;
import dev.sanway.block.Readiness;
import dev.sanway.initiator.LunEvidence;
import dev.sanway.initiator.LunVerifier;
import dev.sanway.pool.Label;
import dev.sanway.pool.LabelStore;
import io.netty.util.concurrent.EventExecutor;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells at every login whether a LUN is the disk that it is taken for: by its label, for serial numbers prove nothing. A LUN
 * that turns out to be another disk is not accepted, and so is never written.
 *
 * <p>Used on the session's loop, but for {@link #expect}.
 */
final class LabelVerifier implements LunVerifier {

    /** What may be accepted beside a LUN with the right label. */
    enum Unlabelled {
        NOTHING,
        /** A blank LUN, for whoever is going to label it. */
        BLANK,
        /** A LUN that holds foreign data, too, for whoever is going to erase them. */
        ERASABLE
    }

    private final EventExecutor loop;
    private final UUID pool;
    private final Unlabelled unlabelled;
    private final LunAdvice advice;
    private final LunClaims claims;
    private volatile @Nullable UUID expected;
    private volatile @Nullable UUID found;

    LabelVerifier(EventExecutor loop, UUID pool, Unlabelled unlabelled, LunAdvice advice, LunClaims claims) {
        this.loop = loop;
        this.pool = pool;
        this.unlabelled = unlabelled;
        this.advice = advice;
        this.claims = claims;
    }

    /** The label that the LUN carried when it was accepted last; null if it had none. */
    @Nullable
    UUID found() {
        return found;
    }

    /** From now on the LUN must carry this label. */
    void expect(UUID label) {
        expected = label;
    }

    @Override
    public void verify(LunEvidence evidence, Blocks blocks, Consumer<Verdict> verdict) {
        Optional<String> objection = claims.objection(evidence.lun(), evidence.serial());
        if (objection.isPresent()) {
            verdict.accept(new Verdict.Refused(objection.get()));
            return;
        }
        LabelStore.read(new ReadOnly(evidence, blocks))
                .whenComplete((reading, failure) -> verdict.accept(
                        failure != null
                                ? new Verdict.Refused(
                                        new Readiness.Away("its label cannot be read: " + failure.getMessage()))
                                : judge(reading)));
    }

    private Verdict judge(Label.Reading reading) {
        UUID wanted = expected;
        found = null;
        return switch (reading) {
            case Label.Reading.Labelled(Label label) -> {
                if (!label.pool().equals(pool)) {
                    yield new Verdict.Refused(advice.anotherPool(label.pool()));
                }
                if (wanted != null && !wanted.equals(label.uuid())) {
                    yield new Verdict.Refused(advice.anotherDisk(label.uuid(), wanted));
                }
                found = label.uuid();
                yield new Verdict.Accepted();
            }
            case Label.Reading.Blank _ -> {
                if (wanted != null) {
                    yield new Verdict.Refused(advice.lostLabel());
                }
                yield unlabelled == Unlabelled.NOTHING
                        ? new Verdict.Refused("not labelled yet")
                        : new Verdict.Accepted();
            }
            case Label.Reading.Foreign(String explanation, boolean erasable) -> {
                if (wanted == null && erasable && unlabelled == Unlabelled.ERASABLE) {
                    yield new Verdict.Accepted();
                }
                yield new Verdict.Refused(advice.foreign(explanation, erasable));
            }
            case Label.Reading.Newer newer -> new Verdict.Refused(LunAdvice.newer(newer.version()));
        };
    }

    /** What label reading needs of a device, over a LUN that is not accepted yet. */
    private final class ReadOnly implements BlockDevice {

        private static final int MAX_TRANSFER_BYTES = 256 << 10;

        private final LunEvidence evidence;
        private final Blocks blocks;

        ReadOnly(LunEvidence evidence, Blocks blocks) {
            this.evidence = evidence;
            this.blocks = blocks;
        }

        @Override
        public EventExecutor owner() {
            return loop;
        }

        @Override
        public Geometry geometry() {
            return evidence.geometry();
        }

        @Override
        public Limits limits() {
            return new Limits(MAX_TRANSFER_BYTES / geometry().blockSizeBytes(), 0, 0, 0, false, true, true);
        }

        @Override
        public Identity identity() {
            return new Identity(new UUID(0, evidence.lun()), evidence.targetName() + " LUN " + evidence.lun());
        }

        @Override
        public Readiness readiness() {
            return Readiness.READY;
        }

        @Override
        public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
            if (request instanceof BlockRequest.Read read) {
                blocks.read(read.lba(), read.blockCount(), completion);
            } else {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.WriteProtected("not accepted yet")));
            }
            return BlockOperation.UNCANCELLABLE;
        }

        @Override
        public void addListener(DeviceListener listener) {}

        @Override
        public void removeListener(DeviceListener listener) {}

        @Override
        public void close(Runnable whenClosed) {
            whenClosed.run();
        }
    }
}
