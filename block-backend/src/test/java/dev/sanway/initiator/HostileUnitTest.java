package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.TextKey;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A connection to a unit that means harm: what it can make us hold is bounded, and what breaks the protocol ends it. */
@Timeout(60)
class HostileUnitTest {
    private static final int MANY = 2000;
    private static final int FIRST_STAT_SN = 10;

    private static final UnitSessionConfig CONFIG = UnitSessionConfig.of(
            "unit",
            "127.0.0.1",
            3260,
            new IscsiName("iqn.2026-11.example:unit"),
            new IscsiName("iqn.2026-11.example:gateway"),
            new Isid(1));

    /** Lets nothing through to the socket while the unit does not read. */
    private static final class Wire extends ChannelOutboundHandlerAdapter {
        private boolean read = true;

        @Override
        public void flush(ChannelHandlerContext ctx) {
            if (read) {
                ctx.flush();
            }
        }
    }

    private final class Recorder implements ConnectionOwner {
        @Override
        public void loggedIn() {}

        @Override
        public void moved(TargetAddress to, boolean permanent) {
            ended = "moved to " + to;
        }

        @Override
        public void windowOpened() {}

        @Override
        public void answered(ScsiTask task, ScsiResult result) {
            task.end(result);
        }

        @Override
        public void logoutRequested(String why) {}

        @Override
        public void unitAttention(long lun, SenseData sense) {}

        @Override
        public void internalError(Throwable bug) {
            throw new IllegalStateException(bug);
        }

        @Override
        public void ended(String why, boolean refusedByUnit, List<ScsiTask> inFlight) {
            assertThat(why).doesNotContain("internal error");
            ended = why;
            for (ScsiTask task : inFlight) {
                task.rewind();
                task.end(new ScsiResult.Unanswered(why));
            }
        }
    }

    private final Wire wire = new Wire();
    private final List<ScsiResult> results = new ArrayList<>();
    private final UnitConnection connection =
            new UnitConnection(CONFIG, new LoginExchange(CONFIG, false, false, new SecureRandom()), new Recorder());
    private final EmbeddedChannel channel = new EmbeddedChannel(wire, connection);
    private @Nullable String ended;
    private int statSn = FIRST_STAT_SN;

    @AfterEach
    void nothingLeaks() {
        for (ScsiResult result : results) {
            if (result instanceof ScsiResult.Answered answered) {
                answered.dataIn().release();
            }
        }
        channel.finishAndReleaseAll();
        channel.checkException();
    }

    // ---- login

    @Test
    void aLoginThatIsContinuedWithoutEndIsGivenUp() {
        wire.read = false;
        answers(_ -> login(false, true, LoginStage.SECURITY, List.of()));
        assertThat(ended).contains("login");
        assertThat(pendingBytes()).isLessThan(64 << 10);
    }

    @Test
    void aLoginWhoseTextsAreTooLongTogetherIsGivenUp() {
        answers(i -> login(false, false, LoginStage.SECURITY, fill("X-" + i, 30)));
        assertThat(ended).contains("login");
    }

    @Test
    void aLoginThatAsksForLongAnswersIsGivenUp() {
        List<KeyValue> unknown = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            unknown.add(new KeyValue("X" + i, ""));
        }
        answer(login(false, false, LoginStage.SECURITY, unknown));
        assertThat(ended).contains("login");
    }

    @Test
    void duringLoginADataSegmentMayNotBeLongerThanTheStandardsDefault() {
        assertThat(ended).isNull();
        answer(login(false, true, LoginStage.SECURITY, fill("X-a", 40)));
        assertThat(ended).contains("data segment");
    }

    /** Keys of 256 bytes and more. */
    private static List<KeyValue> fill(String name, int keys) {
        List<KeyValue> all = new ArrayList<>();
        for (int i = 0; i < keys; i++) {
            all.add(new KeyValue(name + "." + i, "x".repeat(250)));
        }
        return all;
    }

    // ---- what is answered

    @Test
    void pingsWhoseAnswersNobodyReadsEndTheConnection() {
        logIn();
        wire.read = false;
        answers(i -> ping(i + 1));
        assertThat(ended).contains("does not read");
    }

    @Test
    void whatIsQueuedForAUnitThatPingsAndDoesNotReadIsBounded() {
        logIn();
        wire.read = false;
        for (int i = 0; i < 50; i++) {
            answer(ping(i + 1));
        }
        assertThat(ended).isNull();
        assertThat(pendingBytes()).isLessThan(16 << 10);
    }

    @Test
    void pingsOfAUnitThatReadsAreAnswered() {
        logIn();
        for (int i = 0; i < 100; i++) {
            answer(ping(i + 1));
        }
        assertThat(ended).isNull();
        assertThat(sent().stream().filter(opcode -> opcode == 0x00)).hasSize(100);
    }

    static Stream<Arguments> chatter() {
        return Stream.of(
                Arguments.of("pings", (Chatter) (test, i) -> test.ping(i + 1)),
                Arguments.of("numbers only", (Chatter) (test, i) -> test.nop(Pdu.NO_TAG, Pdu.NO_TAG)),
                Arguments.of("answers to pings never sent", (Chatter) (test, i) -> test.nop(77, Pdu.NO_TAG)),
                Arguments.of("asynchronous messages", (Chatter) (test, i) -> test.message(255)),
                Arguments.of("responses for unknown tags", (Chatter) (test, i) -> test.response(4711)),
                Arguments.of("data for unknown tags", (Chatter) (test, i) -> test.data(4711, 0, new byte[8])),
                Arguments.of("R2Ts for unknown tags", (Chatter) (test, i) -> test.r2t(4711, 0, 0, 512)),
                Arguments.of("task management responses", (Chatter)
                        (test, i) -> new Pdu.TaskManagementResponse(0, 4711, test.statSn++, 1, 32)),
                Arguments.of("rejects", (Chatter) (test, i) -> new Pdu.Reject(
                        6, test.statSn++, 1, 32, 0, Unpooled.buffer().writeZero(48))));
    }

    interface Chatter {
        Pdu pdu(HostileUnitTest test, int number);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void chatter(String what, Chatter chatter) {
        logIn();
        answers(i -> chatter.pdu(this, i));
        assertThat(ended).contains("without being asked");
    }

    @Test
    void emptyDataInPdusWithoutEndEndTheConnection() {
        logIn();
        ScsiTask task = read(8192);
        answers(_ -> data(task.tag, 0, new byte[0]));
        assertThat(ended).contains("without being asked");
    }

    @Test
    void aLogoutResponseThatNobodyAskedForEndsTheConnection() {
        logIn();
        answer(new Pdu.LogoutResponse(0, 5, statSn++, 1, 32, 0, 0));
        assertThat(ended).contains("logout response");
    }

    @Test
    void aTextAnswerThatIsContinuedWithoutEndIsGivenUp() {
        logIn();
        connection.text(List.of(TextKey.SEND_TARGETS.with("All")), _ -> {});
        channel.runPendingTasks();
        int tag = lastTag();
        wire.read = false;
        answers(_ -> new Pdu.TextResponse(false, true, 0, tag, 9, statSn++, 1, 32, Unpooled.EMPTY_BUFFER));
        assertThat(ended).contains("text");
        assertThat(pendingBytes()).isLessThan(64 << 10);
    }

    // ---- R2T (RFC 7143 section 11.8); of 64 KiB 8,192 bytes went out with the command

    static Stream<Arguments> wrongR2ts() {
        return Stream.of(
                Arguments.of("for a range that was sent with the command", 0, 0, 8192),
                Arguments.of("beyond the data", 0, 8192, 65536),
                Arguments.of("with an offset beyond the data", 0, 0x7FFF_0000, 512),
                Arguments.of("with an offset of 2^32 - 512", 0, -512, 512),
                Arguments.of("with a gap", 0, 16384, 512),
                Arguments.of("for nothing", 0, 8192, 0),
                Arguments.of("with another number than the next one", 1, 8192, 8192));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongR2ts")
    void anR2tOutOfPlaceEndsTheConnection(String what, int r2tSn, int offset, int length) {
        logIn();
        ScsiTask task = write(65536);
        answer(r2t(task.tag, r2tSn, offset, length));
        assertThat(ended).contains("R2T");
    }

    @Test
    void anR2tForAReadEndsTheConnection() {
        logIn();
        ScsiTask task = read(4096);
        answer(r2t(task.tag, 0, 0, 512));
        assertThat(ended).contains("R2T");
    }

    @Test
    void anR2tOfMoreThanMaxBurstLengthEndsTheConnection() {
        logIn();
        ScsiTask task = write(1 << 20);
        answer(r2t(task.tag, 0, 8192, 262144 + 512));
        assertThat(ended).contains("R2T");
    }

    @Test
    void aRangeThatWasAskedForIsNotAskedForAgain() {
        logIn();
        ScsiTask task = write(65536);
        answer(r2t(task.tag, 0, 8192, 8192));
        assertThat(ended).isNull();
        answer(r2t(task.tag, 1, 8192, 8192));
        assertThat(ended).contains("R2T");
    }

    @Test
    void moreR2tsAtOnceThanWereNegotiatedEndTheConnection() {
        logIn();
        wire.read = false;
        ScsiTask task = write(65536);
        answer(r2t(task.tag, 0, 8192, 8192));
        assertThat(ended).isNull();
        answer(r2t(task.tag, 1, 16384, 8192));
        assertThat(ended).contains("MaxOutstandingR2T");
    }

    @Test
    void r2tsOneAfterTheOtherAreServed() {
        logIn();
        ScsiTask task = write(65536);
        for (int i = 0; i < 7; i++) {
            answer(r2t(task.tag, i, 8192 * (i + 1), 8192));
        }
        answer(response(task.tag));
        assertThat(ended).isNull();
        assertThat(results).hasSize(1);
        assertThat(sent().stream().filter(opcode -> opcode == 0x05)).hasSize(7);
    }

    @Test
    void dataGoOutWhileTheUnitReadsAndNoSooner() {
        logIn();
        wire.read = false;
        List<ScsiTask> tasks = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            tasks.add(write(262144));
        }
        for (ScsiTask task : tasks) {
            answer(r2t(task.tag, 0, 8192, 262144 - 8192));
        }
        assertThat(ended).isNull();
        assertThat(pendingBytes()).isLessThan(2 << 20);
        assertThat(connection.canSend()).isFalse();
        wire.read = true;
        for (int i = 0; i < 10; i++) {
            channel.flush();
            channel.runPendingTasks();
        }
        assertThat(sent().stream().filter(opcode -> opcode == 0x05)).hasSize(16 * 31);
        assertThat(connection.canSend()).isTrue();
        for (ScsiTask task : tasks) {
            answer(response(task.tag));
        }
        assertThat(results).hasSize(16);
    }

    // ---- Data-In

    @Test
    void moreDataInThanAskedForEndsTheConnection() {
        logIn();
        ScsiTask task = read(512);
        answer(data(task.tag, 0, new byte[516]));
        assertThat(ended).contains("Data-In");
    }

    @Test
    void dataInForAWriteEndsTheConnection() {
        logIn();
        ScsiTask task = write(512);
        answer(data(task.tag, 0, new byte[4]));
        assertThat(ended).contains("Data-In");
    }

    @Test
    void smallPiecesOfAReadDoNotHoldTheBuffersTheyCameIn() {
        logIn();
        ScsiTask task = read(8192);
        List<ByteBuf> buffers = new ArrayList<>();
        for (int i = 0; i < 8192; i++) {
            ByteBuf wireBytes = encoded(data(task.tag, i, new byte[] {(byte) i}));
            buffers.add(wireBytes);
            channel.writeInbound(wireBytes);
        }
        assertThat(buffers.stream().filter(buffer -> buffer.refCnt() > 0).count())
                .isLessThan(300);
        answer(response(task.tag));
        assertThat(ended).isNull();
        ScsiResult.Answered answered = (ScsiResult.Answered) results.getFirst();
        assertThat(answered.dataIn().readableBytes()).isEqualTo(8192);
        assertThat(answered.dataIn().getByte(answered.dataIn().readerIndex() + 8191))
                .isEqualTo((byte) 8191);
    }

    // ---- the unit

    private Pdu ping(int tag) {
        return nop(Pdu.NO_TAG, tag);
    }

    private Pdu nop(int initiatorTag, int targetTag) {
        int sn = initiatorTag == Pdu.NO_TAG ? statSn : statSn++;
        return new Pdu.NopIn(0, initiatorTag, targetTag, sn, 1, 32, Unpooled.EMPTY_BUFFER);
    }

    private Pdu message(int event) {
        return new Pdu.AsyncMessage(0, statSn++, 1, 32, event, 0, 0, 0, 0, Unpooled.EMPTY_BUFFER);
    }

    private Pdu response(int tag) {
        return new Pdu.ScsiResponsePdu(
                ResidualKind.NONE, ResidualKind.NONE, 0, 0, tag, 0, statSn++, 1, 64, 0, 0, 0, Unpooled.EMPTY_BUFFER);
    }

    private Pdu data(int tag, int offset, byte[] bytes) {
        return new Pdu.DataIn(
                false,
                false,
                ResidualKind.NONE,
                false,
                0,
                0,
                tag,
                Pdu.NO_TAG,
                0,
                1,
                64,
                0,
                offset,
                0,
                Unpooled.wrappedBuffer(bytes));
    }

    private Pdu r2t(int tag, int r2tSn, int offset, int length) {
        return new Pdu.ReadyToTransfer(0, tag, 3, statSn, 1, 64, r2tSn, offset, length);
    }

    private Pdu login(boolean transit, boolean continues, LoginStage stage, List<KeyValue> keys) {
        return new Pdu.LoginResponse(
                transit,
                continues,
                stage.code(),
                transit ? (stage == LoginStage.SECURITY ? LoginStage.OPERATIONAL : LoginStage.FULL_FEATURE).code() : 0,
                0,
                0,
                new Isid(1),
                7,
                1,
                statSn++,
                1,
                64,
                0,
                0,
                Text.build(keys));
    }

    /** Everything at its default (RFC 7143 section 13) but for the digests. */
    private void logIn() {
        answer(login(true, false, LoginStage.SECURITY, List.of(TextKey.AUTH_METHOD.with("None"))));
        answer(login(
                true,
                false,
                LoginStage.OPERATIONAL,
                List.of(TextKey.HEADER_DIGEST.with("None"), TextKey.DATA_DIGEST.with("None"))));
        assertThat(connection.canSend()).isTrue();
        sent();
    }

    private void answers(IntFunction<Pdu> pdu) {
        for (int i = 0; i < MANY && ended == null; i++) {
            answer(pdu.apply(i));
        }
    }

    private void answer(Pdu pdu) {
        channel.writeInbound(encoded(pdu));
        channel.runPendingTasks();
    }

    private static ByteBuf encoded(Pdu pdu) {
        ByteBuf whole = Unpooled.buffer();
        PduEncoder.encode(pdu, false, false, ByteBufAllocator.DEFAULT, part -> {
            whole.writeBytes(part);
            part.release();
        });
        return whole;
    }

    // ---- us

    private ScsiTask write(int bytes) {
        return send(Cdb.write16(0, bytes / 512, false), Unpooled.buffer(bytes).writeZero(bytes), 0);
    }

    private ScsiTask read(int bytes) {
        return send(Cdb.read16(0, bytes / 512, false), Unpooled.EMPTY_BUFFER, bytes);
    }

    private ScsiTask send(byte[] cdb, ByteBuf out, int in) {
        ScsiTask task = new ScsiTask(new LunQueue(), 0, cdb, 1, out, in, 0, results::add);
        connection.send(task);
        channel.runPendingTasks();
        return task;
    }

    private long pendingBytes() {
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes();
    }

    private int lastTag() {
        int tag = 0;
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            tag = part.readableBytes() == 48 ? part.getInt(part.readerIndex() + 16) : tag;
            part.release();
        }
        return tag;
    }

    /** Opcodes of the headers that went out since the last call. */
    private List<Integer> sent() {
        List<Integer> opcodes = new ArrayList<>();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            if (part.readableBytes() == 48) {
                opcodes.add(part.getByte(part.readerIndex()) & 0x3f);
            }
            part.release();
        }
        return opcodes;
    }
}
