package dev.sanway.block;

import io.netty.buffer.ByteBuf;
import java.util.List;

/** How a {@link BlockRequest} ended. */
public sealed interface BlockOutcome {

    /** Carried out. */
    record Done() implements BlockOutcome {}

    /** Read: exactly the bytes asked for; the receiver releases them. May be a composite of slices. */
    record Data(ByteBuf bytes) implements BlockOutcome {}

    /** Consecutive extents from the LBA asked about on; at least one, unless the range was empty. */
    record Status(List<Extent> extents) implements BlockOutcome {
        public Status {
            extents = List.copyOf(extents);
        }

        /** {@code mapped} false: nothing is stored there and reads give zeroes. */
        public record Extent(long lba, long blockCount, boolean mapped) {}
    }

    /** Not carried out, or not wholly: see the failure for what may have landed. */
    record Failed(BlockFailure failure) implements BlockOutcome {}

    /** The one {@link Done}. */
    Done DONE = new Done();

    static Failed failed(BlockFailure failure) {
        return new Failed(failure);
    }

    /** Releases the outcome's buffers, if any. */
    static void release(BlockOutcome outcome) {
        switch (outcome) {
            case Data data -> data.bytes().release();
            case Done _, Status _, Failed _ -> {}
        }
    }
}
