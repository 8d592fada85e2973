package dev.sanway.integration.bench;

import dev.sanway.integration.bench.Crowd.Greeting;
import dev.sanway.integration.bench.Crowd.Plan;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Text;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * What hostile peers do: each name stands for a way to make a gateway hold or do more than it should. All of it together is bounded
 * by {@link #REQUESTS_PER_SECOND} and by numbers of connections, and goes to 127.0.0.1.
 */
final class Attacks {

    /** Of all together, not counting what opens a connection or keeps it open. */
    static final int REQUESTS_PER_SECOND = 20_000;

    private static final byte READ_16 = (byte) 0x88;
    private static final byte WRITE_16 = (byte) 0x8a;
    private static final byte VERIFY_16 = (byte) 0x8f;
    private static final byte WRITE_SAME_16 = (byte) 0x93;
    private static final int BLOCK = 512;
    private static final int KIB = 1024;
    private static final int READ_BYTES = 256 * KIB;
    /** A read's answer with its headers is longer. */
    private static final long ANSWERED_BYTES = READ_BYTES + 8L * KIB;

    private static final long SLOW_BYTES_PER_SECOND = 700_000;
    private static final int SLOW_STEP_MILLIS = 50;
    private static final byte[] NO_DATA = {};
    private static final byte[] ONE_BYTE = {0x43};

    private final HostileSan san;
    private final Pace pace = new Pace(REQUESTS_PER_SECOND);

    Attacks(HostileSan san) {
        this.san = san;
    }

    /** By name, in the order of the report. */
    Map<String, Supplier<List<Swarm>>> all() {
        Map<String, Supplier<List<Swarm>>> all = new LinkedHashMap<>();
        all.put("login", this::login);
        all.put("discovery", this::discovery);
        all.put("silent", this::silent);
        all.put("sessions", this::sessions);
        all.put("slow-readers", this::slowReaders);
        all.put("held", this::held);
        all.put("long", this::longCommands);
        all.put("unit", this::unit);
        all.put("rest", this::rest);
        return all;
    }

    private Crowd crowd(Plan plan, Greeting greeting, Crowd.Habit habit) {
        return new Crowd(san.port(), plan, greeting, habit);
    }

    private static KeyValue key(String key, String value) {
        return new KeyValue(key, value);
    }

    private static byte[] normal(int number) {
        return HostilePeer.bytes(HostilePeer.login(
                number,
                true,
                false,
                key("InitiatorName", HostileSan.BAD_INITIATOR),
                key("TargetName", HostileSan.target("bad")),
                key("SessionType", "Normal"),
                key("MaxRecvDataSegmentLength", "" + READ_BYTES)));
    }

    private static byte[] discovering(int number) {
        return HostilePeer.bytes(HostilePeer.login(
                number, true, false, key("InitiatorName", HostileSan.BAD_INITIATOR), key("SessionType", "Discovery")));
    }

    /** A CDB of 16 bytes with an LBA of 8 and a count of 4. */
    private static byte[] cdb(byte opcode, long lba, int blocks) {
        return ByteBuffer.allocate(16)
                .put(0, opcode)
                .putLong(2, lba)
                .putInt(10, blocks)
                .array();
    }

    /** The same again and again, as fast as all may. */
    private Crowd.Habit endless(byte[] request, boolean reads) {
        return peer -> {
            if (reads) {
                peer.drain(READ_BYTES);
            }
            while (peer.flushed() && pace.one()) {
                peer.offer(request);
            }
        };
    }

    /** Login requests that say that the text goes on and bring none of it; answers are not read. */
    private List<Swarm> login() {
        byte[] request = HostilePeer.bytes(HostilePeer.login(1, false, true));
        return List.of(new Crowd(san.port(), new Plan(8, 200, 20_000, 1, 0), null, endless(request, false)));
    }

    /** Texts that go on for ever, SendTargets without end, and pings with data; read by some and not by others. */
    private List<Swarm> discovery() {
        Plan plan = new Plan(4, 50, 20_000, 1, 0);
        Pdu text = new Pdu.TextRequest(
                true, false, true, 0, 1, Pdu.NO_TAG, 1, 1, Text.build(List.of(key("SendTargets", "All"))));
        Pdu sendTargets = new Pdu.TextRequest(
                true, true, false, 0, 1, Pdu.NO_TAG, 1, 1, Text.build(List.of(key("SendTargets", "All"))));
        Pdu ping = new Pdu.NopOut(true, 0, 1, Pdu.NO_TAG, 1, 1, Unpooled.wrappedBuffer(new byte[KIB]));
        byte[] texts = HostilePeer.bytes(text);
        byte[] targets = HostilePeer.bytes(sendTargets);
        byte[] pings = HostilePeer.bytes(ping);
        return List.of(
                crowd(plan, Attacks::discovering, endless(texts, false)),
                crowd(plan, Attacks::discovering, endless(targets, true)),
                crowd(plan, Attacks::discovering, endless(targets, false)),
                crowd(plan, Attacks::discovering, endless(pings, true)),
                crowd(plan, Attacks::discovering, endless(pings, false)));
    }

    /** As many connections as may log in at once, which send a byte or none. */
    private List<Swarm> silent() {
        return List.of(new Crowd(san.port(), new Plan(512, 400, 5_000, 50, 0), null, peer -> {
            if (peer.number % 2 == 0 && peer.requests() == 0) {
                peer.offer(ONE_BYTE);
            }
            peer.drain(KIB);
        }));
    }

    /** Discovery sessions that last a moment, and as many sessions as it gets. */
    private List<Swarm> sessions() {
        Crowd passing = crowd(new Plan(64, 300, 100, 10, 0), Attacks::discovering, peer -> peer.drain(KIB));
        Crowd staying = crowd(new Plan(2_500, 400, 60_000, 200, 0), Attacks::normal, peer -> peer.drain(KIB));
        return List.of(passing, staying);
    }

    /** A hundred sessions that take their reads slowly, and forty that do not take them at all. */
    private List<Swarm> slowReaders() {
        byte[] cdb = cdb(READ_16, 0, READ_BYTES / BLOCK);
        Crowd slow = crowd(new Plan(100, 100, 60_000, SLOW_STEP_MILLIS, 64 * KIB), Attacks::normal, peer -> {
            peer.drain(SLOW_BYTES_PER_SECOND * SLOW_STEP_MILLIS / 1000);
            int answered = (int) (peer.drained / ANSWERED_BYTES);
            peer.expStatSn = Math.max(peer.expStatSn, answered);
            while (peer.sentCommands() - answered < 32 && peer.flushed() && pace.one()) {
                peer.offer(HostilePeer.bytes(peer.command(true, READ_BYTES, cdb, NO_DATA)));
            }
        });
        Crowd none = crowd(new Plan(40, 40, 25_000, SLOW_STEP_MILLIS, 64 * KIB), Attacks::normal, peer -> {
            while (peer.sentCommands() < 32 && peer.flushed() && pace.one()) {
                peer.offer(HostilePeer.bytes(peer.command(true, READ_BYTES, cdb, NO_DATA)));
            }
        });
        return List.of(slow, none);
    }

    /** Writes that a target has to hold: ahead of ExpCmdSN with their data, as long as a length can be, and without their data. */
    private List<Swarm> held() {
        Plan plan = new Plan(16, 50, 25_000, 50, 0);
        int bytes = 64 * KIB;
        byte[] data = new byte[bytes];
        Crowd ahead = crowd(plan, Attacks::normal, peer -> {
            if (peer.sentCommands() == 0) {
                peer.skipCmdSn();
            }
            while (peer.sentCommands() < 32 && peer.flushed() && pace.one()) {
                peer.offer(HostilePeer.bytes(peer.command(false, bytes, cdb(WRITE_16, 0, bytes / BLOCK), data)));
            }
            peer.drain(READ_BYTES);
        });
        Crowd longest = crowd(plan, Attacks::normal, peer -> {
            if (peer.sentCommands() == 0) {
                peer.offer(HostilePeer.bytes(peer.command(false, -1, cdb(WRITE_16, 0, 0x7fffff), NO_DATA)));
            }
            peer.drain(READ_BYTES);
        });
        Crowd neverSent = crowd(plan, Attacks::normal, peer -> {
            while (peer.sentCommands() < 100 && peer.flushed() && pace.one()) {
                byte[] cdb = cdb(WRITE_16, 0, READ_BYTES / BLOCK);
                peer.offer(HostilePeer.bytes(peer.command(false, READ_BYTES, cdb, NO_DATA)));
            }
            peer.drain(READ_BYTES);
        });
        return List.of(ahead, longest, neverSent);
    }

    /** Commands that keep units busy for long, one after the other in each of many sessions. */
    private List<Swarm> longCommands() {
        int lun = (int) (HostileSan.VOLUME_BYTES / BLOCK);
        byte[] verify = cdb(VERIFY_16, 0, lun);
        Crowd verifying = crowd(new Plan(120, 100, 60_000, 20, 0), Attacks::normal, oneByOne(0, verify, NO_DATA));
        // As many blocks as the target takes in one command.
        byte[] same = cdb(WRITE_SAME_16, 0, Math.min(lun, 62 * KIB));
        Crowd writing =
                crowd(new Plan(40, 100, 60_000, 20, 0), Attacks::normal, oneByOne(BLOCK, same, new byte[BLOCK]));
        return List.of(verifying, writing);
    }

    private Crowd.Habit oneByOne(int length, byte[] cdb, byte[] data) {
        return peer -> {
            long before = peer.drained;
            peer.drain(READ_BYTES);
            if ((peer.sentCommands() == 0 || peer.drained > before) && peer.flushed() && pace.one()) {
                peer.expStatSn += peer.drained > before ? 1 : 0;
                peer.offer(HostilePeer.bytes(peer.command(false, length, cdb, data)));
            }
        };
    }

    private List<Swarm> unit() {
        return List.of(new FakeUnit(san.fakeUnitPort(), pace));
    }

    /** Bodies that do not end at the route that needs no token, and TLS handshakes that do not begin. */
    private List<Swarm> rest() {
        Path certificate = san.certificate();
        Crowd handshakes = new Crowd(san.management(), new Plan(64, 50, 60_000, 500, 0), null, peer -> {
            peer.drain(KIB);
            // Handshake, TLS 1.2, 512 bytes to come; a byte each time.
            byte[] hello = {0x16, 0x03, 0x03, 0x02, 0x00, 0x01};
            peer.offer(new byte[] {hello[(int) Math.min(hello.length - 1, peer.requests())]});
        });
        return List.of(new SlowBodies(san.management(), certificate), handshakes);
    }
}
