package dev.sanway.target.lun;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.sanway.block.Geometry;
import dev.sanway.block.Identity;
import dev.sanway.block.MemoryDevice;
import dev.sanway.block.OrderedDevice;
import dev.sanway.scsi.Designator;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.TransportId;
import dev.sanway.scsi.VpdPage;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.List;
import java.util.UUID;

/** Commands of any content: each gets exactly one answer, none breaks the device server. */
class CommandFuzzTest {
    /** More than the longest command has pieces. */
    private static final int MOST_TURNS = 1000;

    /** Counts the ends of one command. */
    private static final class Ends implements TaskListener {
        private final byte[] data;
        private int count;
        private byte[] sense = {};

        Ends(byte[] data) {
            this.data = data;
        }

        @Override
        public void dataOutWanted(ScsiTask task, int lengthBytes) {
            if (lengthBytes <= 0 || lengthBytes > data.length) {
                throw new AssertionError("wanted " + lengthBytes + " of " + data.length);
            }
            task.dataOut(Unpooled.copiedBuffer(data, 0, lengthBytes));
        }

        @Override
        public void completed(ScsiTask task, ScsiResponse response) {
            count++;
            sense = response.sense();
            response.dataIn().release();
        }

        @Override
        public void aborted(ScsiTask task) {
            throw new AssertionError("nobody aborted it");
        }
    }

    @FuzzTest
    void anyCommand(FuzzedDataProvider input) {
        UUID uuid = new UUID(1, 2);
        EmbeddedChannel loop = new EmbeddedChannel();
        LogicalUnit unit = new LogicalUnit(
                new OrderedDevice(
                        new MemoryDevice(loop.eventLoop(), new Identity(uuid, "fuzz"), new Geometry(512, 4096, 4096))),
                LogicalUnitConfig.volume(uuid, true),
                new MemoryTarget.HeapReservationStore());
        HostTarget target = new HostTarget("iqn.test:fuzz", List.of(1));
        target.add(0, unit);
        Nexus[] nexuses = {
            new Nexus("iqn.host:a", "800000000001", "iqn.test:fuzz", 1),
            new Nexus("iqn.host:b", "800000000002", "iqn.test:fuzz", 1)
        };
        for (Nexus nexus : nexuses) {
            target.nexusEstablished(nexus);
        }
        for (int tag = 0; tag < 8 && input.remainingBytes() > 0; tag++) {
            byte[] cdb = new byte[16];
            byte[] given = input.consumeBytes(16);
            System.arraycopy(given, 0, cdb, 0, given.length);
            byte[] data = input.consumeBytes(input.consumeInt(0, 2048));
            Ends ends = new Ends(data);
            int length = input.consumeInt(0, data.length);
            target.start(
                    new ScsiCommand(
                            nexuses[tag & 1],
                            input.consumeBoolean() ? 0 : input.consumeLong(),
                            tag,
                            cdb,
                            input.pickValue(TaskAttribute.values()),
                            length > 0 ? 0 : 65536,
                            length),
                    ends);
            for (int turn = 0; turn < MOST_TURNS && ends.count == 0; turn++) {
                loop.runPendingTasks();
            }
            if (ends.count != 1) {
                throw new AssertionError(ends.count + " answers to " + CommandTable.describe(cdb));
            }
            SenseData sense = SenseData.parse(ends.sense);
            if (sense != null && sense.key() == SenseKey.HARDWARE_ERROR) {
                throw new AssertionError("a bug ended " + CommandTable.describe(cdb));
            }
        }
    }

    /** What an initiator reads from a unit: anything at all. */
    @FuzzTest
    void anyParameterData(byte[] bytes) {
        SenseData sense = SenseData.parse(bytes);
        if (sense != null) {
            byte[] again = sense.encode(true);
            if (!sense.equals(SenseData.parse(again)) || sense.toString().isEmpty()) {
                throw new AssertionError(sense);
            }
        }
        if (VpdPage.parse(bytes) instanceof VpdPage.DeviceIdentification identification) {
            for (Designator designator : identification.designators()) {
                if (designator.toString().isEmpty()) {
                    throw new AssertionError("a designator without a name");
                }
            }
        }
        TransportId id = TransportId.parse(bytes, 0);
        if (id != null && TransportId.parse(id.encode(), 0) == null) {
            throw new AssertionError(id);
        }
    }
}
