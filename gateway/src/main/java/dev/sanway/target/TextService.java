package dev.sanway.target;

import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.RejectReason;
import dev.sanway.iscsi.Text;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.List;

/**
 * Text requests in full feature phase (RFC 7143 11.10, 11.11): requests of several PDUs, answers of several PDUs. Confined to
 * the connection's loop.
 */
final class TextService {

    /** What a text exchange needs of its session. */
    interface Owner {
        void send(Pdu pdu);

        int takeStatSn();

        int expCmdSn();

        int grantedMaxCmdSn();

        int initiatorMaxRecvDataSegmentLength();

        void reject(RejectReason reason, Pdu pdu);

        /** Answers a whole text. */
        List<KeyValue> answer(List<KeyValue> pairs);
    }

    private static final int TRANSFER_TAG = 1;

    private final Owner owner;
    private Text.Gathering gathering = new Text.Gathering();
    private ByteBuf unsent = Unpooled.EMPTY_BUFFER;

    TextService(Owner owner) {
        this.owner = owner;
    }

    void request(Pdu.TextRequest request) {
        if (request.isFinal() && request.continues()) {
            owner.reject(RejectReason.PROTOCOL_ERROR, request);
            return;
        }
        if (request.targetTransferTag() == Pdu.NO_TAG) {
            // A new exchange; one that was under way is given up (RFC 7143 11.10.4).
            close();
        } else if (unsent.isReadable()) {
            request.release();
            sendNext(request);
            return;
        }
        if (!gathering.add(request.data())) {
            owner.reject(RejectReason.PROTOCOL_ERROR, withoutData(request));
            return;
        }
        if (request.continues()) {
            respond(request, false, true, Unpooled.EMPTY_BUFFER);
            return;
        }
        switch (gathering.parse(false)) {
            case Text.Malformed _ -> owner.reject(RejectReason.PROTOCOL_ERROR, withoutData(request));
            case Text.Parsed parsed -> {
                unsent = Text.build(owner.answer(parsed.pairs()));
                sendNext(request);
            }
        }
    }

    private void sendNext(Pdu.TextRequest request) {
        int length = Math.min(unsent.readableBytes(), owner.initiatorMaxRecvDataSegmentLength());
        ByteBuf part = unsent.readRetainedSlice(length);
        if (unsent.isReadable()) {
            respond(request, true, false, part);
        } else {
            unsent.release();
            unsent = Unpooled.EMPTY_BUFFER;
            respond(request, false, false, part);
        }
    }

    /**
     * @param continues the answer goes on in another PDU
     * @param awaiting the request goes on
     */
    private void respond(Pdu.TextRequest request, boolean continues, boolean awaiting, ByteBuf data) {
        boolean last = !continues && !awaiting && request.isFinal();
        owner.send(new Pdu.TextResponse(
                last,
                continues,
                request.lun(),
                request.initiatorTaskTag(),
                last ? Pdu.NO_TAG : TRANSFER_TAG,
                owner.takeStatSn(),
                owner.expCmdSn(),
                owner.grantedMaxCmdSn(),
                data));
    }

    private static Pdu.TextRequest withoutData(Pdu.TextRequest request) {
        return new Pdu.TextRequest(
                request.immediate(),
                request.isFinal(),
                request.continues(),
                request.lun(),
                request.initiatorTaskTag(),
                request.targetTransferTag(),
                request.cmdSn(),
                request.expStatSn(),
                Unpooled.EMPTY_BUFFER);
    }

    /** Forgets what is under way. */
    void close() {
        gathering = new Text.Gathering();
        unsent.release();
        unsent = Unpooled.EMPTY_BUFFER;
    }
}
