package dev.sanway.autoconfig;

import java.util.Optional;

/** The message types; the codes stand on the wire and never change their meaning. */
public enum MessageType {
    STARTUP(1, Sender.UNIT, 3, 4),
    STARTUP_ACK(2, Sender.CONTROL),
    STORAGE_ENQUIRY(3, Sender.CONTROL),
    STORAGE_INFORMATION(4, Sender.UNIT, 8, 9),
    HEARTBEAT(5, Sender.UNIT),
    HEARTBEAT_ACK(6, Sender.CONTROL),
    SHUTDOWN(7, Sender.UNIT),
    SHUTDOWN_ACK(8, Sender.CONTROL),
    CONTROL_ANNOUNCE(9, Sender.CONTROL),
    VOLUME_CREATE(10, Sender.CONTROL),
    VOLUME_EXTEND(11, Sender.CONTROL),
    VOLUME_DELETE(12, Sender.CONTROL),
    VOLUME_RESULT(13, Sender.UNIT),
    PARTITION_ASSIGN(14, Sender.CONTROL, 3),
    PARTITION_RELEASE(15, Sender.CONTROL, 2),
    PARTITION_RESULT(16, Sender.UNIT);

    /** Which side sends it. */
    public enum Sender {
        UNIT,
        CONTROL
    }

    private static final MessageType[] BY_CODE = new MessageType[17];

    static {
        for (MessageType type : values()) {
            BY_CODE[type.code] = type;
        }
    }

    private final int code;
    private final Sender sender;
    private final int listKeyBits;

    MessageType(int code, Sender sender, int... listKeys) {
        this.code = code;
        this.sender = sender;
        int bits = 0;
        for (int key : listKeys) {
            bits |= 1 << key;
        }
        this.listKeyBits = bits;
    }

    public int code() {
        return code;
    }

    public Sender sender() {
        return sender;
    }

    /** Whether a key is that of a list that may go on over several pages; everything else is the same in each page. */
    boolean paged(long key) {
        return key < Integer.SIZE && (listKeyBits & 1 << key) != 0;
    }

    /** Whether it has one page always. */
    boolean onePage() {
        return listKeyBits == 0;
    }

    /** Nobody in particular may be addressed by it. */
    boolean unaddressed() {
        return this == STARTUP || this == CONTROL_ANNOUNCE;
    }

    static Optional<MessageType> of(int code) {
        return code >= 1 && code < BY_CODE.length ? Optional.of(BY_CODE[code]) : Optional.empty();
    }
}
