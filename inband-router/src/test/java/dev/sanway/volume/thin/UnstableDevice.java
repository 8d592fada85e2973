package dev.sanway.volume.thin;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Drain;
import dev.sanway.block.ForwardingDevice;
import java.util.Random;

/**
 * What lies between a gateway and a device: requests take some turns of the loop each, overtake each other, and now and then fail
 * before or after they were carried out. When the gateway is killed what is on its way lands or does not, and nobody hears of it.
 */
final class UnstableDevice extends ForwardingDevice {
    private final Random random;
    private final Kill kill;
    private final double failureChance;
    private final Drain drain = new Drain();

    /** One process's life. */
    static final class Kill {
        boolean killed;
        int underWay;
    }

    UnstableDevice(BlockDevice inner, Random random, Kill kill, double failureChance) {
        super(inner);
        this.random = random;
        this.kill = kill;
        this.failureChance = failureChance;
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        if (kill.killed) {
            BlockRequest.release(request);
            return BlockOperation.UNCANCELLABLE;
        }
        kill.underWay++;
        drain.begin();
        later(random.nextInt(6), () -> carryOut(request, completion));
        return BlockOperation.UNCANCELLABLE;
    }

    private void later(int turns, Runnable action) {
        owner().execute(turns == 0 ? action : () -> later(turns - 1, action));
    }

    private void carryOut(BlockRequest request, BlockCompletion completion) {
        boolean lost = kill.killed ? random.nextBoolean() : random.nextDouble() < failureChance;
        if (lost) {
            BlockRequest.release(request);
            answer(BlockOutcome.failed(new BlockFailure.NotReady("lost on the way there")), completion);
            return;
        }
        boolean unheard = !kill.killed && random.nextDouble() < failureChance;
        inner.submit(
                kill.killed || unheard ? halfDone(request) : request,
                outcome -> later(random.nextInt(6), () -> {
                    if (unheard) {
                        BlockOutcome.release(outcome);
                        answer(BlockOutcome.failed(new BlockFailure.NotReady("lost on the way back")), completion);
                    } else {
                        answer(outcome, completion);
                    }
                }));
    }

    @Override
    public void close(Runnable whenClosed) {
        drain.close(() -> inner.close(whenClosed));
    }

    /** A write with FUA whose session ends may be in the unit's cache and no further. */
    private BlockRequest halfDone(BlockRequest request) {
        return request instanceof BlockRequest.Write write && random.nextBoolean()
                ? new BlockRequest.Write(write.lba(), write.blockCount(), write.data(), false)
                : request;
    }

    private void answer(BlockOutcome outcome, BlockCompletion completion) {
        kill.underWay--;
        drain.end();
        if (kill.killed) {
            BlockOutcome.release(outcome);
        } else {
            completion.completed(outcome);
        }
    }
}
