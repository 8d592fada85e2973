package dev.sanway.iscsi;

import dev.sanway.iscsi.PduViolation.Kind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.function.Consumer;

/**
 * Cuts a byte stream into PDUs: the core of {@link PduDecoder}, free of channels.
 *
 * <p>Data segments are retained slices of what was fed in, so nothing of a payload is copied. Digests are looked at as they
 * are set when a PDU begins: to be switched on after the last login PDU was handled, before the next bytes are fed in, or
 * from within the consumer.
 *
 * <pre>
 *   HEADER ── complete, no data ──▶ HEADER        any ── fatal violation ──▶ BROKEN (swallows everything)
 *     └── complete, data ahead ──▶ BODY ── complete ──▶ HEADER
 * </pre>
 *
 * Confined to one thread.
 */
public final class PduFraming {
    private enum State {
        HEADER,
        BODY,
        BROKEN
    }

    /** Parts of a body that keep the buffers they came in. */
    static final int MAX_PARTS = 256;

    private final Direction direction;
    private final ByteBuf header = Unpooled.buffer(PduParser.BHS_LENGTH + PduParser.MAX_AHS_LENGTH + Digest.LENGTH);
    private int maxDataSegmentLength;
    private boolean headerDigest;
    private boolean dataDigest;

    private State state = State.HEADER;
    private int bodyNeeded;
    private int dataLength;
    private boolean bodyHasDigest;
    private final Pieces body = new Pieces(MAX_PARTS, 0);

    private boolean stopped;

    /**
     * @param direction which opcodes are expected
     * @param maxDataSegmentLength bytes that a data segment may have: what this side declared, 8,192 before it did
     */
    public PduFraming(Direction direction, int maxDataSegmentLength) {
        this.direction = direction;
        this.maxDataSegmentLength = maxDataSegmentLength;
    }

    /** From the next PDU on. */
    public void setDigests(boolean onHeader, boolean onData) {
        headerDigest = onHeader;
        dataDigest = onData;
    }

    /** From the next PDU on, in bytes. */
    public void setMaxDataSegmentLength(int lengthBytes) {
        maxDataSegmentLength = lengthBytes;
    }

    /** Whether some bytes of a PDU came and others are awaited. */
    public boolean midPdu() {
        return state == State.BODY || header.isReadable();
    }

    /** Bytes of the data segment of a PDU that is not complete yet. */
    public int partialBytes() {
        return body.lengthBytes();
    }

    /** The operation code of the PDU whose data segment is not complete yet; -1: there is none. */
    public int partialOpcode() {
        return state == State.BODY ? header.getByte(0) & 0x3f : -1;
    }

    /** The initiator task tag of the PDU whose data segment is not complete yet; meaningless if there is none. */
    public int partialTag() {
        return state == State.BODY ? header.getInt(16) : 0;
    }

    /**
     * Stops or goes on: while stopped {@link #feed} leaves what it is given unread. May be called by the consumer, for the PDUs
     * after the one that it was told of.
     */
    public void setStopped(boolean now) {
        stopped = now;
    }

    /**
     * Takes bytes of the stream and tells of each PDU that they complete.
     *
     * @param in read to its end, or to the end of the PDU at which this was stopped; borrowed: slices retain it for as long as
     *     they live
     * @param out told of each PDU in order; after a {@link Kind#fatal()} violation of nothing more
     */
    public void feed(ByteBuf in, Consumer<DecodeResult> out) {
        while (!stopped) {
            boolean ended = switch (state) {
                case HEADER -> header(in, out);
                case BODY -> body(in, out);
                case BROKEN -> {
                    in.skipBytes(in.readableBytes());
                    yield true;
                }
            };
            if (ended) {
                return;
            }
        }
    }

    /** Ends the stream: what is incomplete is released, and nothing comes any more. */
    public void close() {
        state = State.BROKEN;
        header.clear();
        body.take().release();
    }

    /** Whether the input is used up. */
    private boolean header(ByteBuf in, Consumer<DecodeResult> out) {
        if (!fill(in, PduParser.BHS_LENGTH)) {
            return true;
        }
        int ahsLength = (header.getByte(4) & 0xff) * 4;
        int headerLength = PduParser.BHS_LENGTH + ahsLength;
        if (!fill(in, headerLength + (headerDigest ? Digest.LENGTH : 0))) {
            return true;
        }
        if (headerDigest) {
            if (Digest.of(header, 0, headerLength, 0) != header.getInt(headerLength)) {
                return broken(Kind.HEADER_DIGEST, "header digest does not match", out);
            }
            header.writerIndex(headerLength);
        }
        dataLength = header.getUnsignedMedium(5);
        if (dataLength > maxDataSegmentLength) {
            return broken(
                    Kind.TOO_LONG,
                    "data segment of " + dataLength + " bytes, at most " + maxDataSegmentLength + " were declared",
                    out);
        }
        if (dataLength == 0) {
            complete(Unpooled.EMPTY_BUFFER, out);
        } else {
            bodyHasDigest = dataDigest;
            bodyNeeded = ((dataLength + 3) & ~3) + (bodyHasDigest ? Digest.LENGTH : 0);
            state = State.BODY;
        }
        return false;
    }

    private boolean fill(ByteBuf in, int lengthBytes) {
        int missing = lengthBytes - header.readableBytes();
        if (missing > 0) {
            header.writeBytes(in, Math.min(missing, in.readableBytes()));
        }
        return header.readableBytes() >= lengthBytes;
    }

    private boolean body(ByteBuf in, Consumer<DecodeResult> out) {
        int take = Math.min(bodyNeeded, in.readableBytes());
        if (take > 0) {
            body.add(in.readRetainedSlice(take), body.lengthBytes() + bodyNeeded);
            bodyNeeded -= take;
        }
        if (bodyNeeded > 0) {
            return true;
        }
        ByteBuf whole = body.take();
        int padding = ((dataLength + 3) & ~3) - dataLength;
        if (bodyHasDigest
                && Digest.of(whole, whole.readerIndex(), dataLength + padding, 0)
                        != whole.getInt(whole.readerIndex() + dataLength + padding)) {
            whole.release();
            PduViolation violation = PduParser.violation(Kind.DATA_DIGEST, header, "data digest does not match");
            next();
            out.accept(new DecodeResult.Violated(violation));
            return false;
        }
        // A slice, so that nobody who adds to a composite meets padding and digest behind the data.
        complete(whole.slice(whole.readerIndex(), dataLength), out);
        return false;
    }

    private void complete(ByteBuf data, Consumer<DecodeResult> out) {
        DecodeResult result = PduParser.parse(header, data, direction);
        next();
        out.accept(result);
    }

    private void next() {
        header.clear();
        state = State.HEADER;
    }

    private boolean broken(Kind kind, String detail, Consumer<DecodeResult> out) {
        PduViolation violation = PduParser.violation(kind, header, detail);
        close();
        out.accept(new DecodeResult.Violated(violation));
        return false;
    }
}
