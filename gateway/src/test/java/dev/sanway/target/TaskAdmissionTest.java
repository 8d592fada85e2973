package dev.sanway.target;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.sanway.iscsi.Pdu;
import dev.sanway.target.lun.Nexus;
import dev.sanway.target.lun.ScsiCommand;
import dev.sanway.target.lun.ScsiResponse;
import dev.sanway.target.lun.ScsiTask;
import dev.sanway.target.lun.TargetDevice;
import dev.sanway.target.lun.TaskListener;
import dev.sanway.target.lun.TaskManagement;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What commands count against the bounds on memory. */
class TaskAdmissionTest {

    /** Works on whatever it is given until it is told to end it, and holds so many bytes for each. */
    private static final class BusyDevice implements TargetDevice {
        private final ConcurrentLinkedQueue<Runnable> underWay = new ConcurrentLinkedQueue<>();
        private final long bytes;

        BusyDevice(long bytes) {
            this.bytes = bytes;
        }

        void endOne() {
            Runnable end = underWay.poll();
            assertThat(end).isNotNull();
            if (end != null) {
                end.run();
            }
        }

        @Override
        public void nexusEstablished(Nexus nexus) {}

        @Override
        public void nexusLost(Nexus nexus, long deadlineMillis, Consumer<Boolean> done) {
            done.accept(true);
        }

        @Override
        public long workingBytes(ScsiCommand command) {
            return bytes;
        }

        @Override
        public ScsiTask start(ScsiCommand command, TaskListener listener) {
            ScsiTask task = new ScsiTask() {
                @Override
                public ScsiCommand command() {
                    return command;
                }

                @Override
                public void dataOut(ByteBuf data) {
                    data.release();
                }

                @Override
                public void dataOutFailed(int additionalSenseCode, int additionalSenseCodeQualifier) {}
            };
            underWay.add(() -> listener.completed(task, ScsiResponse.status(0)));
            return task;
        }

        @Override
        public void manage(
                Nexus nexus, TaskManagement function, long deadlineMillis, Consumer<TaskManagement.Result> done) {
            done.accept(TaskManagement.Result.NOT_SUPPORTED);
        }
    }

    /** VERIFY moves no data, and yet a thousand of them need memory. */
    @Test
    void whatTheDeviceHoldsWhileItWorksCountsThoughNothingIsTransferred() throws IOException, InterruptedException {
        int bytesPerSession = TargetFixture.limits().bytesPerSession();
        BusyDevice device = new BusyDevice(bytesPerSession / 2 - SessionTask.COMMAND_BYTES);
        try (TargetFixture target = new TargetFixture(TargetFixture.limits(), device);
                WireInitiator host = target.connect()) {
            host.loginTo(TargetFixture.TARGET_A, TargetFixture.HOST_A).release();
            for (int i = 0; i < 5; i++) {
                host.send(host.command(true, false, false, 0, Unpooled.EMPTY_BUFFER, 0x2f));
            }
            await().until(() -> device.underWay.size() == 2);
            assertThat(host.silentFor(100)).isTrue();
            assertThat(device.underWay).as("the others wait").hasSize(2);
            for (int i = 0; i < 5; i++) {
                await().until(() -> !device.underWay.isEmpty());
                device.endOne();
                host.expect(Pdu.ScsiResponsePdu.class).release();
            }
        }
    }
}
