package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.CommandHeader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;

/** Messages of every type: fixed ones, whose bytes are recorded, and random ones. */
final class SampleMessages {
    static final UUID UNIT = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    static final UUID CONTROL = UUID.fromString("c0c1c2c3-c4c5-c6c7-c8c9-cacbcccdcecf");
    private static final UUID VOLUME = UUID.fromString("10000000-0000-4000-8000-000000000001");
    private static final UUID PARTITION = UUID.fromString("20000000-0000-4000-8000-000000000002");
    private static final UUID POOL = UUID.fromString("30000000-0000-4000-8000-000000000003");
    private static final UUID VIRTUAL = UUID.fromString("40000000-0000-4000-8000-000000000004");
    private static final UUID REQUEST = UUID.fromString("50000000-0000-4000-8000-000000000005");

    private SampleMessages() {}

    /** Keys 7, which signs, and 8. */
    static PoolKeys keys() {
        return new PoolKeys(7, Map.of(7, key(7), 8, key(8)));
    }

    static byte[] key(int filler) {
        byte[] key = new byte[32];
        java.util.Arrays.fill(key, (byte) filler);
        return key;
    }

    static InetAddress address(String digits) {
        return DatagramCodec.address(HexFormat.of().parseHex(digits));
    }

    /** One of each type, in the order of their codes. */
    static List<Message> recorded() {
        InetAddress four = address("00000000000000000000ffff0a000001");
        InetAddress six = address("20010db8000000000000000000000001");
        CommandHeader header = new CommandHeader(REQUEST, 3, 17, 42);
        Message.Owner owner = new Message.Owner(POOL, VIRTUAL, 1);
        Message.Result result = new Message.Result(REQUEST, Message.Outcome.DONE, 9, 43, "");
        return List.of(
                new Message.Startup(
                        "unit1",
                        "sanway 0.1.0",
                        List.of(new Message.Nic(
                                "eth0",
                                HexFormat.of().parseHex("02005e100001"),
                                List.of(four, six),
                                9000,
                                10_000_000_000L)),
                        List.of(new Message.Portal(four, 3260)),
                        "iqn.2026-11.dev.sanway:unit.unit1",
                        false),
                new Message.StartupAck(Message.Admission.REFUSED, 3, "another unit with this UUID is live at 10.0.0.9"),
                new Message.StorageEnquiry(8, 0, 8),
                new Message.StorageInformation(
                        9,
                        42,
                        107_374_182_400L,
                        85_899_345_920L,
                        0,
                        2,
                        false,
                        List.of(new Message.StoredVolume(
                                VOLUME, null, 0, 21_474_836_480L, 512, Message.Health.GOOD, true)),
                        List.of(new Message.StoredPartition(PARTITION, VOLUME, 1 << 20, 1 << 30, 41, owner))),
                new Message.Heartbeat(9, Message.Health.DEGRADED, 250),
                new Message.HeartbeatAck(Message.Admission.ADOPTED, 3),
                new Message.Shutdown("kernel update", true, 300),
                new Message.ShutdownAck(),
                new Message.ControlAnnounce("gw1", four, 3261),
                new Message.VolumeCreate(header, VOLUME, 1L << 30, true),
                new Message.VolumeExtend(header, VOLUME, 1L << 31),
                new Message.VolumeDelete(header, VOLUME),
                new Message.VolumeResult(new Message.Result(
                        REQUEST, Message.Outcome.NO_SPACE, 9, 43, "needs 1 GiB, and 512 MiB are free")),
                new Message.PartitionAssign(
                        header, VOLUME, List.of(new Message.Assignment(PARTITION, 1 << 20, 1 << 30, owner))),
                new Message.PartitionRelease(header, List.of(new Message.Release(PARTITION, 41))),
                new Message.PartitionResult(result));
    }

    /** The datagrams of a message between fixed ends. */
    static List<Datagram> datagrams(Message message) {
        boolean fromUnit = message.type().sender() == MessageType.Sender.UNIT;
        InetSocketAddress unit = new InetSocketAddress(address("00000000000000000000ffff0a000002"), 3261);
        InetSocketAddress control = new InetSocketAddress(address("20010db8000000000000000000000001"), 13261);
        List<Datagram> datagrams = new ArrayList<>();
        List<byte[]> pages = Pages.cut(message);
        for (int page = 0; page < pages.size(); page++) {
            datagrams.add(new Datagram(
                    fromUnit ? UNIT : CONTROL,
                    fromUnit ? 5 : 0xffff_fffeL,
                    1000 + page,
                    message.type().unaddressed() ? Datagram.NOBODY : fromUnit ? CONTROL : UNIT,
                    message.type().unaddressed() ? 0 : fromUnit ? 0xffff_fffeL : 5,
                    message.type() == MessageType.STARTUP_ACK ? 999 : 0,
                    1_795_536_000_000L,
                    77,
                    page,
                    pages.size(),
                    fromUnit ? unit : control,
                    fromUnit ? control : unit,
                    message.type(),
                    pages.get(page)));
        }
        return datagrams;
    }

    /** A message of any type, within its limits, often at them. */
    static Message random(Random random) {
        return switch (any(random, MessageType.values())) {
            case STARTUP ->
                new Message.Startup(
                        text(random, 1, 63),
                        text(random, 1, 63),
                        list(random, 16, () -> nic(random)),
                        list(random, 32, () -> new Message.Portal(address(random), 1 + random.nextInt(65_535))),
                        text(random, 1, 223),
                        random.nextBoolean());
            case STARTUP_ACK -> new Message.StartupAck(admission(random), positive(random), text(random, 0, 255));
            case STORAGE_ENQUIRY ->
                new Message.StorageEnquiry(positive(random), positive(random), 1 + random.nextInt(8));
            case STORAGE_INFORMATION ->
                new Message.StorageInformation(
                        positive(random),
                        positive(random),
                        positive(random),
                        positive(random),
                        positive(random),
                        positive(random),
                        random.nextBoolean(),
                        list(random, 10, () -> volume(random)),
                        list(
                                random,
                                40,
                                () -> new Message.StoredPartition(
                                        uuid(random),
                                        uuid(random),
                                        size(random),
                                        size(random),
                                        positive(random),
                                        owner(random))));
            case HEARTBEAT -> new Message.Heartbeat(positive(random), health(random), random.nextInt(1001));
            case HEARTBEAT_ACK -> new Message.HeartbeatAck(admission(random), positive(random));
            case SHUTDOWN -> new Message.Shutdown(text(random, 0, 255), random.nextBoolean(), positive(random));
            case SHUTDOWN_ACK -> new Message.ShutdownAck();
            case CONTROL_ANNOUNCE ->
                new Message.ControlAnnounce(text(random, 1, 63), address(random), 1 + random.nextInt(65_535));
            case VOLUME_CREATE ->
                new Message.VolumeCreate(header(random), uuid(random), positive(random), random.nextBoolean());
            case VOLUME_EXTEND -> new Message.VolumeExtend(header(random), uuid(random), positive(random));
            case VOLUME_DELETE -> new Message.VolumeDelete(header(random), uuid(random));
            case VOLUME_RESULT -> new Message.VolumeResult(result(random));
            case PARTITION_ASSIGN ->
                new Message.PartitionAssign(
                        header(random),
                        uuid(random),
                        some(
                                random,
                                64,
                                () -> new Message.Assignment(uuid(random), size(random), size(random), owner(random))));
            case PARTITION_RELEASE ->
                new Message.PartitionRelease(
                        header(random), some(random, 64, () -> new Message.Release(uuid(random), positive(random))));
            case PARTITION_RESULT -> new Message.PartitionResult(result(random));
        };
    }

    private static Message.Nic nic(Random random) {
        byte[] mac = new byte[random.nextBoolean() ? 6 : random.nextInt(21)];
        random.nextBytes(mac);
        return new Message.Nic(
                text(random, 1, 63),
                mac,
                list(random, 8, () -> address(random)),
                random.nextInt(1 << 20),
                positive(random));
    }

    private static Message.StoredVolume volume(Random random) {
        return new Message.StoredVolume(
                uuid(random),
                random.nextInt(4) == 0 ? text(random, 1, 223) : null,
                random.nextInt(16_384),
                positive(random),
                random.nextBoolean() ? 512 : 4096,
                health(random),
                random.nextBoolean());
    }

    private static CommandHeader header(Random random) {
        return new CommandHeader(uuid(random), positive(random), positive(random), positive(random));
    }

    private static Message.Result result(Random random) {
        return new Message.Result(
                uuid(random),
                any(random, Message.Outcome.values()),
                positive(random),
                positive(random),
                text(random, 0, 255));
    }

    private static Message.Owner owner(Random random) {
        return new Message.Owner(uuid(random), uuid(random), random.nextInt(Integer.MAX_VALUE));
    }

    private static Message.Admission admission(Random random) {
        return any(random, Message.Admission.values());
    }

    private static Message.Health health(Random random) {
        return any(random, Message.Health.values());
    }

    private static <T> T any(Random random, T[] values) {
        return java.util.Arrays.asList(values).get(random.nextInt(values.length));
    }

    /** Numbers of every length. */
    private static long positive(Random random) {
        return Math.max(1, random.nextLong() >>> (1 + random.nextInt(63)));
    }

    private static long size(Random random) {
        return positive(random) >>> 1 | 1;
    }

    static UUID uuid(Random random) {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private static InetAddress address(Random random) {
        byte[] bytes = new byte[random.nextBoolean() ? 4 : 16];
        random.nextBytes(bytes);
        return DatagramCodec.address(bytes);
    }

    /** Characters of one to three bytes. */
    private static String text(Random random, int min, int max) {
        int bytes = min + random.nextInt(max - min + 1);
        StringBuilder text = new StringBuilder();
        while (bytes > 0) {
            String next = bytes >= 3 && random.nextInt(8) == 0 ? "\u20ac" : "a";
            text.append(next);
            bytes -= next.equals("a") ? 1 : 3;
        }
        return text.toString();
    }

    private static <T> List<T> list(Random random, int max, java.util.function.Supplier<T> element) {
        return java.util.stream.Stream.generate(element)
                .limit(random.nextInt(max + 1))
                .toList();
    }

    private static <T> List<T> some(Random random, int max, java.util.function.Supplier<T> element) {
        return java.util.stream.Stream.generate(element)
                .limit(1 + random.nextInt(max))
                .toList();
    }
}
