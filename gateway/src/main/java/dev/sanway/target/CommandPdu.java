package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.target.lun.Nexus;
import dev.sanway.target.lun.ScsiCommand;
import dev.sanway.target.lun.TaskAttribute;
import org.jspecify.annotations.Nullable;

/** What a SCSI Command PDU says (RFC 7143 11.3). Pure. */
final class CommandPdu {

    private CommandPdu() {}

    /** What of it is against what was negotiated; null if nothing is. */
    static @Nullable String wrong(Pdu.ScsiCommandPdu pdu, NegotiatedParameters negotiated) {
        int immediateBytes = pdu.data().readableBytes();
        if (immediateBytes > 0) {
            if (!pdu.write()) {
                return "immediate data with a command that writes nothing";
            }
            if (!negotiated.immediateData()) {
                return "immediate data although ImmediateData=No";
            }
            if (immediateBytes > negotiated.firstBurstLength()
                    || immediateBytes > Integer.toUnsignedLong(pdu.expectedDataTransferLength())) {
                return "immediate data beyond FirstBurstLength or the expected length";
            }
        }
        if (!pdu.isFinal() && (!pdu.write() || negotiated.initialR2t())) {
            return "unsolicited data announced although " + (pdu.write() ? "InitialR2T=Yes" : "nothing is written");
        }
        return null;
    }

    /** The command, with what its initiator expects to be moved each way. */
    static ScsiCommand command(Pdu.ScsiCommandPdu pdu, Nexus nexus) {
        long expected = Integer.toUnsignedLong(pdu.expectedDataTransferLength());
        long bidirectional = Integer.toUnsignedLong(pdu.bidirectionalReadLength());
        return new ScsiCommand(
                nexus,
                pdu.lun(),
                pdu.initiatorTaskTag(),
                pdu.cdb(),
                attribute(pdu.attribute()),
                pdu.read() ? (pdu.write() ? bidirectional : expected) : 0,
                pdu.write() ? expected : 0);
    }

    private static TaskAttribute attribute(int code) {
        return switch (code) {
            case 2 -> TaskAttribute.ORDERED;
            case 3 -> TaskAttribute.HEAD_OF_QUEUE;
            case 4 -> TaskAttribute.ACA;
            default -> TaskAttribute.SIMPLE;
        };
    }
}
