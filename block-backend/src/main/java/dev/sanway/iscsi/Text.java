package dev.sanway.iscsi;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Data segments of {@code key=value} pairs, each ended by a NUL: reading them within bounds, and building them. */
public final class Text {
    /** Bytes of one text request or response, all its PDUs together (at least 8,192 by RFC 7143 section 6.2). */
    public static final int MAX_LENGTH_BYTES = 64 * 1024;

    /** Pairs in one request or response. */
    public static final int MAX_PAIRS = 4096;

    /** The longest key (section 6.1). */
    public static final int MAX_KEY_LENGTH = 63;

    /** The longest value but for those that carry binary data (section 6.1). */
    public static final int MAX_VALUE_LENGTH = 255;

    /** Hexadecimal digits of the 1,024 bytes that a binary value may have, and its prefix (section 12.1.3). */
    public static final int MAX_BINARY_VALUE_LENGTH = 2 + 2 * 1024;

    private Text() {}

    /** What came of a text. */
    public sealed interface Result {}

    /** The pairs in the order they came. */
    public record Parsed(List<KeyValue> pairs) implements Result {
        public Parsed {
            pairs = List.copyOf(pairs);
        }
    }

    /** What is wrong with a text. */
    public record Malformed(Fault fault, String detail) implements Result {}

    /** Kinds of malformed text. */
    public enum Fault {
        TOO_LONG,
        TOO_MANY_PAIRS,
        NOT_TERMINATED,
        NO_EQUALS_SIGN,
        BAD_KEY,
        VALUE_TOO_LONG,
        BAD_ENCODING,
        DUPLICATE_KEY
    }

    /** Reads a negotiation: a key may come once. See {@link #parse(ByteBuf, boolean)}. */
    public static Result parse(ByteBuf text) {
        return parse(text, false);
    }

    /**
     * Reads a whole text.
     *
     * @param text borrowed; read from reader to writer index
     * @param repeating whether a key may come more than once, as TargetName in an answer to SendTargets
     */
    public static Result parse(ByteBuf text, boolean repeating) {
        if (text.readableBytes() > MAX_LENGTH_BYTES) {
            return new Malformed(Fault.TOO_LONG, "text of " + text.readableBytes() + " bytes");
        }
        List<KeyValue> pairs = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        int at = text.readerIndex();
        int end = text.writerIndex();
        while (at < end) {
            int nul = text.indexOf(at, end, (byte) 0);
            if (nul < 0) {
                return new Malformed(Fault.NOT_TERMINATED, "the last pair has no NUL after it");
            }
            if (nul > at) {
                if (pairs.size() == MAX_PAIRS) {
                    return new Malformed(Fault.TOO_MANY_PAIRS, "more than " + MAX_PAIRS + " pairs");
                }
                switch (pair(text, at, nul, pairs.size() + 1)) {
                    case Malformed malformed -> {
                        return malformed;
                    }
                    case Parsed one -> {
                        KeyValue pair = one.pairs().getFirst();
                        if (!seen.add(pair.key()) && !repeating) {
                            return new Malformed(Fault.DUPLICATE_KEY, pair.key() + " came twice");
                        }
                        pairs.add(pair);
                    }
                }
            }
            // Some initiators pad the segment with NULs that they count: empty pairs are skipped.
            at = nul + 1;
        }
        return new Parsed(pairs);
    }

    private static Result pair(ByteBuf text, int from, int to, int number) {
        int equals = text.indexOf(from, to, (byte) '=');
        if (equals < 0) {
            return new Malformed(Fault.NO_EQUALS_SIGN, "pair " + number + " has no '='");
        }
        int keyLength = equals - from;
        if (keyLength == 0 || keyLength > MAX_KEY_LENGTH) {
            return new Malformed(Fault.BAD_KEY, "key of pair " + number + " has " + keyLength + " bytes");
        }
        for (int i = from; i < equals; i++) {
            if (!keyCharacter(text.getByte(i))) {
                return new Malformed(Fault.BAD_KEY, "key of pair " + number + " has a forbidden character");
            }
        }
        String key = text.toString(from, keyLength, StandardCharsets.US_ASCII);
        int valueLength = to - equals - 1;
        if (valueLength > maxValueLength(key)) {
            return new Malformed(Fault.VALUE_TOO_LONG, "value of " + key + " has " + valueLength + " bytes");
        }
        byte[] bytes = new byte[valueLength];
        text.getBytes(equals + 1, bytes);
        for (byte b : bytes) {
            if ((b >= 0 && b < 0x20) || b == 0x7f) {
                return new Malformed(Fault.BAD_ENCODING, "value of " + key + " has a control character");
            }
        }
        try {
            String value = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return new Parsed(List.of(new KeyValue(key, value)));
        } catch (CharacterCodingException notUtf8) {
            return new Malformed(Fault.BAD_ENCODING, "value of " + key + " is not UTF-8");
        }
    }

    private static int maxValueLength(String key) {
        TextKey known = TextKey.of(key);
        return known != null && known.rule() instanceof TextKey.Binary ? MAX_BINARY_VALUE_LENGTH : MAX_VALUE_LENGTH;
    }

    /** Characters of section 6.1's standard-label, and '#' of the extension keys X# and Y#. */
    private static boolean keyCharacter(byte b) {
        return (b >= 'a' && b <= 'z')
                || (b >= 'A' && b <= 'Z')
                || (b >= '0' && b <= '9')
                || b == '.'
                || b == '-'
                || b == '+'
                || b == '@'
                || b == '_'
                || b == '#';
    }

    /** The data segment of these pairs; the caller owns it. */
    public static ByteBuf build(List<KeyValue> pairs) {
        if (pairs.isEmpty()) {
            return Unpooled.EMPTY_BUFFER;
        }
        ByteBuf text = Unpooled.buffer(64 * pairs.size());
        for (KeyValue pair : pairs) {
            text.writeCharSequence(pair.key(), StandardCharsets.US_ASCII);
            text.writeByte('=');
            text.writeCharSequence(pair.value(), StandardCharsets.UTF_8);
            text.writeByte(0);
        }
        return text;
    }

    /** Gathers a text that spans several PDUs (the C bit), within a bound. One thread. */
    public static final class Gathering {
        private final ByteBuf bytes = Unpooled.buffer(0);
        private final int maxLengthBytes;

        /** Within {@link #MAX_LENGTH_BYTES}. */
        public Gathering() {
            this(MAX_LENGTH_BYTES);
        }

        /** Within a narrower bound, in bytes. */
        public Gathering(int maxLengthBytes) {
            this.maxLengthBytes = maxLengthBytes;
        }

        /** Takes a PDU's data over; false if the text has become too long (nothing of it is kept then). */
        public boolean add(ByteBuf data) {
            try {
                if (bytes.readableBytes() + data.readableBytes() > maxLengthBytes) {
                    bytes.clear();
                    return false;
                }
                bytes.writeBytes(data);
                return true;
            } finally {
                data.release();
            }
        }

        /** Whether parts were added since the last {@link #parse}. */
        public boolean pending() {
            return bytes.isReadable();
        }

        /** Reads what was gathered, and starts anew. */
        public Result parse(boolean repeating) {
            Result result = Text.parse(bytes, repeating);
            bytes.clear();
            return result;
        }
    }
}
