package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Text.Fault;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextTest {
    @Test
    void builtTextReadsBack() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            List<KeyValue> pairs = new ArrayList<>();
            for (int i = random.nextInt(20); i >= 0; i--) {
                pairs.add(new KeyValue("X-key." + i, "v\u00e9=" + random.nextInt()));
            }
            assertThat(parse(Text.build(pairs))).as("seed " + seed).isEqualTo(new Text.Parsed(pairs));
        }
        assertThat(parse(Text.build(List.of()))).isEqualTo(new Text.Parsed(List.of()));
    }

    @Test
    void everythingMalformedHasItsName() {
        assertThat(fault("A=b")).isEqualTo(Fault.NOT_TERMINATED);
        assertThat(fault("Ab\0")).isEqualTo(Fault.NO_EQUALS_SIGN);
        assertThat(fault("=b\0")).isEqualTo(Fault.BAD_KEY);
        assertThat(fault("A b=c\0")).isEqualTo(Fault.BAD_KEY);
        assertThat(fault("k".repeat(64) + "=c\0")).isEqualTo(Fault.BAD_KEY);
        assertThat(fault("A=" + "v".repeat(256) + "\0")).isEqualTo(Fault.VALUE_TOO_LONG);
        assertThat(fault("CHAP_R=0x" + "0".repeat(2049) + "\0")).isEqualTo(Fault.VALUE_TOO_LONG);
        assertThat(fault("A=b\nc\0")).isEqualTo(Fault.BAD_ENCODING);
        assertThat(fault("A=b\0A=c\0")).isEqualTo(Fault.DUPLICATE_KEY);
        assertThat(fault("A=b\0".repeat(4097).replace("A=", "A="))).isEqualTo(Fault.DUPLICATE_KEY);
        assertThat(((Text.Malformed) parse(Unpooled.wrappedBuffer(new byte[] {'A', '=', (byte) 0xff, 0}))).fault())
                .isEqualTo(Fault.BAD_ENCODING);
        assertThat(fault("x".repeat(Text.MAX_LENGTH_BYTES + 1))).isEqualTo(Fault.TOO_LONG);
        ByteBuf many = Unpooled.copiedBuffer("A=\0".repeat(Text.MAX_PAIRS + 1), StandardCharsets.US_ASCII);
        assertThat(((Text.Malformed) Text.parse(many, true)).fault()).isEqualTo(Fault.TOO_MANY_PAIRS);
    }

    @Test
    void whatTheBoundsAllowIsRead() {
        assertThat(read("k".repeat(63) + "=" + "v".repeat(255) + "\0")).hasSize(1);
        assertThat(read("CHAP_C=0x" + "0".repeat(2048) + "\0")).hasSize(1);
        assertThat(read("A=b\0\0\0")).containsExactly(new KeyValue("A", "b"));
        assertThat(read("A=\0")).containsExactly(new KeyValue("A", ""));
        assertThat(read("A=b=c\0")).containsExactly(new KeyValue("A", "b=c"));
    }

    @Test
    void answersToSendTargetsMayRepeatKeys() {
        ByteBuf text = Unpooled.copiedBuffer("TargetName=a\0TargetName=b\0", StandardCharsets.US_ASCII);
        assertThat(((Text.Parsed) Text.parse(text, true)).pairs()).hasSize(2);
    }

    @Test
    void aTextOverSeveralPdusIsGatheredWithinBounds() {
        Text.Gathering gathering = new Text.Gathering();
        assertThat(gathering.add(Unpooled.copiedBuffer("A=hel", StandardCharsets.US_ASCII)))
                .isTrue();
        assertThat(gathering.pending()).isTrue();
        assertThat(gathering.add(Unpooled.copiedBuffer("lo\0B=c\0", StandardCharsets.US_ASCII)))
                .isTrue();
        assertThat(gathering.parse(false))
                .isEqualTo(new Text.Parsed(List.of(new KeyValue("A", "hello"), new KeyValue("B", "c"))));
        assertThat(gathering.pending()).isFalse();
        assertThat(gathering.add(Unpooled.wrappedBuffer(new byte[Text.MAX_LENGTH_BYTES])))
                .isTrue();
        assertThat(gathering.add(Unpooled.wrappedBuffer(new byte[1]))).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"0x0a0B, 0a0b", "0Xabc, 0abc", "0bAQID, 010203", "0BAQ==, 01", "0x, ", "12, ", "0xzz, ", "0b*, ", "'', "
    })
    void binaryValues(String text, String expected) {
        byte[] bytes = BinaryValue.decode(text);
        assertThat(bytes == null ? null : java.util.HexFormat.of().formatHex(bytes))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "262144, 262144",
        "0x200, 512",
        "-1, -1",
        "+1, -1",
        "'', -1",
        "1a, -1",
        "99999999999999999999, -1",
        "٣, -1"
    })
    void numbers(String text, long expected) {
        assertThat(BinaryValue.number(text)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "iqn.2026-11.dev.sanway:gateway.gw1",
                "iqn.1993-08.org.debian:01:web1",
                "iqn.1991-05.com.microsoft:host",
                "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test",
                "IQN.2001-04.COM.Example",
                "iqn.2001-04.com.example:",
                "iqn.2001-04.com.example:b\u00fccher_1",
                "eui.02004567A425678D",
                "naa.52004567BA64678D",
                "naa.62004567BA64678D0123456789ABCDEF"
            })
    void namesOfNodes(String name) {
        IscsiName parsed = IscsiName.parse(name);
        assertThat(parsed).isNotNull();
        assertThat(parsed.value()).isEqualTo(name.toLowerCase(java.util.Locale.ROOT));
        assertThat(parsed.written()).isEqualTo(name);
        assertThat(parsed).hasToString(name).isEqualTo(new IscsiName(parsed.value()));
        assertThat(IscsiName.whyNot(name)).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "host1",
                "iqn.",
                "iqn.2026-13.dev.sanway",
                "iqn.26-11.dev.sanway",
                "iqn.2026-11.",
                "iqn.2026-11.dev sanway",
                "iqn.2026-11.dev.sanway:a b",
                "iqn.2026-11.dev.sanway:a/b",
                "iqn.2026-11.dev.sanway:a,b",
                "eui.0200",
                "eui.02004567A425678G",
                "naa.52004567BA64678"
            })
    void namesOfNothing(String name) {
        assertThat(IscsiName.parse(name)).isNull();
        assertThat(IscsiName.whyNot(name)).isNotBlank();
    }

    @Test
    void aNameHas223BytesAtMost() {
        String prefix = "iqn.2026-11.dev.sanway:";
        assertThat(IscsiName.parse(prefix + "x".repeat(223 - prefix.length()))).isNotNull();
        assertThat(IscsiName.parse(prefix + "x".repeat(224 - prefix.length()))).isNull();
    }

    @Test
    void isids() {
        assertThat(new Isid(0x00023d000001L)).hasToString("00023d000001");
        assertThat(Isid.parse("00023D000001")).isEqualTo(new Isid(0x00023d000001L));
        assertThat(Isid.parse("00023d00001")).isNull();
        assertThat(Isid.parse("00023d00000g")).isNull();
        assertThat(Isid.random(0xabcdef, 0x1234)).hasToString("80abcdef1234");
    }

    private static List<KeyValue> read(String text) {
        return ((Text.Parsed) parse(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8))).pairs();
    }

    private static Fault fault(String text) {
        return ((Text.Malformed) parse(Unpooled.copiedBuffer(text, StandardCharsets.UTF_8))).fault();
    }

    private static Text.Result parse(ByteBuf text) {
        return Text.parse(text);
    }
}
