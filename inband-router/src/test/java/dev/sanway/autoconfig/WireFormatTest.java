package dev.sanway.autoconfig;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The wire format, pinned by recorded bytes, and what becomes of bytes that are not of it. */
class WireFormatTest {
    private final DatagramCodec codec = new DatagramCodec(SampleMessages.keys());

    /**
     * A version of the protocol that changes these bytes is another version. With {@code -Dsanway.record=FOLDER} they are written
     * there, for a new type.
     */
    @Test
    void everyTypeHasItsRecordedBytes() throws IOException {
        String record = System.getProperty("sanway.record");
        List<Message> messages = SampleMessages.recorded();
        assertThat(messages.stream().map(Message::type)).containsExactly(MessageType.values());
        for (Message message : messages) {
            String name = message.type().name().toLowerCase(java.util.Locale.ROOT) + ".hex";
            byte[] bytes = codec.encode(SampleMessages.datagrams(message).getFirst());
            if (record != null) {
                Files.writeString(Path.of(record, name), lines(bytes));
            }
            try (InputStream in = WireFormatTest.class.getResourceAsStream("recorded/" + name)) {
                assertThat(in).as("recorded/%s", name).isNotNull();
                String recorded = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
                assertThat(lines(bytes)).as(name).isEqualTo(recorded);
            }
            assertThat(read(bytes)).usingRecursiveComparison().isEqualTo(message);
        }
    }

    private static String lines(byte[] bytes) {
        StringBuilder lines = new StringBuilder();
        for (int at = 0; at < bytes.length; at += 32) {
            lines.append(HexFormat.of().formatHex(bytes, at, Math.min(bytes.length, at + 32)))
                    .append('\n');
        }
        return lines.toString();
    }

    private Message read(byte[] bytes) {
        try {
            return Pages.join(accepted(bytes).type(), List.of(accepted(bytes).data()));
        } catch (MalformedDataException e) {
            throw new AssertionError(e);
        }
    }

    private Datagram accepted(byte[] bytes) {
        assertThat(codec.decode(bytes)).isInstanceOf(DatagramCodec.Decoded.Accepted.class);
        return ((DatagramCodec.Decoded.Accepted) codec.decode(bytes)).datagram();
    }

    private DropReason dropped(byte[] bytes) {
        assertThat(codec.decode(bytes)).isInstanceOf(DatagramCodec.Decoded.Dropped.class);
        return ((DatagramCodec.Decoded.Dropped) codec.decode(bytes)).reason();
    }

    @Test
    void whateverIsSaidIsReadBack() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int severalPages = 0;
        for (int round = 0; round < 500; round++) {
            Message message = SampleMessages.random(random);
            List<byte[]> data = new ArrayList<>();
            for (Datagram datagram : SampleMessages.datagrams(message)) {
                byte[] bytes = codec.encode(datagram);
                assertThat(bytes).hasSizeLessThanOrEqualTo(1_400);
                Datagram again = accepted(bytes);
                assertThat(again).usingRecursiveComparison().isEqualTo(datagram);
                data.add(again.data());
            }
            severalPages += data.size() > 1 ? 1 : 0;
            try {
                assertThat(Pages.join(message.type(), data))
                        .as("seed %d", seed)
                        .usingRecursiveComparison()
                        .isEqualTo(message);
            } catch (MalformedDataException e) {
                throw new AssertionError("seed " + seed + ": " + message, e);
            }
        }
        assertThat(severalPages).isGreaterThan(20);
    }

    @Test
    void noFlippedBitAndNoOtherLengthIsAccepted() {
        byte[] bytes = codec.encode(
                SampleMessages.datagrams(SampleMessages.recorded().getFirst()).getFirst());
        for (int bit = 0; bit < bytes.length * 8; bit++) {
            byte[] flipped = bytes.clone();
            flipped[bit / 8] ^= (byte) (1 << bit % 8);
            DropReason expected = bit < 32
                    ? DropReason.FOREIGN
                    : bit < 40 ? DropReason.UNKNOWN_VERSION : DropReason.BAD_AUTHENTICATOR;
            DropReason reason = dropped(flipped);
            // The key id may become none of the pool's, and the data length another than there is.
            assertThat(reason)
                    .as("bit %d", bit)
                    .isIn(expected, DropReason.UNKNOWN_KEY, DropReason.TRUNCATED, DropReason.OVERSIZED);
        }
        for (int length = 0; length < bytes.length; length++) {
            assertThat(dropped(java.util.Arrays.copyOf(bytes, length))).isEqualTo(DropReason.TRUNCATED);
        }
        assertThat(dropped(java.util.Arrays.copyOf(bytes, bytes.length + 1))).isEqualTo(DropReason.OVERSIZED);
        assertThat(dropped(new byte[1_401])).isEqualTo(DropReason.OVERSIZED);
        assertThat(dropped(new byte[1_400])).isEqualTo(DropReason.FOREIGN);
    }

    @Test
    void twoKeysAreValidAtOnce() {
        Datagram datagram = SampleMessages.datagrams(new Message.ShutdownAck()).getFirst();
        byte[] other = new DatagramCodec(new PoolKeys(8, Map.of(8, SampleMessages.key(8)))).encode(datagram);
        assertThat(accepted(other)).usingRecursiveComparison().isEqualTo(datagram);
        byte[] sameIdOtherKey = new DatagramCodec(new PoolKeys(8, Map.of(8, SampleMessages.key(9)))).encode(datagram);
        assertThat(dropped(sameIdOtherKey)).isEqualTo(DropReason.BAD_AUTHENTICATOR);
        byte[] unknown = new DatagramCodec(new PoolKeys(9, Map.of(9, SampleMessages.key(9)))).encode(datagram);
        assertThat(dropped(unknown)).isEqualTo(DropReason.UNKNOWN_KEY);
        assertThatThrownBy(() -> new PoolKeys(1, Map.of(1, new byte[31]))).hasMessageContaining("31 bytes");
        assertThatThrownBy(() -> new PoolKeys(1, Map.of(1, new byte[32], 2, new byte[32], 3, new byte[32])))
                .hasMessageContaining("at most 2");
        assertThat(SampleMessages.keys()).hasToString("PoolKeys[7, 8]");
    }

    /** Signed by a member, and still not what version 1 says. */
    @Test
    void signedNonsenseIsRefused() {
        byte[] bytes =
                codec.encode(SampleMessages.datagrams(new Message.ShutdownAck()).getFirst());
        assertThat(dropped(signedWith(bytes, 6, 1))).isEqualTo(DropReason.MALFORMED_HEADER);
        assertThat(dropped(signedWith(bytes, 28, 0x80))).isEqualTo(DropReason.MALFORMED_HEADER);
        assertThat(dropped(signedWith(bytes, 77, 1))).isEqualTo(DropReason.MALFORMED_HEADER);
        assertThat(dropped(signedWith(bytes, 79, 0))).isEqualTo(DropReason.MALFORMED_HEADER);
        assertThat(dropped(signedWith(bytes, 79, 2))).isEqualTo(DropReason.MALFORMED_HEADER);
        assertThat(dropped(signedWith(bytes, 117, 17))).isEqualTo(DropReason.UNKNOWN_TYPE);
        assertThat(dropped(signedWith(bytes, 117, 0))).isEqualTo(DropReason.UNKNOWN_TYPE);
        assertThat(dropped(signedWith(bytes, 116, 0x7f))).isEqualTo(DropReason.UNKNOWN_TYPE);
    }

    private static byte[] signedWith(byte[] bytes, int offset, int value) {
        byte[] changed = bytes.clone();
        changed[offset] = (byte) value;
        try {
            javax.crypto.Mac mac = javax.crypto.Mac.getInstance("HmacSHA256");
            mac.init(new javax.crypto.spec.SecretKeySpec(SampleMessages.key(7), "HmacSHA256"));
            mac.update(changed, 0, changed.length - 32);
            mac.doFinal(changed, changed.length - 32);
        } catch (java.security.GeneralSecurityException e) {
            throw new AssertionError(e);
        }
        return changed;
    }

    @Test
    void dataAreasAreCanonical() throws MalformedDataException {
        // {1: 1, 2: true, 3: h'00'} is one; the others say the same, or nothing, in other ways.
        assertThat(DataAreaCodec.decode(hex("a3010102f5034100")).values()).hasSize(3);
        for (String other : List.of(
                "a30118010 2f5034100".replace(" ", ""), // 1 in two bytes
                "bf010102f5034100ff", // a map of indefinite length
                "a302f5010103 4100".replace(" ", ""), // keys out of order
                "a3010102f50102", // a key twice
                "a3010102f503410000", // something after the map
                "a3010102f50341", // cut off
                "a3613101 02f5034100".replace(" ", ""), // a text key "1"
                "a30101 02f503c24100".replace(" ", ""), // a tag
                "a101f6", // null
                "a101f93c00", // a float
                "a1011bffffffffffffffff", // beyond 63 bits
                "a12001", // a negative key
                "a101617f80", // a list after it
                "a10162c328", // no UTF-8
                "a1017f6161ff", // a text in pieces
                "8101", // no map
                "",
                "a101818181818181818181818101", // too deep
                "d9d9f7a0")) { // marked as CBOR
            assertThatThrownBy(() -> DataAreaCodec.decode(hex(other)))
                    .as(other)
                    .isInstanceOf(MalformedDataException.class);
        }
    }

    private static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits);
    }

    @Test
    void unknownKeysAreIgnoredAndWrongOnesRefused() throws MalformedDataException {
        for (Message message : SampleMessages.recorded()) {
            DataMap map = MessageCodec.map(message);
            map.put(99, "of a later version");
            assertThat(MessageCodec.read(message.type(), map))
                    .usingRecursiveComparison()
                    .isEqualTo(message);
            for (long key : List.copyOf(new TreeSet<>(map.values().keySet()))) {
                Object value = map.values().get(key);
                if (key == 99 || value == null) {
                    continue;
                }
                map.values().put(key, value instanceof Boolean ? (Object) 1L : (Object) true);
                assertThatThrownBy(() -> MessageCodec.read(message.type(), map))
                        .as("%s, key %d", message.type(), key)
                        .isInstanceOf(MalformedDataException.class);
                map.values().put(key, value);
            }
        }
    }

    @Test
    void limitsAreEnforced() {
        refused(
                MessageType.CONTROL_ANNOUNCE,
                new DataMap().put(1, "").put(2, new byte[16]).put(3, 1));
        refused(
                MessageType.CONTROL_ANNOUNCE,
                new DataMap().put(1, "a".repeat(64)).put(2, new byte[16]).put(3, 1));
        refused(
                MessageType.CONTROL_ANNOUNCE,
                new DataMap().put(1, "a").put(2, new byte[15]).put(3, 1));
        refused(
                MessageType.CONTROL_ANNOUNCE,
                new DataMap().put(1, "a").put(2, new byte[16]).put(3, 65_536));
        refused(MessageType.HEARTBEAT, new DataMap().put(1, 1).put(2, 3).put(3, 0));
        refused(MessageType.HEARTBEAT, new DataMap().put(1, 0).put(2, 0).put(3, 0));
        refused(MessageType.HEARTBEAT, new DataMap().put(1, 1).put(2, 0).put(3, 1001));
        refused(MessageType.STORAGE_ENQUIRY, new DataMap().put(1, 0).put(2, 0).put(3, 9));
        refused(
                MessageType.SHUTDOWN,
                new DataMap().put(1, "a".repeat(256)).put(2, true).put(3, 0));
        DataMap header = MessageCodec.map(SampleMessages.recorded().get(13));
        header.values().remove(3L);
        refused(MessageType.PARTITION_ASSIGN, header);
    }

    private static void refused(MessageType type, DataMap map) {
        assertThatThrownBy(() -> MessageCodec.read(type, map)).isInstanceOf(MalformedDataException.class);
    }

    /** Another decoder reads what ours writes. */
    @Test
    void anyCborReaderReadsADataArea() throws IOException {
        ObjectMapper reader = new ObjectMapper(new CBORFactory());
        Message.Startup startup = (Message.Startup) SampleMessages.recorded().getFirst();
        JsonNode tree = reader.readTree(Pages.cut(startup).getFirst());
        assertThat(tree.path("1").asText()).isEqualTo("unit1");
        assertThat(tree.path("3").path(0).path("4").asInt()).isEqualTo(9000);
        assertThat(tree.path("4").path(0).path("2").asInt()).isEqualTo(3260);
    }

    /** The CDDL has every type with its code and every key that this version writes. */
    @Test
    void theSpecificationNamesEveryTypeAndKey() throws IOException {
        String cddl = Files.readString(Path.of("../docs/autoconfig.cddl"));
        for (Message message : SampleMessages.recorded()) {
            String name =
                    message.type().name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
            Matcher rule = Pattern.compile(
                            "(?ms)^; type " + message.type().code() + "\\b.*?^" + name + " = \\{(.*?)^\\}")
                    .matcher(cddl);
            assertThat(rule.find())
                    .as("type %d, %s", message.type().code(), name)
                    .isTrue();
            List<String> keys = new ArrayList<>();
            Matcher key = Pattern.compile("(?m)^  (?:\\? )?(\\d+) => ").matcher(rule.group(1));
            while (key.find()) {
                keys.add(key.group(1));
            }
            assertThat(keys)
                    .as(name)
                    .containsAll(MessageCodec.map(message).values().keySet().stream()
                            .map(String::valueOf)
                            .toList());
        }
    }

    /** Random bytes, signed and not: nothing is thrown but {@link MalformedDataException}. */
    @Test
    void garbageIsRefusedWithoutHarm() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int malformed = 0;
        for (int round = 0; round < 10_000; round++) {
            byte[] data;
            Message message = SampleMessages.random(random);
            if (random.nextBoolean()) {
                data = new byte[random.nextInt(200)];
                random.nextBytes(data);
            } else {
                data = Pages.cut(message).getFirst().clone();
                for (int flips = 1 + random.nextInt(4); flips > 0 && data.length > 0; flips--) {
                    data[random.nextInt(data.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
            try {
                Message read = Pages.join(message.type(), List.of(data));
                assertThat(Pages.cut(read)).as("seed %d", seed).isNotEmpty();
            } catch (MalformedDataException _) {
                malformed++;
            } catch (RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ", " + message.type() + " "
                                + HexFormat.of().formatHex(data),
                        e);
            }
        }
        assertThat(malformed).isGreaterThan(2_500);
    }
}
