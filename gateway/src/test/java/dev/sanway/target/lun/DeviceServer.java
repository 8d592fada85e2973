package dev.sanway.target.lun;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.CheckedDevice;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** One logical unit over memory, shown at LUN 0 of two hosts' targets, with the transport's part played by hand. */
final class DeviceServer implements AutoCloseable {
    static final long WAIT_SECONDS = 10;
    static final int RETRY_PACE_MILLIS = 400;

    final DefaultEventExecutor loop = new DefaultEventExecutor();
    final GatedDevice gate;
    final CheckedDevice device;
    final LogicalUnit unit;
    final HostTarget target = new HostTarget("iqn.test:a", List.of(1, 2));
    final HostTarget otherTarget = new HostTarget("iqn.test:b", List.of(1));
    final Nexus a = new Nexus("iqn.host:a", "800000000001", "iqn.test:a", 1);
    final Nexus b = new Nexus("iqn.host:b", "800000000002", "iqn.test:b", 1);
    final MemoryTarget.HeapReservationStore store;
    private int nextTag;

    /** How a command ended. {@code status} -1: aborted without an answer. */
    record Answer(int status, @Nullable SenseData sense, byte[] data, long dataOutLength) {
        boolean isAborted() {
            return status < 0;
        }
    }

    /** A command under way. */
    static final class Running implements TaskListener {
        final CompletableFuture<Answer> answer = new CompletableFuture<>();
        final CompletableFuture<Integer> wanted = new CompletableFuture<>();
        final byte[] dataOut;
        final boolean sendsData;

        volatile boolean othersAtWork;

        @Nullable
        ScsiTask task;

        Running(byte[] dataOut, boolean sendsData) {
            this.dataOut = dataOut;
            this.sendsData = sendsData;
        }

        @Override
        public void dataOutWanted(ScsiTask wanting, int lengthBytes) {
            wanted.complete(lengthBytes);
            if (sendsData) {
                wanting.dataOut(Unpooled.copiedBuffer(dataOut, 0, lengthBytes));
            }
        }

        @Override
        public boolean othersAtWork() {
            return othersAtWork;
        }

        @Override
        public void completed(ScsiTask ended, ScsiResponse response) {
            byte[] data = ByteBufUtil.getBytes(response.dataIn());
            response.dataIn().release();
            boolean first = answer.complete(new Answer(
                    response.status(), SenseData.parse(response.sense()), data, response.dataOutLengthBytes()));
            assertThat(first).as("one end").isTrue();
        }

        @Override
        public void aborted(ScsiTask ended) {
            assertThat(answer.complete(new Answer(-1, null, new byte[0], -1))).isTrue();
        }

        Answer await() {
            return get(answer);
        }
    }

    DeviceServer() {
        this(512);
    }

    DeviceServer(int blockSize) {
        this(blockSize, new MemoryTarget.HeapReservationStore(), false);
    }

    DeviceServer(int blockSize, MemoryTarget.HeapReservationStore store, boolean initialUnitAttention) {
        this(blockSize, 8 << 20, store, initialUnitAttention);
    }

    /** Memory is taken for what is written only. */
    DeviceServer(int blockSize, long sizeBytes, MemoryTarget.HeapReservationStore store, boolean initialUnitAttention) {
        this.store = store;
        UUID uuid = new UUID(1, 2);
        gate = new GatedDevice(new MemoryDevice(
                loop, new Identity(uuid, "test"), new Geometry(blockSize, 4096, sizeBytes / blockSize)));
        device = new CheckedDevice(new OrderedDevice(gate));
        LogicalUnitConfig config = LogicalUnitConfig.volume(uuid, true)
                .withInitialUnitAttention(initialUnitAttention)
                .withRetryPace(RETRY_PACE_MILLIS);
        unit = new LogicalUnit(device, config, store);
        target.add(0, unit);
        otherTarget.add(0, unit);
        target.nexusEstablished(a);
        otherTarget.nexusEstablished(b);
    }

    HostTarget targetOf(Nexus nexus) {
        return nexus.targetName().equals(target.name()) ? target : otherTarget;
    }

    static byte[] cdb(int... bytes) {
        byte[] cdb = new byte[16];
        for (int i = 0; i < bytes.length; i++) {
            cdb[i] = (byte) bytes[i];
        }
        return cdb;
    }

    static byte[] padded(byte[] cdb) {
        return Arrays.copyOf(cdb, 16);
    }

    Running start(Nexus nexus, int tag, TaskAttribute attribute, byte[] cdb, byte[] dataOut, boolean sends) {
        return start(nexus, LogicalUnitNumber.encode(0), tag, attribute, cdb, dataOut, sends);
    }

    /** Runs a command with the lengths that the transport would tell of. */
    Answer run(Nexus nexus, byte[] cdb, long readLengthBytes, long writeLengthBytes) {
        Running running = new Running(new byte[(int) writeLengthBytes], true);
        ScsiCommand command = new ScsiCommand(
                nexus,
                LogicalUnitNumber.encode(0),
                nextTag++,
                padded(cdb),
                TaskAttribute.SIMPLE,
                readLengthBytes,
                writeLengthBytes);
        running.task = targetOf(nexus).start(command, running);
        return running.await();
    }

    Running start(Nexus nexus, long lun, int tag, TaskAttribute attribute, byte[] cdb, byte[] dataOut, boolean sends) {
        Running running = new Running(dataOut, sends);
        ScsiCommand command = new ScsiCommand(
                nexus, lun, tag, padded(cdb), attribute, dataOut.length > 0 ? 0 : 1 << 24, dataOut.length);
        running.task = targetOf(nexus).start(command, running);
        return running;
    }

    Running start(Nexus nexus, byte[] cdb, byte... dataOut) {
        return start(nexus, nextTag++, TaskAttribute.SIMPLE, cdb, dataOut, true);
    }

    /** Runs a command to its end. */
    Answer run(Nexus nexus, byte[] cdb, byte... dataOut) {
        return start(nexus, cdb, dataOut).await();
    }

    /** Runs a command that must succeed; its data. */
    byte[] good(Nexus nexus, byte[] cdb, byte... dataOut) {
        Answer answer = run(nexus, cdb, dataOut);
        assertThat(answer.status()).as("%s", answer.sense()).isEqualTo(StatusCode.GOOD);
        return answer.data();
    }

    /** Runs a command that must end with this sense; the sense data. */
    SenseData fails(Nexus nexus, SenseKey key, AdditionalSense sense, byte[] cdb, byte... dataOut) {
        Answer answer = run(nexus, cdb, dataOut);
        return check(answer, key, sense);
    }

    static SenseData check(Answer answer, SenseKey key, AdditionalSense sense) {
        assertThat(answer.status()).isEqualTo(StatusCode.CHECK_CONDITION);
        SenseData found = answer.sense();
        assertThat(found).isNotNull();
        if (found == null) {
            throw new AssertionError();
        }
        assertThat(found.is(key, sense)).as("%s", found).isTrue();
        return found;
    }

    TaskManagement.Result manage(Nexus nexus, TaskManagement function, long deadlineMillis) {
        CompletableFuture<TaskManagement.Result> result = new CompletableFuture<>();
        targetOf(nexus).manage(nexus, function, deadlineMillis, result::complete);
        return get(result);
    }

    <T> T onLoop(Callable<T> action) {
        CompletableFuture<T> result = new CompletableFuture<>();
        loop.execute(() -> {
            try {
                result.complete(action.call());
            } catch (Exception e) {
                result.completeExceptionally(e);
            }
        });
        return get(result);
    }

    void onLoop(Runnable action) {
        onLoop(() -> {
            action.run();
            return Boolean.TRUE;
        });
    }

    static <T> T get(CompletableFuture<T> future) {
        try {
            return future.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("no answer within " + WAIT_SECONDS + " s", e);
        }
    }

    /** No task is left, and neither side broke the block contract. */
    @Override
    public void close() {
        onLoop(gate::open);
        assertThat(this.<Integer>onLoop(() -> unit.taskSet().size()))
                .as("tasks left")
                .isZero();
        assertThat(device.underWay()).isZero();
        assertThat(device.firstBreach()).isNull();
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }
}
