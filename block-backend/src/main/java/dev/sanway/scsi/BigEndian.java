package dev.sanway.scsi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Big-endian fields in byte arrays, as every SCSI structure has them. Any thread. */
public final class BigEndian {
    private static final VarHandle INT16 = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle INT32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle INT64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private BigEndian() {}

    public static int u8(byte[] bytes, int at) {
        return bytes[at] & 0xFF;
    }

    public static int u16(byte[] bytes, int at) {
        return (short) INT16.get(bytes, at) & 0xFFFF;
    }

    public static int u24(byte[] bytes, int at) {
        return u8(bytes, at) << 16 | u16(bytes, at + 1);
    }

    public static int i32(byte[] bytes, int at) {
        return (int) INT32.get(bytes, at);
    }

    public static long u32(byte[] bytes, int at) {
        return (int) INT32.get(bytes, at) & 0xFFFF_FFFFL;
    }

    public static long i64(byte[] bytes, int at) {
        return (long) INT64.get(bytes, at);
    }

    public static void put16(byte[] bytes, int at, int value) {
        INT16.set(bytes, at, (short) value);
    }

    public static void put24(byte[] bytes, int at, int value) {
        bytes[at] = (byte) (value >>> 16);
        INT16.set(bytes, at + 1, (short) value);
    }

    public static void put32(byte[] bytes, int at, long value) {
        INT32.set(bytes, at, (int) value);
    }

    public static void put64(byte[] bytes, int at, long value) {
        INT64.set(bytes, at, value);
    }
}
