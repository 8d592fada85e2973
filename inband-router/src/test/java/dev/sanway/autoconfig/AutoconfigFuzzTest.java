package dev.sanway.autoconfig;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.List;

/** Fuzz targets: with {@code JAZZER_FUZZ=1} they search, otherwise they run the kept inputs. */
class AutoconfigFuzzTest {

    /** Whatever the bytes, they are a datagram or dropped, and only one that was signed is accepted. */
    @FuzzTest
    void datagram(FuzzedDataProvider data) {
        DatagramCodec codec = new DatagramCodec(SampleMessages.keys());
        if (codec.decode(data.consumeRemainingAsBytes()) instanceof DatagramCodec.Decoded.Accepted accepted) {
            throw new IllegalStateException("accepted without the key: " + accepted);
        }
    }

    /** Whatever the data area, it is read, and then says the same again, or it is malformed. */
    @FuzzTest
    void dataArea(FuzzedDataProvider data) {
        MessageType type = data.pickValue(MessageType.values());
        byte[] bytes = data.consumeBytes(Datagram.MAX_DATA_BYTES);
        try {
            Message message = Pages.join(type, List.of(bytes));
            List<byte[]> again = Pages.cut(message);
            List<byte[]> third = Pages.cut(Pages.join(type, again));
            for (int page = 0; page < again.size(); page++) {
                if (!java.util.Arrays.equals(again.get(page), third.get(page))) {
                    throw new IllegalStateException("encoding is not stable: " + message);
                }
            }
        } catch (MalformedDataException _) {
            // As it should be.
        }
    }
}
