package dev.sanway.target.lun;

import dev.sanway.scsi.BigEndian;

/** Parameter lists of PERSISTENT RESERVE OUT. */
final class Reserve {
    private Reserve() {}

    static byte[] list(long key, long actionKey, int flags) {
        byte[] list = new byte[24];
        BigEndian.put64(list, 0, key);
        BigEndian.put64(list, 8, actionKey);
        list[20] = (byte) flags;
        return list;
    }
}
