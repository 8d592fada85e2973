package dev.sanway.volume.thin;

import dev.sanway.block.BlockCompletion;
import dev.sanway.block.BlockDevice;
import dev.sanway.block.BlockFailure;
import dev.sanway.block.BlockOperation;
import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
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
        inner.submit(
                request,
                outcome -> later(random.nextInt(6), () -> {
                    if (random.nextDouble() < failureChance) {
                        BlockOutcome.release(outcome);
                        answer(BlockOutcome.failed(new BlockFailure.NotReady("lost on the way back")), completion);
                    } else {
                        answer(outcome, completion);
                    }
                }));
    }

    private void answer(BlockOutcome outcome, BlockCompletion completion) {
        kill.underWay--;
        if (kill.killed) {
            BlockOutcome.release(outcome);
        } else {
            completion.completed(outcome);
        }
    }
}
