package dev.sanway.block;

import java.util.ArrayDeque;
import java.util.function.Function;

/** A device that fails, lingers or never answers, as a test wants it to. */
public final class FaultyDevice extends ForwardingDevice {

    /** What happens to one request. */
    public sealed interface Fault {
        /** Nothing unusual. */
        record None() implements Fault {}

        /** It fails and is not carried out. */
        record Fail(BlockFailure failure) implements Fault {}

        /** It is carried out, and fails all the same. */
        record CarryOutThenFail(BlockFailure failure) implements Fault {}

        /** It waits, not carried out, for {@link FaultyDevice#letGo}; a cancellation ends it at once. */
        record Hold() implements Fault {}

        Fault NONE = new None();
        Fault HOLD = new Hold();
    }

    private final class Held implements BlockOperation {
        private final BlockRequest request;
        private final BlockCompletion completion;
        private BlockOperation operation = BlockOperation.UNCANCELLABLE;

        Held(BlockRequest request, BlockCompletion completion) {
            this.request = request;
            this.completion = completion;
        }

        @Override
        public void cancel() {
            if (held.remove(this)) {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(new BlockFailure.Cancelled()));
            } else {
                operation.cancel();
            }
        }

        void go() {
            operation = inner.submit(request, completion);
        }
    }

    private final ArrayDeque<Held> held = new ArrayDeque<>();
    private volatile Function<BlockRequest, Fault> faults = _ -> Fault.NONE;

    public FaultyDevice(BlockDevice inner) {
        super(inner);
    }

    /** Asks {@code faults}, on the owner, about every request from now on. Any thread. */
    public void inject(Function<BlockRequest, Fault> newFaults) {
        this.faults = newFaults;
    }

    /** Carries out what was held, in order. On the owner. */
    public void letGo() {
        for (Held each = held.poll(); each != null; each = held.poll()) {
            each.go();
        }
    }

    /** How many requests are held. On the owner. */
    public int held() {
        return held.size();
    }

    @Override
    public BlockOperation submit(BlockRequest request, BlockCompletion completion) {
        return switch (faults.apply(request)) {
            case Fault.None _ -> inner.submit(request, completion);
            case Fault.Fail fail -> {
                BlockRequest.release(request);
                completion.completed(BlockOutcome.failed(fail.failure()));
                yield BlockOperation.UNCANCELLABLE;
            }
            case Fault.CarryOutThenFail fail ->
                inner.submit(request, outcome -> {
                    BlockOutcome.release(outcome);
                    completion.completed(BlockOutcome.failed(fail.failure()));
                });
            case Fault.Hold _ -> {
                Held each = new Held(request, completion);
                held.add(each);
                yield each;
            }
        };
    }

    @Override
    public void close(Runnable whenClosed) {
        letGo();
        inner.close(whenClosed);
    }
}
