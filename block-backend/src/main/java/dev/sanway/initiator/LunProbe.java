package dev.sanway.initiator;

import dev.sanway.block.BlockFailure;
import dev.sanway.block.Geometry;
import dev.sanway.block.Limits;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.Designator;
import dev.sanway.scsi.InquiryData;
import dev.sanway.scsi.ModeHeader;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.VpdPage;
import io.netty.buffer.ByteBufUtil;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Prepares a logical unit after login. INQUIRY, which waits for nothing and changes nothing, says what it is; then a
 * {@link Barrier} of that kind makes certain that every older command has ended; then it is asked what it can do. Confined to the
 * session's loop; runs once.
 */
final class LunProbe {
    private static final int ALLOCATION_BYTES = 255;
    private static final int UNIT_ATTENTIONS_AT_MOST = 20;
    private static final int MAX_TRANSFER_BYTES = 8 << 20;
    private static final int CACHING_PAGE = 0x08;

    /** A logical unit that takes less at once would make thousands of commands of one request. */
    private static final int MIN_TRANSFER_BYTES = 16 << 10;

    /** UNMAP and WRITE SAME in smaller pieces than these do not pay. */
    private static final int MIN_UNMAP_BYTES = 1 << 20;

    private static final int MIN_WRITE_SAME_BYTES = 64 << 10;

    /** What is given back in larger pieces than a slab is never given back. */
    private static final long MAX_GRANULARITY_BYTES = 1 << 30;

    /** What came of it. */
    sealed interface Result {
        record Found(LunEvidence evidence, Limits limits, Features features, Barrier barrier) implements Result {}

        /** Not usable now; worth asking again if {@code passing}. */
        record Unusable(String reason, boolean passing) implements Result {}

        /** Something else than a disk, such as the controller that tgtd has at LUN 0. */
        record NoDisk(String reason) implements Result {}
    }

    /**
     * What a logical unit can do beyond reading and writing. Quantities in blocks; 0 means not at all.
     *
     * @param maxWriteSameBlocks longest WRITE SAME; 0: not to be used
     * @param writeSameUnmaps WRITE SAME(16) with UNMAP gives space back and leaves zeroes
     * @param forceUnitAccess FUA means something
     */
    record Features(
            long maxUnmapBlocks,
            int maxUnmapDescriptors,
            long maxWriteSameBlocks,
            boolean writeSameUnmaps,
            boolean forceUnitAccess) {}

    private final UnitSession session;
    private final int lun;
    private final Consumer<SenseData> news;
    private final Runnable afterBarrier;
    private final Consumer<Result> done;
    private final long deadlineNanos;

    private final Map<Integer, VpdPage> pages = new HashMap<>();
    private final ArrayDeque<Integer> pagesToAsk = new ArrayDeque<>();
    private @Nullable InquiryData inquiry;
    private Barrier barrier = Barrier.ORDERED;
    private @Nullable CapacityData capacity;

    /**
     * @param news told of each unit attention met
     * @param afterBarrier run when no older command is at work any more
     */
    LunProbe(UnitSession session, int lun, Consumer<SenseData> news, Runnable afterBarrier, Consumer<Result> done) {
        this.session = session;
        this.lun = lun;
        this.news = news;
        this.afterBarrier = afterBarrier;
        this.done = done;
        this.deadlineNanos = session.deadline();
    }

    void run() {
        ask(Cdb.inquiry(ALLOCATION_BYTES), TaskAttribute.SIMPLE, ALLOCATION_BYTES, this::inquired);
    }

    /** The first command that waits for others and reports what is pending. */
    private void stopAtBarrier(InquiryData data) {
        barrier = Barrier.of(
                data,
                pages.get(VpdPage.DEVICE_IDENTIFICATION) instanceof VpdPage.DeviceIdentification page
                        ? page.designators()
                        : List.of());
        TaskAttribute attribute = switch (barrier) {
            case ORDERED -> TaskAttribute.ORDERED;
            case LOGIN -> TaskAttribute.SIMPLE;
        };
        ask(Cdb.testUnitReady(), attribute, 0, answer -> {
            if (wasCarriedOut(answer)) {
                afterBarrier.run();
            }
            switch (answer) {
                case Good _ -> ask(Cdb.readCapacity16(32), TaskAttribute.SIMPLE, 32, this::capacity16);
                case Bad bad -> unusable(bad);
            }
        });
    }

    /** A command that was refused without waiting its turn proves nothing of those before it. */
    private static boolean wasCarriedOut(Answer answer) {
        return switch (answer) {
            case Good _ -> true;
            case Bad(SenseOutcome.Failure(BlockFailure failure)) -> failure instanceof BlockFailure.NotReady;
            case Bad _ -> false;
        };
    }

    private sealed interface Answer {}

    private record Good(byte[] bytes) implements Answer {}

    private record Bad(SenseOutcome outcome) implements Answer {}

    /** Asks one thing; unit attentions are heard and it is asked again. What gets no answer ends the probe. */
    private void ask(byte[] cdb, TaskAttribute attribute, int dataIn, Consumer<Answer> then) {
        ask(cdb, attribute, dataIn, then, 0);
    }

    private void ask(byte[] cdb, TaskAttribute attribute, int dataIn, Consumer<Answer> then, int attentions) {
        session.submitOwn(lun, cdb, attribute.code(), dataIn, deadlineNanos, result -> {
            switch (result) {
                case ScsiResult.Unanswered unanswered -> done.accept(new Result.Unusable(unanswered.reason(), true));
                case ScsiResult.Refused refused -> done.accept(new Result.Unusable(refused.reason(), true));
                case ScsiResult.Aborted _ -> done.accept(new Result.Unusable("aborted", true));
                case ScsiResult.Answered answered -> {
                    byte[] bytes = ByteBufUtil.getBytes(answered.dataIn());
                    answered.dataIn().release();
                    SenseOutcome outcome = SenseOutcome.of(answered.status(), answered.sense(), false, 0, 0);
                    if (outcome instanceof SenseOutcome.News(SenseData sense) && attentions < UNIT_ATTENTIONS_AT_MOST) {
                        news.accept(sense);
                        ask(cdb, attribute, dataIn, then, attentions + 1);
                    } else {
                        then.accept(outcome instanceof SenseOutcome.Good ? new Good(bytes) : new Bad(outcome));
                    }
                }
            }
        });
    }

    private void unusable(Bad bad) {
        String reason = switch (bad.outcome) {
            case SenseOutcome.Failure failure -> failure.failure().toString();
            case SenseOutcome.Later later -> later.last().toString();
            case SenseOutcome.News endless -> "does not stop reporting " + endless.sense();
            case SenseOutcome.Good _ -> throw new IllegalStateException("good is not bad");
        };
        done.accept(new Result.Unusable("LUN " + lun + ": " + reason, true));
    }

    private void inquired(Answer answer) {
        InquiryData data = answer instanceof Good good ? InquiryData.parse(good.bytes) : null;
        if (data == null) {
            done.accept(new Result.Unusable("LUN " + lun + " does not answer INQUIRY as a disk does", true));
        } else if (!data.isConnectedDisk()) {
            String reason = "there is no disk at LUN " + lun;
            done.accept(data.qualifier() == 0 ? new Result.NoDisk(reason) : new Result.Unusable(reason, true));
        } else {
            inquiry = data;
            ask(
                    Cdb.inquiryVpd(VpdPage.SUPPORTED_PAGES, ALLOCATION_BYTES),
                    TaskAttribute.SIMPLE,
                    ALLOCATION_BYTES,
                    this::listed);
        }
    }

    private void listed(Answer answer) {
        if (answer instanceof Good good && VpdPage.parse(good.bytes) instanceof VpdPage.SupportedPages list) {
            for (int page : List.of(
                    VpdPage.UNIT_SERIAL_NUMBER,
                    VpdPage.DEVICE_IDENTIFICATION,
                    VpdPage.BLOCK_LIMITS,
                    VpdPage.LOGICAL_BLOCK_PROVISIONING,
                    VpdPage.BOOT_ID)) {
                if (list.pageCodes().contains(page)) {
                    pagesToAsk.add(page);
                }
            }
        }
        nextPage();
    }

    private void nextPage() {
        Integer page = pagesToAsk.poll();
        if (page == null) {
            stopAtBarrier(Objects.requireNonNull(inquiry));
            return;
        }
        ask(Cdb.inquiryVpd(page, ALLOCATION_BYTES), TaskAttribute.SIMPLE, ALLOCATION_BYTES, answer -> {
            VpdPage parsed = answer instanceof Good good ? VpdPage.parse(good.bytes) : null;
            if (parsed != null) {
                pages.put(page, parsed);
            }
            nextPage();
        });
    }

    private void capacity16(Answer answer) {
        capacity = answer instanceof Good good ? CapacityData.parse16(good.bytes) : null;
        if (capacity == null) {
            ask(Cdb.readCapacity10(), TaskAttribute.SIMPLE, 8, ten -> {
                switch (ten) {
                    case Good good -> {
                        capacity = CapacityData.parse10(good.bytes);
                        if (capacity != null && capacity.lastLba() == CapacityData.ASK_16) {
                            capacity = null; // more than it can say in this form, and the other it does not know
                        }
                        askMode();
                    }
                    case Bad bad -> unusable(bad);
                }
            });
        } else {
            askMode();
        }
    }

    private void askMode() {
        ask(
                Cdb.modeSense6(CACHING_PAGE, 0, ALLOCATION_BYTES),
                TaskAttribute.SIMPLE,
                ALLOCATION_BYTES,
                answer -> found(answer instanceof Good good ? ModeHeader.parse6(good.bytes) : null));
    }

    private void found(@Nullable ModeHeader mode) {
        CapacityData size = capacity;
        InquiryData data = inquiry;
        String transfer = transferFault();
        switch (LunCapacity.of(size)) {
            case LunCapacity.Impossible(String reason) -> impossible(reason);
            case LunCapacity.Sound(Geometry geometry) -> {
                if (transfer != null) {
                    impossible(transfer);
                } else if (size != null && data != null) {
                    done.accept(new Result.Found(
                            evidence(data, geometry), limits(size, mode), features(size, mode), barrier));
                }
            }
        }
    }

    private void impossible(String reason) {
        done.accept(new Result.Unusable("LUN " + lun + " " + reason, capacity == null));
    }

    private VpdPage.@Nullable BlockLimits blockLimits() {
        return pages.get(VpdPage.BLOCK_LIMITS) instanceof VpdPage.BlockLimits limits ? limits : null;
    }

    /** What is wrong with the transfers that it takes, if anything. */
    private @Nullable String transferFault() {
        VpdPage.BlockLimits limits = blockLimits();
        CapacityData size = capacity;
        if (limits == null || size == null || limits.maxTransferBlocks() == 0) {
            return null;
        }
        long bytes = limits.maxTransferBlocks() * size.blockSizeBytes();
        return bytes >= MIN_TRANSFER_BYTES
                ? null
                : "takes " + bytes + " bytes at once at most; " + MIN_TRANSFER_BYTES + " are needed";
    }

    private LunEvidence evidence(InquiryData data, Geometry geometry) {
        String serial =
                pages.get(VpdPage.UNIT_SERIAL_NUMBER) instanceof VpdPage.UnitSerialNumber page ? page.serial() : "";
        List<String> designators = new ArrayList<>();
        if (pages.get(VpdPage.DEVICE_IDENTIFICATION) instanceof VpdPage.DeviceIdentification page) {
            for (Designator designator : page.designators()) {
                designators.add(designator.toString());
            }
        }
        UUID bootId = pages.get(VpdPage.BOOT_ID) instanceof VpdPage.BootId page ? page.id() : null;
        return new LunEvidence(
                session.config().targetName(),
                lun,
                data.vendor(),
                data.product(),
                serial,
                designators,
                bootId,
                geometry);
    }

    private Limits limits(CapacityData size, @Nullable ModeHeader mode) {
        int ours = MAX_TRANSFER_BYTES / size.blockSizeBytes();
        VpdPage.BlockLimits page = blockLimits();
        int longest =
                page == null || page.maxTransferBlocks() == 0 ? ours : (int) Math.min(ours, page.maxTransferBlocks());
        int optimal = page == null ? 0 : (int) Math.min(longest, page.optimalTransferBlocks());
        boolean unmaps = features(size, mode).maxUnmapBlocks > 0;
        long granularity = page == null ? 0 : page.unmapGranularityBlocks();
        Boolean cache = mode == null ? null : mode.writeCacheEnabled();
        return new Limits(
                longest,
                optimal,
                unmaps ? (int) Math.max(1, Math.min(granularity, Integer.MAX_VALUE)) : 0,
                unmaps && page != null && page.unmapAlignmentValid() && granularity > 0
                        ? (int) (page.unmapAlignmentBlocks() % granularity)
                        : 0,
                unmaps && size.unmappedReadsZeroes(),
                // A unit that does not say that its cache is off may have one.
                cache == null || cache,
                mode != null && mode.writeProtected());
    }

    private Features features(CapacityData size, @Nullable ModeHeader mode) {
        VpdPage.BlockLimits limits = blockLimits();
        VpdPage.@Nullable LogicalBlockProvisioning provisioning =
                pages.get(VpdPage.LOGICAL_BLOCK_PROVISIONING) instanceof VpdPage.LogicalBlockProvisioning page
                        ? page
                        : null;
        boolean unmap = provisioning != null && provisioning.unmapSupported();
        long unmapBlocks = unmap && limits != null ? limits.maxUnmapBlocks() : 0;
        long unmapDescriptors = unmap && limits != null ? limits.maxUnmapDescriptors() : 0;
        boolean unmaps = unmapBlocks * size.blockSizeBytes() >= MIN_UNMAP_BYTES
                && unmapDescriptors > 0
                && Objects.requireNonNull(limits).unmapGranularityBlocks() * size.blockSizeBytes()
                        <= MAX_GRANULARITY_BYTES;
        long writeSame = limits == null || limits.maxWriteSameBlocks() <= 0
                ? MAX_TRANSFER_BYTES / size.blockSizeBytes()
                : Math.min(limits.maxWriteSameBlocks(), 1 << 22);
        return new Features(
                unmaps ? unmapBlocks : 0,
                unmaps ? (int) Math.min(unmapDescriptors, 256) : 0,
                writeSame * size.blockSizeBytes() >= MIN_WRITE_SAME_BYTES ? writeSame : 0,
                provisioning != null && provisioning.writeSame16Unmaps() && size.unmappedReadsZeroes(),
                mode != null && mode.forceUnitAccessSupported());
    }
}
