package dev.sanway.iscsi;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;

/**
 * Fuzz targets: with {@code JAZZER_FUZZ=1} they search, otherwise they run the kept inputs. What must hold is asserted
 * here; exceptions are findings by themselves.
 */
class IscsiFuzzTest {

    /** Whatever the bytes and their fragmentation, the decoder tells of PDUs that encode to what the decoder reads back. */
    @FuzzTest
    void pduDecoder(FuzzedDataProvider data) {
        Direction direction = data.consumeBoolean() ? Direction.TO_TARGET : Direction.TO_INITIATOR;
        PduFraming framing = new PduFraming(direction, data.consumeInt(0, 4096));
        framing.setDigests(data.consumeBoolean(), data.consumeBoolean());
        List<DecodeResult> results = new ArrayList<>();
        while (data.remainingBytes() > 0) {
            ByteBuf piece = Unpooled.wrappedBuffer(data.consumeBytes(data.consumeInt(1, 600)));
            framing.feed(piece, results::add);
            if (piece.isReadable()) {
                throw new IllegalStateException("input left over");
            }
            piece.release();
        }
        framing.close();
        for (DecodeResult result : results) {
            if (result instanceof DecodeResult.Decoded decoded) {
                readsBack(decoded.pdu(), direction);
            }
        }
    }

    private static void readsBack(Pdu pdu, Direction direction) {
        byte[] wire = PduCodecTest.wire(pdu, false, false);
        List<DecodeResult> again = new ArrayList<>();
        ByteBuf bytes = Unpooled.wrappedBuffer(wire);
        new PduFraming(direction, 4096).feed(bytes, again::add);
        bytes.release();
        if (!(again.getFirst() instanceof DecodeResult.Decoded decoded) || again.size() != 1) {
            throw new IllegalStateException("own encoding is not read back: " + pdu);
        }
        if (!java.util.Arrays.equals(wire, PduCodecTest.wire(decoded.pdu(), false, false))) {
            throw new IllegalStateException("encoding is not stable: " + pdu);
        }
    }

    /** Whatever text comes in whatever stage, negotiation answers or fails, and what results stays within the rules. */
    @FuzzTest
    void textNegotiation(FuzzedDataProvider data) {
        boolean target = data.consumeBoolean();
        Negotiation negotiation = target
                ? new Negotiation(Negotiation.Role.TARGET, NegotiationWishes.target(), false)
                : new Negotiation(
                        Negotiation.Role.INITIATOR,
                        NegotiationWishes.initiator(data.consumeBoolean(), data.consumeBoolean()),
                        data.consumeBoolean());
        if (!target && data.consumeBoolean()) {
            negotiation.offers();
        }
        while (data.remainingBytes() > 0) {
            LoginStage stage = data.pickValue(LoginStage.values());
            ByteBuf text = Unpooled.wrappedBuffer(data.consumeBytes(data.consumeInt(1, 2000)));
            if (Text.parse(text, data.consumeBoolean()) instanceof Text.Parsed parsed) {
                if (!(negotiation.receive(parsed.pairs(), stage) instanceof Negotiation.Answered answered)) {
                    return;
                }
                if (!(Text.parse(Text.build(answered.answers()), true) instanceof Text.Parsed)) {
                    throw new IllegalStateException("our own answer is malformed: " + answered);
                }
            }
        }
        SessionParameters session = negotiation.session();
        ConnectionParameters connection = negotiation.connection();
        boolean sound = session.firstBurstLength() <= session.maxBurstLength()
                && session.maxBurstLength() >= 512
                && session.maxConnections() == 1
                && session.errorRecoveryLevel() == 0
                && session.maxOutstandingR2T() >= 1
                && connection.maxSendDataSegmentLength() >= 512
                && connection.maxSendDataSegmentLength() <= 0xffffff;
        if (!sound) {
            throw new IllegalStateException(session + " " + connection);
        }
    }

    /** Whatever keys come, CHAP is passed only with the secret. */
    @FuzzTest
    void chap(FuzzedDataProvider data) {
        java.security.SecureRandom random = new java.security.SecureRandom();
        Chap.Credentials host = new Chap.Credentials("web1", "secret-of-web1");
        Chap.Acceptor acceptor = new Chap.Acceptor(host, new Chap.Credentials("gw1", "secret-of-gw1!"), random);
        Chap.Requester requester = new Chap.Requester(host, new Chap.Credentials("gw1", "secret-of-gw1!"), random);
        boolean first = true;
        while (data.remainingBytes() > 0) {
            ByteBuf text = Unpooled.wrappedBuffer(data.consumeBytes(data.consumeInt(1, 500)));
            if (Text.parse(text) instanceof Text.Parsed parsed) {
                List<KeyValue> keys =
                        first && data.consumeBoolean() ? List.of(TextKey.CHAP_A.with("5")) : parsed.pairs();
                first = false;
                if (acceptor.receive(keys) instanceof Chap.Success
                        || requester.receive(parsed.pairs()) instanceof Chap.Success) {
                    throw new IllegalStateException("authenticated without the secret");
                }
            }
        }
    }
}
