package dev.sanway.iscsi;

import dev.sanway.iscsi.Pdu.ResidualKind;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Random;

/** Random, well-formed PDUs of every type. */
final class RandomPdus {
    private final Random random;

    RandomPdus(Random random) {
        this.random = random;
    }

    Pdu next(Opcode opcode) {
        return switch (opcode) {
            case NOP_OUT -> new Pdu.NopOut(bit(), lun(), word(), word(), word(), word(), data(100));
            case SCSI_COMMAND ->
                new Pdu.ScsiCommandPdu(
                        bit(),
                        bit(),
                        bit(),
                        bit(),
                        random.nextInt(5),
                        lun(),
                        word(),
                        word(),
                        word(),
                        word(),
                        cdb(),
                        bit() ? word() | 1 : 0,
                        data(5000));
            case TASK_MANAGEMENT_REQUEST ->
                new Pdu.TaskManagementRequest(
                        bit(), random.nextInt(128), lun(), word(), word(), word(), word(), word(), word());
            case LOGIN_REQUEST ->
                new Pdu.LoginRequest(
                        bit(),
                        bit(),
                        random.nextInt(4),
                        random.nextInt(4),
                        octet(),
                        octet(),
                        isid(),
                        half(),
                        word(),
                        half(),
                        word(),
                        word(),
                        data(600));
            case TEXT_REQUEST ->
                new Pdu.TextRequest(bit(), bit(), bit(), lun(), word(), word(), word(), word(), data(600));
            case DATA_OUT -> new Pdu.DataOut(bit(), lun(), word(), word(), word(), word(), word(), data(9000));
            case LOGOUT_REQUEST -> new Pdu.LogoutRequest(bit(), random.nextInt(128), word(), half(), word(), word());
            case SNACK_REQUEST ->
                new Pdu.SnackRequest(random.nextInt(16), lun(), word(), word(), word(), word(), word());
            case NOP_IN -> new Pdu.NopIn(lun(), word(), word(), word(), word(), word(), data(100));
            case SCSI_RESPONSE ->
                new Pdu.ScsiResponsePdu(
                        kind(), kind(), octet(), octet(), word(), word(), word(), word(), word(), word(), word(),
                        word(), data(300));
            case TASK_MANAGEMENT_RESPONSE -> new Pdu.TaskManagementResponse(octet(), word(), word(), word(), word());
            case LOGIN_RESPONSE ->
                new Pdu.LoginResponse(
                        bit(),
                        bit(),
                        random.nextInt(4),
                        random.nextInt(4),
                        octet(),
                        octet(),
                        isid(),
                        half(),
                        word(),
                        word(),
                        word(),
                        word(),
                        octet(),
                        octet(),
                        data(600));
            case TEXT_RESPONSE ->
                new Pdu.TextResponse(bit(), bit(), lun(), word(), word(), word(), word(), word(), data(600));
            case DATA_IN ->
                new Pdu.DataIn(
                        bit(),
                        bit(),
                        kind(),
                        bit(),
                        octet(),
                        lun(),
                        word(),
                        word(),
                        word(),
                        word(),
                        word(),
                        word(),
                        word(),
                        word(),
                        data(9000));
            case LOGOUT_RESPONSE -> new Pdu.LogoutResponse(octet(), word(), word(), word(), word(), half(), half());
            case READY_TO_TRANSFER ->
                new Pdu.ReadyToTransfer(lun(), word(), word(), word(), word(), word(), word(), word(), word());
            case ASYNC_MESSAGE ->
                new Pdu.AsyncMessage(
                        lun(), word(), word(), word(), octet(), octet(), half(), half(), half(), data(300));
            case REJECT -> new Pdu.Reject(octet(), word(), word(), word(), word(), data(48));
        };
    }

    private boolean bit() {
        return random.nextBoolean();
    }

    private int word() {
        return random.nextInt();
    }

    private int half() {
        return random.nextInt(0x10000);
    }

    private int octet() {
        return random.nextInt(0x100);
    }

    private long lun() {
        return random.nextLong();
    }

    private Isid isid() {
        return new Isid(random.nextLong() >>> 16);
    }

    private ResidualKind kind() {
        return random.nextBoolean()
                ? ResidualKind.NONE
                : random.nextBoolean() ? ResidualKind.OVERFLOW : ResidualKind.UNDERFLOW;
    }

    private byte[] cdb() {
        byte[] cdb = new byte[bit() ? 16 : 17 + random.nextInt(244)];
        random.nextBytes(cdb);
        return cdb;
    }

    private ByteBuf data(int max) {
        byte[] bytes = new byte[random.nextInt(max + 1)];
        random.nextBytes(bytes);
        return bytes.length == 0 ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(bytes);
    }
}
