package dev.sanway.initiator;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOutcome;
import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import java.util.function.Consumer;

/** Reads blocks of a logical unit that no request reaches yet, for its {@link LunVerifier}. Confined to the session's loop. */
final class VerifierReads implements LunVerifier.Blocks {
    private static final int ATTEMPTS_AT_MOST = 16;

    private final UnitSession session;
    private final int lun;
    private final int blockSizeBytes;
    private final Consumer<SenseData> news;

    VerifierReads(UnitSession session, int lun, int blockSizeBytes, Consumer<SenseData> news) {
        this.session = session;
        this.lun = lun;
        this.blockSizeBytes = blockSizeBytes;
        this.news = news;
    }

    @Override
    public void read(long lba, int blockCount, BlockCompletion completion) {
        read(lba, blockCount, completion, 0);
    }

    private void read(long lba, int blockCount, BlockCompletion completion, int attempts) {
        int bytes = blockCount * blockSizeBytes;
        byte[] cdb = attempts % 2 == 0 || lba > 0xFFFF_FFFFL
                ? Cdb.read16(lba, blockCount, false)
                : Cdb.read10(lba, blockCount, false);
        session.submitOwn(lun, cdb, TaskAttribute.SIMPLE.code(), bytes, session.deadline(), result -> {
            if (!(result instanceof ScsiResult.Answered answered)) {
                completion.completed(BlockOutcome.failed(new BlockFailure.NotReady("no answer")));
                return;
            }
            SenseOutcome outcome = SenseOutcome.of(answered.status(), answered.sense(), false, lba, blockCount);
            if (outcome instanceof SenseOutcome.Good && answered.dataIn().readableBytes() == bytes) {
                completion.completed(new BlockOutcome.Data(answered.dataIn()));
                return;
            }
            answered.dataIn().release();
            boolean unsupported = outcome instanceof SenseOutcome.Failure(BlockFailure.Unsupported _);
            if (outcome instanceof SenseOutcome.News(SenseData sense) && attempts < ATTEMPTS_AT_MOST) {
                news.accept(sense);
                read(lba, blockCount, completion, attempts + 2);
            } else if (unsupported && attempts == 0) {
                read(lba, blockCount, completion, 1);
            } else {
                completion.completed(BlockOutcome.failed(
                        outcome instanceof SenseOutcome.Failure(BlockFailure failure)
                                ? failure
                                : new BlockFailure.NotReady("the unit does not answer a read")));
            }
        });
    }
}
