package dev.sanway.initiator;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.TextKey;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;

/** Fuzz targets of the initiator: whatever a unit answers, the connection goes on or ends, and every task is accounted for. */
class InitiatorFuzzTest {
    private static final UnitSessionConfig CONFIG = UnitSessionConfig.of(
            "unit",
            "127.0.0.1",
            3260,
            new IscsiName("iqn.2026-11.example:unit"),
            new IscsiName("iqn.2026-11.example:gateway"),
            new Isid(1));

    private static final class Ledger implements ConnectionOwner {
        private int answered;
        private int left;
        private boolean ended;

        @Override
        public void loggedIn() {}

        @Override
        public void moved(TargetAddress to, boolean permanent) {
            ended = true;
        }

        @Override
        public void windowOpened() {}

        @Override
        public void answered(ScsiTask task, ScsiResult result) {
            if (ended) {
                throw new IllegalStateException("an answer after the end");
            }
            answered++;
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
            if (ended || why.startsWith("internal error")) {
                throw new IllegalStateException("ended: " + why);
            }
            ended = true;
            left = inFlight.size();
            for (ScsiTask task : inFlight) {
                task.rewind();
                task.end(new ScsiResult.Unanswered(why));
            }
        }
    }

    /** A unit that logs us in and then sends anything. */
    @FuzzTest
    void fullFeaturePhase(FuzzedDataProvider data) {
        Ledger ledger = new Ledger();
        UnitConnection connection =
                new UnitConnection(CONFIG, new LoginExchange(CONFIG, false, false, new SecureRandom()), ledger);
        EmbeddedChannel channel = new EmbeddedChannel(connection);
        answer(
                channel,
                login(LoginStage.SECURITY, LoginStage.OPERATIONAL, 10, List.of(TextKey.AUTH_METHOD.with("None"))));
        answer(channel, login(LoginStage.OPERATIONAL, LoginStage.FULL_FEATURE, 11, List.of()));
        int sent = 0;
        if (!connection.canSend()) {
            throw new IllegalStateException("login did not succeed");
        }
        while (connection.canSend() && sent < 3) {
            byte[] cdb = sent == 1 ? Cdb.write16(0, 128, false) : Cdb.read16(0, 8, false);
            ByteBuf out = sent == 1 ? Unpooled.buffer(65536).writeZero(65536) : Unpooled.EMPTY_BUFFER;
            ScsiTask task = new ScsiTask(new LunQueue(), 0, cdb, 1, out, sent == 1 ? 0 : 4096, 0, result -> {
                if (result instanceof ScsiResult.Answered answered) {
                    answered.dataIn().release();
                }
            });
            connection.send(task);
            if (sent == 2) {
                connection.abort(task);
            }
            sent++;
        }
        drain(channel);
        while (data.remainingBytes() > 0 && channel.isOpen()) {
            byte[] bytes = data.consumeBytes(data.consumeInt(1, 400));
            // Random tags and numbers seldom hit: mostly those that we wait for are put in their place.
            if (bytes.length >= 48 && data.consumeInt(0, 3) > 0) {
                bytes[4] = 0;
                bytes[5] = 0;
                bytes[16] = bytes[17] = bytes[18] = 0;
                bytes[19] = (byte) data.consumeInt(1, 6);
                bytes[24] = bytes[25] = bytes[26] = 0;
                bytes[27] = (byte) data.consumeInt(11, 16);
            }
            channel.writeInbound(Unpooled.wrappedBuffer(bytes));
            drain(channel);
        }
        channel.finishAndReleaseAll();
        channel.checkException();
        if (!ledger.ended || ledger.answered + ledger.left != sent) {
            throw new IllegalStateException(sent + " sent, " + ledger.answered + " answered, " + ledger.left + " left");
        }
    }

    /** A unit that answers a login with anything. */
    @FuzzTest
    void login(FuzzedDataProvider data) {
        Ledger ledger = new Ledger();
        EmbeddedChannel channel = new EmbeddedChannel(new UnitConnection(
                CONFIG, new LoginExchange(CONFIG, data.consumeBoolean(), false, new SecureRandom()), ledger));
        drain(channel);
        while (data.remainingBytes() > 0 && channel.isOpen()) {
            boolean transit = data.consumeBoolean();
            Pdu response = new Pdu.LoginResponse(
                    transit,
                    data.consumeBoolean(),
                    data.consumeInt(0, 3),
                    data.consumeInt(0, 3),
                    0,
                    0,
                    new Isid(1),
                    7,
                    1,
                    data.consumeInt(),
                    data.consumeInt(),
                    data.consumeInt(),
                    data.consumeInt(0, 3) == 0 ? 2 : 0,
                    data.consumeInt(0, 12),
                    Unpooled.wrappedBuffer(data.consumeBytes(data.consumeInt(0, 300))));
            answer(channel, response);
        }
        channel.finishAndReleaseAll();
        channel.checkException();
    }

    private static Pdu login(LoginStage stage, LoginStage next, int statSn, List<KeyValue> keys) {
        List<KeyValue> answers = new ArrayList<>(keys);
        if (stage == LoginStage.OPERATIONAL) {
            answers.add(TextKey.HEADER_DIGEST.with("None"));
            answers.add(TextKey.DATA_DIGEST.with("None"));
        }
        return new Pdu.LoginResponse(
                true,
                false,
                stage.code(),
                next.code(),
                0,
                0,
                new Isid(1),
                7,
                1,
                statSn,
                1,
                32,
                0,
                0,
                Text.build(answers));
    }

    private static void answer(EmbeddedChannel channel, Pdu pdu) {
        drain(channel);
        List<ByteBuf> parts = new ArrayList<>();
        PduEncoder.encode(pdu, false, false, ByteBufAllocator.DEFAULT, parts::add);
        for (ByteBuf part : parts) {
            channel.writeInbound(part);
        }
        drain(channel);
    }

    private static void drain(EmbeddedChannel channel) {
        channel.runPendingTasks();
        channel.releaseOutbound();
    }
}
