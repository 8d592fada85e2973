package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sanway.iscsi.DecodeResult.Decoded;
import dev.sanway.iscsi.DecodeResult.Violated;
import dev.sanway.iscsi.PduViolation.Kind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PduCodecTest {
    private static final int MAX_DATA = 1 << 20;

    @ParameterizedTest
    @EnumSource(Opcode.class)
    void everyPduSurvivesTheWireInAnyFragmentsWithAndWithoutDigests(Opcode opcode) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        RandomPdus pdus = new RandomPdus(random);
        for (int round = 0; round < 200; round++) {
            String seen = "seed " + seed + " round " + round;
            boolean headerDigest = random.nextBoolean();
            boolean dataDigest = random.nextBoolean();
            Pdu pdu = pdus.next(opcode);
            byte[] wire = wire(pdu, headerDigest, dataDigest);
            assertThat(wire.length % 4).as(seen).isZero();
            PduFraming framing = new PduFraming(opcode.direction(), MAX_DATA);
            framing.setDigests(headerDigest, dataDigest);
            List<DecodeResult> results = feedInPieces(framing, wire, random);
            assertThat(results).as(seen).hasSize(1);
            assertThat(results.getFirst()).as(seen).isInstanceOf(Decoded.class);
            Pdu decoded = ((Decoded) results.getFirst()).pdu();
            assertThat(decoded).as(seen).hasSameClassAs(pdu);
            // Arrays within records compare by reference; the text of records and the wire compare by value.
            if (!(pdu instanceof Pdu.ScsiCommandPdu)) {
                assertThat(decoded)
                        .as(seen)
                        .usingRecursiveComparison()
                        .ignoringFields("data")
                        .isEqualTo(pdu);
            }
            assertThat(wire(decoded, headerDigest, dataDigest)).as(seen).isEqualTo(wire);
            assertThat(framing.midPdu()).isFalse();
        }
    }

    @Test
    void aDataSegmentThatComesByteByByteKeepsNoBufferForEachByte() {
        ByteBuf data = Unpooled.buffer(8000).writeBytes(new byte[8000]).setByte(7999, 42);
        byte[] wire = wire(new Pdu.NopIn(0, Pdu.NO_TAG, Pdu.NO_TAG, 1, 1, 1, data), false, true);
        PduFraming framing = new PduFraming(Direction.TO_INITIATOR, MAX_DATA);
        framing.setDigests(false, true);
        List<DecodeResult> results = new ArrayList<>();
        List<ByteBuf> fed = new ArrayList<>();
        for (byte one : wire) {
            ByteBuf in = Unpooled.wrappedBuffer(new byte[] {one});
            fed.add(in);
            framing.feed(in, results::add);
            in.release();
            assertThat(fed.stream().filter(buffer -> buffer.refCnt() > 0).count())
                    .isLessThanOrEqualTo(PduFraming.MAX_PARTS + 1L);
            fed.removeIf(buffer -> buffer.refCnt() == 0);
        }
        Pdu pdu = ((Decoded) results.getFirst()).pdu();
        assertThat(pdu.data().readableBytes()).isEqualTo(8000);
        assertThat(pdu.data().getByte(pdu.data().readerIndex() + 7999)).isEqualTo((byte) 42);
        pdu.release();
    }

    @Test
    void aCommandsFieldsComeBackAsTheyWent() {
        byte[] cdb = new byte[32];
        for (int i = 0; i < cdb.length; i++) {
            cdb[i] = (byte) (i + 1);
        }
        Pdu.ScsiCommandPdu command = new Pdu.ScsiCommandPdu(
                true, true, true, true, 2, 0x0001000000000000L, 7, 0x200, 9, 10, cdb, 4096, Unpooled.EMPTY_BUFFER);
        byte[] wire = wire(command, false, false);
        assertThat(wire).hasSize(48 + 20 + 8);
        assertThat(wire[0]).isEqualTo((byte) 0x41);
        assertThat(wire[1]).isEqualTo((byte) 0xe2);
        assertThat(wire[4]).isEqualTo((byte) 7);
        PduFraming framing = new PduFraming(Direction.TO_TARGET, 0);
        Decoded decoded = (Decoded) feedInPieces(framing, wire, new Random(1)).getFirst();
        Pdu.ScsiCommandPdu back = (Pdu.ScsiCommandPdu) decoded.pdu();
        assertThat(back.cdb()).isEqualTo(cdb);
        assertThat(back.bidirectionalReadLength()).isEqualTo(4096);
        assertThat(back).usingRecursiveComparison().isEqualTo(command);
    }

    @Test
    void loginRequestLiesInTheBytesOfSection11_12() {
        Pdu.LoginRequest login = new Pdu.LoginRequest(
                true,
                false,
                0,
                1,
                0,
                0,
                new Isid(0x800001020304L),
                0x0506,
                0x0708090a,
                0x0b0c,
                0x0d0e0f10,
                0x11121314,
                Unpooled.copiedBuffer("A=b\0x", StandardCharsets.US_ASCII));
        assertThat(ByteBufUtil.hexDump(wire(login, false, false)))
                .isEqualTo("43810000" + "00000005" + "800001020304" + "0506" + "0708090a" + "0b0c0000" + "0d0e0f10"
                        + "11121314" + "00".repeat(16) + "413d620078000000");
    }

    @Test
    void crc32cMatchesTheExamplesOfTheRfc() {
        // RFC 7143 appendix A.4: the bytes of the CRC in the order of the wire.
        assertThat(digest(new byte[32])).isEqualTo("aa36918a");
        byte[] ones = new byte[32];
        java.util.Arrays.fill(ones, (byte) 0xff);
        assertThat(digest(ones)).isEqualTo("43aba862");
        byte[] ascending = new byte[32];
        byte[] descending = new byte[32];
        for (int i = 0; i < 32; i++) {
            ascending[i] = (byte) i;
            descending[i] = (byte) (31 - i);
        }
        assertThat(digest(ascending)).isEqualTo("4e79dd46");
        assertThat(digest(descending)).isEqualTo("5cdb3f11");
        ByteBuf composite = Unpooled.wrappedBuffer(
                Unpooled.wrappedBuffer(ascending, 0, 5), Unpooled.directBuffer().writeBytes(ascending, 5, 27));
        assertThat(Integer.toHexString(Digest.of(composite, 0, 32, 0))).isEqualTo("4e79dd46");
        assertThat(Digest.of(composite, 0, 30, 2)).isNotEqualTo(Digest.of(composite, 0, 32, 0));
        composite.release();
    }

    @Test
    void oneFlippedBitIsFoundByTheDigests() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            Pdu pdu = new RandomPdus(random).next(Opcode.DATA_OUT);
            int headerBytes = 52;
            byte[] wire = wire(pdu, true, true);
            int at = random.nextInt(wire.length);
            wire[at] ^= (byte) (1 << random.nextInt(8));
            PduFraming framing = new PduFraming(Direction.TO_TARGET, MAX_DATA);
            framing.setDigests(true, true);
            List<DecodeResult> results = feedInPieces(framing, wire, random);
            framing.close();
            if (at >= headerBytes) {
                assertThat(kinds(results)).as("seed " + seed).containsExactly(Kind.DATA_DIGEST);
            } else if (at != 4) {
                // A flipped TotalAHSLength may make us wait for more; everything else is found out at once.
                assertThat(kinds(results)).as("seed " + seed).containsExactly(Kind.HEADER_DIGEST);
            } else {
                assertThat(results).as("seed " + seed).noneMatch(Decoded.class::isInstance);
            }
            release(results);
        }
    }

    @Test
    void afterABadDataDigestTheNextPduIsUnderstood() {
        byte[] bad = wire(
                new Pdu.NopOut(false, 0, 1, Pdu.NO_TAG, 5, 6, Unpooled.copiedBuffer("ping", StandardCharsets.US_ASCII)),
                true,
                true);
        bad[52] ^= 1;
        byte[] good = wire(new Pdu.LogoutRequest(true, 0, 2, 0, 6, 7), true, true);
        PduFraming framing = new PduFraming(Direction.TO_TARGET, 8192);
        framing.setDigests(true, true);
        List<DecodeResult> results = new ArrayList<>();
        ByteBuf both = Unpooled.wrappedBuffer(bad, good);
        framing.feed(both, results::add);
        both.release();
        assertThat(results).hasSize(2);
        PduViolation violation = ((Violated) results.getFirst()).violation();
        assertThat(violation.kind()).isEqualTo(Kind.DATA_DIGEST);
        assertThat(violation.initiatorTaskTag()).isEqualTo(1);
        assertThat(((Decoded) results.getLast()).pdu()).isInstanceOf(Pdu.LogoutRequest.class);
    }

    @Test
    void whatIsMalformedIsNamed() {
        assertThat(kindOf(header(0x3e), Direction.TO_TARGET)).isEqualTo(Kind.UNKNOWN_OPCODE);
        assertThat(kindOf(header(0x21), Direction.TO_TARGET)).isEqualTo(Kind.UNKNOWN_OPCODE);
        assertThat(kindOf(header(0x01), Direction.TO_INITIATOR)).isEqualTo(Kind.UNKNOWN_OPCODE);
        byte[] tooLong = header(0x00);
        tooLong[6] = 0x20;
        tooLong[7] = 1;
        assertThat(kindOf(tooLong, Direction.TO_TARGET)).isEqualTo(Kind.TOO_LONG);
        byte[] residuals = header(0x25);
        residuals[1] = 6;
        assertThat(kindOf(residuals, Direction.TO_INITIATOR)).isEqualTo(Kind.BAD_FIELD);
        byte[] nopWithAhs = java.util.Arrays.copyOf(header(0x00), 52);
        nopWithAhs[4] = 1;
        assertThat(kindOf(nopWithAhs, Direction.TO_TARGET)).isEqualTo(Kind.BAD_AHS);
        byte[] overrun = java.util.Arrays.copyOf(header(0x01), 52);
        overrun[4] = 1;
        overrun[49] = 2;
        overrun[50] = 1;
        assertThat(kindOf(overrun, Direction.TO_TARGET)).isEqualTo(Kind.BAD_AHS);
        byte[] strange = java.util.Arrays.copyOf(header(0x01), 52);
        strange[4] = 1;
        strange[49] = 1;
        strange[50] = 9;
        assertThat(kindOf(strange, Direction.TO_TARGET)).isEqualTo(Kind.BAD_AHS);
    }

    @Test
    void afterAFatalViolationNothingMoreIsTold() {
        byte[] tooLong = header(0x00);
        tooLong[5] = 1;
        PduFraming framing = new PduFraming(Direction.TO_TARGET, 8192);
        List<DecodeResult> results = new ArrayList<>();
        ByteBuf bytes = Unpooled.wrappedBuffer(tooLong, header(0x00), header(0x3e));
        framing.feed(bytes, results::add);
        assertThat(bytes.isReadable()).isFalse();
        bytes.release();
        assertThat(results).hasSize(1);
        assertThat(((Violated) results.getFirst()).violation().kind().fatal()).isTrue();
    }

    @Test
    void payloadsAreSlicesOfWhatCameAndCopiedNowhere() {
        ByteBuf in = ByteBufAllocator.DEFAULT.directBuffer();
        PduEncoder.encode(
                new Pdu.DataOut(true, 0, 1, 2, 3, 0, 0, Unpooled.wrappedBuffer(new byte[4096])),
                false,
                false,
                ByteBufAllocator.DEFAULT,
                part -> {
                    in.writeBytes(part);
                    part.release();
                });
        List<DecodeResult> results = new ArrayList<>();
        new PduFraming(Direction.TO_TARGET, 8192).feed(in, results::add);
        Pdu pdu = ((Decoded) results.getFirst()).pdu();
        in.setByte(48, 77);
        assertThat(pdu.data().getByte(0)).isEqualTo((byte) 77);
        assertThat(in.refCnt()).isEqualTo(2);
        pdu.release();
        in.release();
        assertThat(in.refCnt()).isZero();
    }

    @Test
    void dataOfManyPiecesCanBeJoinedWithMoreWithoutMeetingPaddingOrDigest() {
        byte[] payload = new byte[1001];
        new Random(5).nextBytes(payload);
        byte[] wire = wire(new Pdu.DataOut(true, 0, 1, 2, 3, 0, 0, Unpooled.wrappedBuffer(payload)), true, true);
        PduFraming framing = new PduFraming(Direction.TO_TARGET, 8192);
        framing.setDigests(true, true);
        ByteBuf data = ((Decoded) feedInPieces(framing, wire, new Random(6)).getFirst())
                .pdu()
                .data();
        assertThat(data).isNotInstanceOf(CompositeByteBuf.class);
        assertThat(data.capacity()).isEqualTo(1001);
        assertThat(ByteBufUtil.getBytes(data)).isEqualTo(payload);
        data.release();
    }

    @Test
    void digestsAreSwitchedOnExactlyAfterTheLastLoginPdu() {
        PduEncoder encoder = new PduEncoder();
        PduDecoder decoder = new PduDecoder(Direction.TO_TARGET, 8192);
        EmbeddedChannel out = new EmbeddedChannel(encoder);
        EmbeddedChannel in = new EmbeddedChannel(decoder);
        Pdu first = new Pdu.LogoutRequest(true, 1, 2, 3, 4, 5);
        out.writeOutbound(first);
        encoder.setDigests(true, true);
        out.writeOutbound(first);
        ByteBuf plain = out.readOutbound();
        ByteBuf digested = out.readOutbound();
        assertThat(plain.readableBytes()).isEqualTo(48);
        assertThat(digested.readableBytes()).isEqualTo(52);
        in.writeInbound(plain);
        decoder.setDigests(true, true);
        in.writeInbound(digested);
        for (int i = 0; i < 2; i++) {
            DecodeResult result = in.readInbound();
            assertThat(((Decoded) result).pdu()).isEqualTo(first);
        }
        out.finishAndReleaseAll();
        in.finishAndReleaseAll();
    }

    @Test
    void closingMidPduReleasesWhatHadCome() {
        byte[] wire =
                wire(new Pdu.DataOut(true, 0, 1, 2, 3, 0, 0, Unpooled.wrappedBuffer(new byte[4096])), false, false);
        ByteBuf some = ByteBufAllocator.DEFAULT.buffer().writeBytes(wire, 0, 1000);
        EmbeddedChannel channel = new EmbeddedChannel(new PduDecoder(Direction.TO_TARGET, 8192));
        channel.writeInbound(some);
        assertThat(some.refCnt()).isEqualTo(1);
        channel.finishAndReleaseAll();
        assertThat(some.refCnt()).isZero();
    }

    @Test
    void garbageNeverThrowsAndNeverLeaks() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            byte[] bytes = new byte[random.nextInt(400)];
            random.nextBytes(bytes);
            for (int i = 4; i < bytes.length; i += 48) {
                bytes[i] = (byte) random.nextInt(3);
            }
            PduFraming framing =
                    new PduFraming(random.nextBoolean() ? Direction.TO_TARGET : Direction.TO_INITIATOR, 1 << 16);
            framing.setDigests(false, random.nextBoolean());
            List<DecodeResult> results = feedInPieces(framing, bytes, random);
            framing.close();
            release(results);
        }
    }

    @Test
    void lengthsThatTheWireCannotExpressAreOurBug() {
        ByteBuf huge = Unpooled.wrappedBuffer(new byte[1 << 24]);
        assertThatThrownBy(() -> wire(new Pdu.DataOut(true, 0, 1, 2, 3, 0, 0, huge), false, false))
                .isInstanceOf(IllegalArgumentException.class);
        huge.release();
    }

    private static byte[] header(int firstByte) {
        byte[] header = new byte[48];
        header[0] = (byte) firstByte;
        return header;
    }

    private static Kind kindOf(byte[] wire, Direction direction) {
        List<DecodeResult> results = feedInPieces(new PduFraming(direction, 8192), wire, new Random(3));
        assertThat(results).hasSize(1);
        return kinds(results).getFirst();
    }

    private static List<Kind> kinds(List<DecodeResult> results) {
        return results.stream()
                .map(result -> ((Violated) result).violation().kind())
                .toList();
    }

    private static void release(List<DecodeResult> results) {
        for (DecodeResult result : results) {
            if (result instanceof Decoded decoded) {
                decoded.pdu().release();
            }
        }
    }

    private static String digest(byte[] bytes) {
        return String.format("%08x", Digest.of(Unpooled.wrappedBuffer(bytes), 0, bytes.length, 0));
    }

    static byte[] wire(Pdu pdu, boolean headerDigest, boolean dataDigest) {
        ByteBuf all = Unpooled.buffer();
        PduEncoder.encode(pdu, headerDigest, dataDigest, ByteBufAllocator.DEFAULT, part -> {
            all.writeBytes(part);
            part.release();
        });
        byte[] bytes = ByteBufUtil.getBytes(all);
        all.release();
        return bytes;
    }

    static List<DecodeResult> feedInPieces(PduFraming framing, byte[] wire, Random random) {
        List<DecodeResult> results = new ArrayList<>();
        int at = 0;
        while (at < wire.length) {
            int take = Math.min(wire.length - at, 1 + random.nextInt(random.nextBoolean() ? 60 : 4000));
            ByteBuf piece = ByteBufAllocator.DEFAULT.buffer().writeBytes(wire, at, take);
            framing.feed(piece, results::add);
            piece.release();
            at += take;
        }
        return results;
    }
}
