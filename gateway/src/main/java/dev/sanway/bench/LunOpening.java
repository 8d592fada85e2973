package dev.sanway.bench;

import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Asks LUNs, one after the other, for their capacity; unit attentions are passed over.
 *
 * <pre>
 *   TEST UNIT READY ──▶ READ CAPACITY(16) ──▶ known
 *                            └── not supported ──▶ READ CAPACITY(10) ──▶ known
 * </pre>
 */
final class LunOpening {

    private static final int TAG = 0;
    private static final int ATTENTIONS_AT_MOST = 10;
    private static final int CAPACITY_16_BYTES = 32;
    private static final int CAPACITY_10_BYTES = 8;

    private enum Question {
        READY,
        CAPACITY_16,
        CAPACITY_10
    }

    private final LoadConnection connection;
    private final BiConsumer<Integer, CapacityData> known;
    private final BiConsumer<Integer, String> unusable;
    private final byte[] answer = new byte[CAPACITY_16_BYTES];
    private int answerLength;
    private int lun;
    private int attentions;
    private Question question = Question.READY;

    LunOpening(
            LoadConnection connection, BiConsumer<Integer, CapacityData> known, BiConsumer<Integer, String> unusable) {
        this.connection = connection;
        this.known = known;
        this.unusable = unusable;
    }

    void open(int number) {
        lun = number;
        attentions = 0;
        ask(Question.READY);
    }

    private void ask(Question next) {
        question = next;
        answerLength = 0;
        Arrays.fill(answer, (byte) 0);
        switch (next) {
            case READY -> send(Cdb.testUnitReady(), 0);
            case CAPACITY_16 -> send(Cdb.readCapacity16(CAPACITY_16_BYTES), CAPACITY_16_BYTES);
            case CAPACITY_10 -> send(Cdb.readCapacity10(), CAPACITY_10_BYTES);
        }
    }

    private void send(byte[] cdb, int dataInBytes) {
        ByteBuffer padded = ByteBuffer.wrap(Arrays.copyOf(cdb, 16));
        connection.command(TAG, LogicalUnitNumber.encode(lun), padded.getLong(0), padded.getLong(8), dataInBytes, 0);
        connection.flush();
    }

    boolean dataIn(int tag, int offset, ByteBuf data) {
        int length = data.readableBytes();
        if (tag != TAG || offset != answerLength || length > answer.length - answerLength) {
            return false;
        }
        data.getBytes(data.readerIndex(), answer, offset, length);
        answerLength += length;
        return true;
    }

    void answered(int status, @Nullable SenseData sense) {
        boolean busy = status == StatusCode.BUSY || status == StatusCode.TASK_SET_FULL;
        boolean attention = sense != null && sense.key() == SenseKey.UNIT_ATTENTION;
        if ((busy || attention) && attentions++ < ATTENTIONS_AT_MOST) {
            ask(question);
        } else if (status == StatusCode.GOOD) {
            good();
        } else if (question == Question.CAPACITY_16 && sense != null && sense.key() == SenseKey.ILLEGAL_REQUEST) {
            ask(Question.CAPACITY_10);
        } else {
            unusable.accept(lun, Answers.meaning(status, sense));
        }
    }

    private void good() {
        byte[] bytes = Arrays.copyOf(answer, answerLength);
        CapacityData capacity = switch (question) {
            case READY -> null;
            case CAPACITY_16 -> CapacityData.parse16(bytes);
            case CAPACITY_10 -> CapacityData.parse10(bytes);
        };
        if (question == Question.READY) {
            ask(Question.CAPACITY_16);
        } else if (capacity == null || capacity.lastLba() < 0 || capacity.blockSizeBytes() < BlockStamp.LENGTH_BYTES) {
            unusable.accept(lun, "does not tell its capacity");
        } else {
            known.accept(lun, capacity);
        }
    }
}
