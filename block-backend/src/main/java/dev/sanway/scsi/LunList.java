package dev.sanway.scsi;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * REPORT LUNS data (SPC-4 6.33.2).
 *
 * @param luns the addresses as eight bytes each
 * @param truncated whether the list was longer than the data
 */
public record LunList(List<Long> luns, boolean truncated) {
    public LunList {
        luns = List.copyOf(luns);
    }

    /** Null if shorter than its header. */
    public static @Nullable LunList parse(byte[] bytes) {
        if (bytes.length < 8) {
            return null;
        }
        long listBytes = BigEndian.u32(bytes, 0);
        List<Long> luns = new ArrayList<>();
        for (int at = 8; at + 8 <= bytes.length && at - 8 < listBytes; at += 8) {
            luns.add(BigEndian.i64(bytes, at));
        }
        return new LunList(luns, luns.size() * 8L < listBytes);
    }

    public byte[] encode() {
        byte[] bytes = new byte[8 + 8 * luns.size()];
        BigEndian.put32(bytes, 0, bytes.length - 8L);
        for (int i = 0; i < luns.size(); i++) {
            BigEndian.put64(bytes, 8 + 8 * i, luns.get(i));
        }
        return bytes;
    }
}
