package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * One iSCSI protocol data unit: a record for each type of RFC 7143 section 11, in the RFC's names.
 *
 * <p>All 32-bit numbers are held as {@code int} with the wire's bits (lengths and sequence numbers are unsigned; see
 * {@link SerialNumber}); a LUN is the eight wire bytes, big-endian. What a peer could set to a reserved value (codes,
 * stages) is a plain {@code int} here: the enums {@code TaskManagementFunction}, {@code LoginStatus} and so on tell what it
 * means, so that an unknown code can be answered and need not be guessed at.
 *
 * <p><b>Buffers.</b> A record owns its {@link #data()}; whoever consumes a PDU releases it ({@link #release}). A PDU without
 * data holds {@link Unpooled#EMPTY_BUFFER}, whose release does nothing.
 */
public sealed interface Pdu {

    /** Initiator Task Tag and Target Transfer Tag that name nothing (section 11.2.1.8 and others). */
    int NO_TAG = 0xffffffff;

    /** Which PDU this is. */
    Opcode opcode();

    /** The Initiator Task Tag; {@link #NO_TAG} where the PDU names no task. */
    int initiatorTaskTag();

    /** The data segment without padding; empty if there is none. */
    default ByteBuf data() {
        return Unpooled.EMPTY_BUFFER;
    }

    /** Gives the data segment back. */
    default void release() {
        data().release();
    }

    /** What initiators send. */
    sealed interface InitiatorPdu extends Pdu {
        int expStatSn();
    }

    /** Requests that carry a CmdSN: those that are not {@link #immediate()} advance it (section 4.2.2.1). */
    sealed interface NumberedRequest extends InitiatorPdu {
        boolean immediate();

        int cmdSn();
    }

    /** What targets send. */
    sealed interface TargetPdu extends Pdu {
        int expCmdSn();

        int maxCmdSn();
    }

    /** Kind of a residual (section 11.4.5): the O and U bits, of which at most one may be set. */
    enum ResidualKind {
        NONE,
        OVERFLOW,
        UNDERFLOW
    }

    /** SCSI Command (section 11.3). {@code cdb} is 16 bytes, or more if an extended-CDB AHS came; not to be changed.
     * {@code bidirectionalReadLength} is 0 without its AHS. {@code attribute} as {@code TaskAttribute} says. */
    record ScsiCommandPdu(
            boolean immediate,
            boolean isFinal,
            boolean read,
            boolean write,
            int attribute,
            long lun,
            int initiatorTaskTag,
            int expectedDataTransferLength,
            int cmdSn,
            int expStatSn,
            byte[] cdb,
            int bidirectionalReadLength,
            ByteBuf data)
            implements NumberedRequest {
        public ScsiCommandPdu {
            if (cdb.length < 16) {
                throw new IllegalArgumentException("cdb of " + cdb.length + " bytes; pad it to 16");
            }
        }

        @Override
        public Opcode opcode() {
            return Opcode.SCSI_COMMAND;
        }
    }

    /** SCSI Response (section 11.4). {@code data} is the SenseLength field, sense data and response data. */
    record ScsiResponsePdu(
            ResidualKind bidirectionalResidual,
            ResidualKind residual,
            int response,
            int status,
            int initiatorTaskTag,
            int snackTag,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            int expDataSn,
            int bidirectionalReadResidualCount,
            int residualCount,
            ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.SCSI_RESPONSE;
        }
    }

    /** Task Management Function Request (section 11.5). */
    record TaskManagementRequest(
            boolean immediate,
            int function,
            long lun,
            int initiatorTaskTag,
            int referencedTaskTag,
            int cmdSn,
            int expStatSn,
            int refCmdSn,
            int expDataSn)
            implements NumberedRequest {
        @Override
        public Opcode opcode() {
            return Opcode.TASK_MANAGEMENT_REQUEST;
        }
    }

    /** Task Management Function Response (section 11.6). */
    record TaskManagementResponse(int response, int initiatorTaskTag, int statSn, int expCmdSn, int maxCmdSn)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.TASK_MANAGEMENT_RESPONSE;
        }
    }

    /** SCSI Data-Out (section 11.7). */
    record DataOut(
            boolean isFinal,
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int expStatSn,
            int dataSn,
            int bufferOffset,
            ByteBuf data)
            implements InitiatorPdu {
        @Override
        public Opcode opcode() {
            return Opcode.DATA_OUT;
        }
    }

    /** SCSI Data-In (section 11.7). With {@code hasStatus} (S bit), status, statSn and residual mean something. */
    record DataIn(
            boolean isFinal,
            boolean acknowledge,
            ResidualKind residual,
            boolean hasStatus,
            int status,
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            int dataSn,
            int bufferOffset,
            int residualCount,
            ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.DATA_IN;
        }
    }

    /** Ready To Transfer (section 11.8). */
    record ReadyToTransfer(
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            int r2tSn,
            int bufferOffset,
            int desiredDataTransferLength)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.READY_TO_TRANSFER;
        }
    }

    /** Asynchronous Message (section 11.9). */
    record AsyncMessage(
            long lun,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            int asyncEvent,
            int asyncVCode,
            int parameter1,
            int parameter2,
            int parameter3,
            ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.ASYNC_MESSAGE;
        }

        @Override
        public int initiatorTaskTag() {
            return NO_TAG;
        }
    }

    /** Text Request (section 11.10). */
    record TextRequest(
            boolean immediate,
            boolean isFinal,
            boolean continues,
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int cmdSn,
            int expStatSn,
            ByteBuf data)
            implements NumberedRequest {
        @Override
        public Opcode opcode() {
            return Opcode.TEXT_REQUEST;
        }
    }

    /** Text Response (section 11.11). */
    record TextResponse(
            boolean isFinal,
            boolean continues,
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.TEXT_RESPONSE;
        }
    }

    /** Login Request (section 11.12); always immediate. Stages as {@code LoginStage} numbers them. */
    record LoginRequest(
            boolean transit,
            boolean continues,
            int currentStage,
            int nextStage,
            int versionMax,
            int versionMin,
            Isid isid,
            int tsih,
            int initiatorTaskTag,
            int cid,
            int cmdSn,
            int expStatSn,
            ByteBuf data)
            implements NumberedRequest {
        @Override
        public Opcode opcode() {
            return Opcode.LOGIN_REQUEST;
        }

        @Override
        public boolean immediate() {
            return true;
        }
    }

    /** Login Response (section 11.13). Status as {@code LoginStatus} lists it. */
    record LoginResponse(
            boolean transit,
            boolean continues,
            int currentStage,
            int nextStage,
            int versionMax,
            int versionActive,
            Isid isid,
            int tsih,
            int initiatorTaskTag,
            int statSn,
            int expCmdSn,
            int maxCmdSn,
            int statusClass,
            int statusDetail,
            ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.LOGIN_RESPONSE;
        }
    }

    /** Logout Request (section 11.14). */
    record LogoutRequest(boolean immediate, int reasonCode, int initiatorTaskTag, int cid, int cmdSn, int expStatSn)
            implements NumberedRequest {
        @Override
        public Opcode opcode() {
            return Opcode.LOGOUT_REQUEST;
        }
    }

    /** Logout Response (section 11.15). Times in seconds. */
    record LogoutResponse(
            int response, int initiatorTaskTag, int statSn, int expCmdSn, int maxCmdSn, int time2Wait, int time2Retain)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.LOGOUT_RESPONSE;
        }
    }

    /** SNACK Request (section 11.16): decoded so that it can be refused, for we work at error recovery level 0. */
    record SnackRequest(
            int type, long lun, int initiatorTaskTag, int targetTransferTag, int expStatSn, int begRun, int runLength)
            implements InitiatorPdu {
        @Override
        public Opcode opcode() {
            return Opcode.SNACK_REQUEST;
        }
    }

    /** Reject (section 11.17). {@code data} is the complete header of the rejected PDU. */
    record Reject(int reason, int statSn, int expCmdSn, int maxCmdSn, int dataSn, ByteBuf data) implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.REJECT;
        }

        @Override
        public int initiatorTaskTag() {
            return NO_TAG;
        }
    }

    /** NOP-Out (section 11.18). */
    record NopOut(
            boolean immediate,
            long lun,
            int initiatorTaskTag,
            int targetTransferTag,
            int cmdSn,
            int expStatSn,
            ByteBuf data)
            implements NumberedRequest {
        @Override
        public Opcode opcode() {
            return Opcode.NOP_OUT;
        }
    }

    /** NOP-In (section 11.19). */
    record NopIn(
            long lun, int initiatorTaskTag, int targetTransferTag, int statSn, int expCmdSn, int maxCmdSn, ByteBuf data)
            implements TargetPdu {
        @Override
        public Opcode opcode() {
            return Opcode.NOP_IN;
        }
    }
}
