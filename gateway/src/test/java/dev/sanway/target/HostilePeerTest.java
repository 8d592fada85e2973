package dev.sanway.target;

import static dev.sanway.target.TargetFixture.HOST_A;
import static dev.sanway.target.TargetFixture.HOST_C;
import static dev.sanway.target.TargetFixture.TARGET_A;
import static dev.sanway.target.TargetFixture.TARGET_C;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.LoginStatus;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a peer does wrong is its own affair: bounded, ended, and nobody else's. Everything is small, by small bounds. */
class HostilePeerTest {

    private static final int MIB = 1 << 20;
    private static final int TASK_SET_FULL = 0x28;
    private static final int CHECK_CONDITION = 2;
    private static final Isid OTHER_ISID = new Isid(0x800000_000009L);

    /** More than the kernel holds for a loopback connection, with room to spare. */
    private static final long MORE_THAN_THE_KERNEL_HOLDS = 48L * MIB;

    private TargetFixture target = new TargetFixture(TargetLimits.defaults());

    HostilePeerTest() throws IOException {}

    private void serve(TargetLimits limits) throws IOException {
        target.close();
        target = new TargetFixture(limits);
    }

    @AfterEach
    void stop() {
        target.close();
    }

    private static byte[] bytes(Pdu pdu) {
        ByteBuf all = Unpooled.buffer();
        PduEncoder.encode(pdu, false, false, UnpooledByteBufAllocator.DEFAULT, part -> {
            all.writeBytes(part);
            part.release();
        });
        byte[] bytes = new byte[all.readableBytes()];
        all.readBytes(bytes);
        return bytes;
    }

    private SocketChannel socket() throws IOException {
        SocketChannel channel = SocketChannel.open();
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 64 << 10);
        channel.setOption(StandardSocketOptions.SO_SNDBUF, 64 << 10);
        channel.connect(target.server.addresses().getFirst());
        channel.configureBlocking(false);
        return channel;
    }

    /** Writes the same again and again, reading nothing, until the target takes no more for a while; how many bytes it took. */
    private static long push(SocketChannel channel, byte[] again, long atMost) throws Exception {
        ByteBuffer block = ByteBuffer.allocate(Math.max(1, (256 << 10) / again.length) * again.length);
        while (block.remaining() >= again.length) {
            block.put(again);
        }
        block.flip();
        long taken = 0;
        long since = System.nanoTime();
        while (taken < atMost && System.nanoTime() - since < 1_000_000_000L) {
            int count;
            try {
                count = channel.write(block);
            } catch (IOException closed) {
                return taken;
            }
            if (count > 0) {
                taken += count;
                since = System.nanoTime();
            } else {
                Thread.onSpinWait();
            }
            if (!block.hasRemaining()) {
                block.rewind();
            }
        }
        return taken;
    }

    private static Pdu.LoginRequest loginRequest(boolean transit, boolean continues, ByteBuf text) {
        return new Pdu.LoginRequest(
                transit, continues, 1, transit ? 3 : 0, 0, 0, new Isid(0x800000_000001L), 0, 0, 0, 1, 1, text);
    }

    private WireInitiator login(String targetName, String initiator, Isid isid, String... more) {
        WireInitiator host = target.connect();
        List<String> keys = new ArrayList<>(List.of("InitiatorName=" + initiator, "TargetName=" + targetName));
        keys.addAll(List.of(more));
        Pdu.LoginResponse response = host.login(isid, 0, 1, 3, true, keys.toArray(new String[0]));
        assertThat(response.statusClass()).isZero();
        response.release();
        return host;
    }

    private static int[] cdb(int opcode, int lba, int blocks) {
        return new int[] {opcode, 0, lba >>> 24, lba >>> 16, lba >>> 8, lba, 0, blocks >>> 8, blocks, 0};
    }

    private static void read(WireInitiator host, int blocks) {
        host.send(host.command(true, true, false, blocks * 512, Unpooled.EMPTY_BUFFER, cdb(0x28, 0, blocks)));
    }

    private static void expectRead(WireInitiator host) {
        Pdu.DataIn in;
        do {
            in = host.expect(Pdu.DataIn.class);
            in.release();
        } while (!in.hasStatus());
        assertThat(in.status()).isZero();
    }

    private void awaitNothingHeld() {
        Awaitility.await()
                .untilAsserted(() -> assertThat(target.server.heldBytes()).isZero());
    }

    // ---- before login

    @Test
    void loginRequestsWithoutEndAreRefused() throws Exception {
        try (WireInitiator host = target.connect()) {
            host.send(loginRequest(false, true, Unpooled.EMPTY_BUFFER));
            int answers = 0;
            Pdu.LoginResponse last = host.expect(Pdu.LoginResponse.class);
            while (last.statusClass() == 0 && answers < 500) {
                answers++;
                host.send(loginRequest(false, true, Unpooled.EMPTY_BUFFER));
                last = host.expect(Pdu.LoginResponse.class);
            }
            assertThat(answers).isEqualTo(TargetLimits.defaults().loginRequests());
            assertThat(last.statusClass()).isEqualTo(LoginStatus.INITIATOR_ERROR.statusClass());
            assertThat(last.statusDetail()).isEqualTo(LoginStatus.INITIATOR_ERROR.statusDetail());
            assertThat(host.next()).isNull();
        }
    }

    @Test
    void aLoginTextWithoutEndIsRefused() throws Exception {
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse last = null;
            for (int i = 0; i < 5 && (last == null || last.statusClass() == 0); i++) {
                host.send(loginRequest(false, true, Unpooled.buffer().writeZero(8192)));
                last = host.expect(Pdu.LoginResponse.class);
            }
            assertThat(last).isNotNull();
            assertThat(last.statusClass()).isEqualTo(2);
        }
    }

    @Test
    void aLongLoginAnswerComesInPdusOfEightKibibytes() throws Exception {
        try (WireInitiator host = target.connect()) {
            StringBuilder text = new StringBuilder("InitiatorName=" + HOST_A + "\0TargetName=" + TARGET_A + "\0");
            int unknown = 1200;
            for (int i = 0; i < unknown; i++) {
                text.append("X-%03d=a\0".formatted(i));
            }
            byte[] all = text.toString().getBytes(StandardCharsets.US_ASCII);
            host.send(loginRequest(false, true, Unpooled.copiedBuffer(all, 0, 8000)));
            host.expect(Pdu.LoginResponse.class).release();
            host.send(loginRequest(true, false, Unpooled.copiedBuffer(all, 8000, all.length - 8000)));
            ByteBuf answer = Unpooled.buffer();
            int pdus = 0;
            Pdu.LoginResponse part = host.expect(Pdu.LoginResponse.class);
            while (true) {
                pdus++;
                assertThat(part.data().readableBytes()).isLessThanOrEqualTo(8192);
                answer.writeBytes(part.data());
                if (!part.continues()) {
                    break;
                }
                assertThat(part.transit()).as("not before the answer is whole").isFalse();
                host.send(loginRequest(true, false, Unpooled.EMPTY_BUFFER));
                part = host.expect(Pdu.LoginResponse.class);
            }
            assertThat(part.transit()).isTrue();
            assertThat(part.tsih()).isNotZero();
            assertThat(pdus).isGreaterThan(1);
            assertThat(answer.toString(StandardCharsets.US_ASCII).split("NotUnderstood", -1))
                    .hasSize(unknown + 1);
        }
    }

    @Test
    void whatIsNoLoginIsClosedAtOnce() throws Exception {
        for (byte[] first :
                List.of("GET / HTTP/1.1\r\n".getBytes(StandardCharsets.US_ASCII), new byte[] {0x16, 3, 1})) {
            try (WireInitiator stranger = target.connect()) {
                stranger.channel.writeAndFlush(Unpooled.wrappedBuffer(first)).sync();
                long since = System.nanoTime();
                assertThat(stranger.next()).isNull();
                assertThat(System.nanoTime() - since).isLessThan(5_000_000_000L);
            }
        }
    }

    @Test
    void silentConnectionsKeepNobodyOut() throws Exception {
        serve(TargetLimits.defaults().withConnections(64, 8, 8));
        List<WireInitiator> silent = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            silent.add(target.connect());
        }
        try (WireInitiator host = login(TARGET_A, HOST_A, OTHER_ISID)) {
            read(host, 1);
            expectRead(host);
        }
        assertThat(target.server.connectionsInLogin()).isLessThanOrEqualTo(8);
        silent.forEach(WireInitiator::close);
        Awaitility.await()
                .untilAsserted(
                        () -> assertThat(target.server.connectionsInLogin()).isZero());
    }

    // ---- discovery

    private WireInitiator discovery() {
        WireInitiator host = target.connect();
        host.login(1, 3, true, "InitiatorName=" + HOST_A, "SessionType=Discovery")
                .release();
        return host;
    }

    @Test
    void whoDoesNotReadInDiscoveryIsNotAnswered() throws Exception {
        byte[] login = bytes(
                loginRequest(true, false, WireInitiator.text("InitiatorName=" + HOST_A, "SessionType=Discovery")));
        byte[] ping = bytes(
                new Pdu.NopOut(true, 0, 7, Pdu.NO_TAG, 1, 1, Unpooled.buffer().writeZero(8192)));
        try (SocketChannel stranger = socket()) {
            stranger.write(ByteBuffer.wrap(login));
            Awaitility.await().until(() -> target.server.discoverySessions() == 1);
            assertThat(push(stranger, ping, MORE_THAN_THE_KERNEL_HOLDS)).isLessThan(MORE_THAN_THE_KERNEL_HOLDS);
        }
    }

    @Test
    void pingDataInDiscoveryAreCutToWhatTheInitiatorTakes() throws Exception {
        try (WireInitiator host = target.connect()) {
            host.login(1, 3, true, "InitiatorName=" + HOST_A, "SessionType=Discovery", "MaxRecvDataSegmentLength=512")
                    .release();
            host.send(new Pdu.NopOut(
                    true, 0, 7, Pdu.NO_TAG, 1, 1, Unpooled.buffer().writeZero(4096)));
            assertThat(host.expect(Pdu.NopIn.class).data().readableBytes()).isEqualTo(512);
        }
    }

    @Test
    void discoverySessionsAreSharedByAddressAndEnd() throws Exception {
        serve(TargetLimits.defaults().withConnections(64, 64, 8).withLoginTimes(15_000, 700));
        List<WireInitiator> all = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            all.add(target.connect());
            all.getLast()
                    .send(loginRequest(
                            true, false, WireInitiator.text("InitiatorName=" + HOST_A, "SessionType=Discovery")));
            all.getLast().next();
        }
        assertThat(target.server.discoverySessions()).isLessThanOrEqualTo(4);
        Awaitility.await()
                .atMost(Duration.ofSeconds(5))
                .untilAsserted(
                        () -> assertThat(target.server.discoverySessions()).isZero());
        all.forEach(WireInitiator::close);
    }

    @Test
    void whatIsUnknownInDiscoveryIsNotUnderstood() throws Exception {
        try (WireInitiator host = discovery()) {
            host.send(new Pdu.TextRequest(
                    false, true, false, 0, 1, Pdu.NO_TAG, host.cmdSn, 1, WireInitiator.text("X-nobody.knows=1")));
            Pdu.TextResponse answer = host.expect(Pdu.TextResponse.class);
            assertThat(WireInitiator.value(answer, "X-nobody.knows")).isEqualTo("NotUnderstood");
        }
    }

    // ---- sessions

    @Test
    void oneHostsSessionsLeavePlacesForAnother() throws Exception {
        serve(TargetLimits.defaults().withConnections(6, 64, 8));
        List<WireInitiator> all = new ArrayList<>();
        int in = 0;
        for (int i = 0; i < 6; i++) {
            WireInitiator one = target.connect();
            all.add(one);
            Pdu.LoginResponse response =
                    one.login(new Isid(i), 0, 1, 3, true, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A);
            in += response.statusClass() == 0 ? 1 : 0;
            if (response.statusClass() != 0) {
                assertThat(response.statusClass()).isEqualTo(LoginStatus.OUT_OF_RESOURCES.statusClass());
            }
        }
        assertThat(in).isEqualTo(3);
        login(TARGET_C, HOST_C, OTHER_ISID).close();
        all.forEach(WireInitiator::close);
        Awaitility.await().until(() -> target.server.sessions().isEmpty());
        login(TARGET_A, HOST_A, OTHER_ISID).close();
    }

    @Test
    void whoDoesNotReadItsPingsIsNotAnsweredAnyMore() throws Exception {
        byte[] ping = bytes(
                new Pdu.NopOut(true, 0, 7, Pdu.NO_TAG, 1, 1, Unpooled.buffer().writeZero(32 << 10)));
        byte[] login = bytes(
                loginRequest(true, false, WireInitiator.text("InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)));
        try (SocketChannel bad = socket();
                WireInitiator good = login(TARGET_C, HOST_C, OTHER_ISID)) {
            bad.write(ByteBuffer.wrap(login));
            Awaitility.await().until(() -> target.server.sessions().size() == 2);
            assertThat(push(bad, ping, MORE_THAN_THE_KERNEL_HOLDS)).isLessThan(MORE_THAN_THE_KERNEL_HOLDS);
            read(good, 512);
            expectRead(good);
        }
        awaitNothingHeld();
    }

    @Test
    void slowReadersHoldTheirOwnPartUntilTheSocketHasTakenIt() throws Exception {
        long limit = 4 * MIB;
        serve(TargetLimits.defaults().withBytes(MIB, limit));
        List<WireInitiator> slow = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            WireInitiator one = login(TARGET_A, HOST_A, new Isid(100 + i));
            slow.add(one);
            one.channel.config().setAutoRead(false);
            for (int command = 0; command < 55; command++) {
                read(one, 512);
            }
        }
        Awaitility.await().during(Duration.ofMillis(300)).until(() -> target.server.heldBytes() >= MIB);
        HostLoad load = target.server.hostLoads().getFirst();
        assertThat(load.heldBytes()).isBetween(1L * MIB, limit / 2 + MIB / 2);
        assertThat(load.waits()).isPositive();
        try (WireInitiator good = login(TARGET_C, HOST_C, OTHER_ISID)) {
            for (int i = 0; i < 20; i++) {
                read(good, 512);
                expectRead(good);
            }
        }
        slow.forEach(one -> one.channel.config().setAutoRead(true));
        for (WireInitiator one : slow) {
            for (int command = 0; command < 55; command++) {
                expectRead(one);
            }
        }
        awaitNothingHeld();
        slow.forEach(WireInitiator::close);
    }

    @Test
    void dataThatCameUnaskedAreRefusedBeyondTheHostsPart() throws Exception {
        serve(TargetLimits.defaults().withBytes(MIB, 4 * MIB));
        // Nothing of this host is at work: its reads wait for a reader.
        try (WireInitiator bad = login(TARGET_A, HOST_A, OTHER_ISID);
                WireInitiator good = login(TARGET_C, HOST_C, OTHER_ISID)) {
            bad.channel.config().setAutoRead(false);
            for (int i = 0; i < 60; i++) {
                read(bad, 512);
            }
            for (int i = 0; i < 60; i++) {
                ByteBuf data = Unpooled.buffer().writeZero(64 << 10);
                bad.send(bad.command(true, false, true, 64 << 10, data, cdb(0x2a, 0, 128)));
            }
            Awaitility.await().until(() -> target.server.hostLoads().stream().anyMatch(load -> load.refusals() > 0));
            assertThat(target.server.heldBytes()).isLessThanOrEqualTo(4 * MIB);
            read(good, 512);
            expectRead(good);
            bad.channel.config().setAutoRead(true);
            int full = 0;
            for (int ended = 0; ended < 120; ) {
                Pdu pdu = bad.next();
                if (pdu instanceof Pdu.ScsiResponsePdu response) {
                    full += response.status() == TASK_SET_FULL ? 1 : 0;
                    ended++;
                } else if (pdu instanceof Pdu.DataIn in && in.hasStatus()) {
                    ended++;
                }
                if (pdu != null) {
                    pdu.release();
                }
            }
            assertThat(full).isPositive();
        }
        awaitNothingHeld();
    }

    @Test
    void dataAheadOfTheCommandThatIsDueAreCountedAndEndTheSessionBeyondItsPart() throws Exception {
        serve(TargetLimits.defaults().withBytes(MIB, 4 * MIB));
        try (WireInitiator bad = login(TARGET_A, HOST_A, OTHER_ISID)) {
            bad.cmdSn++;
            bad.send(
                    bad.command(true, false, true, 64 << 10, Unpooled.buffer().writeZero(64 << 10), cdb(0x2a, 0, 128)));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(target.server.heldBytes()).isGreaterThanOrEqualTo(64 << 10));
            for (int i = 0; i < 60 && bad.channel.isActive(); i++) {
                bad.channel
                        .writeAndFlush(bad.command(
                                true, false, true, 64 << 10, Unpooled.buffer().writeZero(64 << 10), cdb(0x2a, 0, 128)))
                        .await();
            }
            assertThat(bad.next()).isNull();
        }
        awaitNothingHeld();
    }

    @Test
    void aCommandThatExpectsTwoGibibytesHoldsNobodyUp() throws Exception {
        try (WireInitiator bad = login(TARGET_A, HOST_A, OTHER_ISID, "ImmediateData=No", "InitialR2T=Yes");
                WireInitiator good = login(TARGET_C, HOST_C, OTHER_ISID)) {
            bad.send(bad.command(true, false, true, -1, Unpooled.EMPTY_BUFFER, cdb(0x2a, 0, 1)));
            bad.expect(Pdu.ReadyToTransfer.class);
            assertThat(target.server.heldBytes()).isLessThanOrEqualTo(17 * MIB);
            for (int i = 0; i < 8; i++) {
                read(good, 2048);
            }
            for (int i = 0; i < 8; i++) {
                expectRead(good);
            }
        }
        awaitNothingHeld();
    }

    @Test
    void dataThatDoNotComeEndTheirCommand() throws Exception {
        serve(TargetLimits.defaults().withPatience(15_000, 10_000, 200));
        try (WireInitiator bad = login(TARGET_A, HOST_A, OTHER_ISID, "ImmediateData=No", "InitialR2T=Yes")) {
            bad.send(bad.command(true, false, true, 4096, Unpooled.EMPTY_BUFFER, cdb(0x2a, 0, 8)));
            bad.expect(Pdu.ReadyToTransfer.class);
            Pdu.ScsiResponsePdu response = bad.expect(Pdu.ScsiResponsePdu.class);
            assertThat(response.status()).isEqualTo(CHECK_CONDITION);
            // Fixed-format sense data behind their length: ABORTED COMMAND, INITIATOR RESPONSE TIMEOUT.
            ByteBuf sense = response.data();
            assertThat(sense.getByte(2 + 2) & 0xf).isEqualTo(0xb);
            assertThat(sense.getUnsignedShort(2 + 12)).isEqualTo(0x4b06);
            assertThat(target.server.sessions()).hasSize(1);
        }
        awaitNothingHeld();
    }

    @Test
    void aPduThatNeverEndsIsCounted() throws Exception {
        try (WireInitiator bad = login(TARGET_A, HOST_A, OTHER_ISID)) {
            byte[] whole = bytes(
                    bad.command(true, false, true, 200_000, Unpooled.buffer().writeZero(200_000), cdb(0x2a, 0, 390)));
            bad.channel.writeAndFlush(Unpooled.wrappedBuffer(whole, 0, 150_000)).sync();
            Awaitility.await()
                    .untilAsserted(() -> assertThat(target.server.heldBytes()).isBetween(140_000L, 160_000L));
        }
        awaitNothingHeld();
    }

    @Test
    void whoSaysGoodbyeWithoutReadingIsGone() throws Exception {
        byte[] ping = bytes(new Pdu.NopOut(true, 0, 7, Pdu.NO_TAG, 1, 1, Unpooled.EMPTY_BUFFER));
        byte[] login = bytes(
                loginRequest(true, false, WireInitiator.text("InitiatorName=" + HOST_A, "TargetName=" + TARGET_A)));
        try (SocketChannel bad = socket()) {
            bad.write(ByteBuffer.wrap(login));
            Awaitility.await().until(() -> target.server.sessions().size() == 1);
            push(bad, ping, MORE_THAN_THE_KERNEL_HOLDS);
            // Now some transports hand over all that is queued, whether it was asked for or not.
            bad.shutdownOutput();
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> {
                drain(bad);
                return target.server.sessions().isEmpty();
            });
        }
        awaitNothingHeld();
    }

    private static void drain(SocketChannel channel) {
        try {
            ByteBuffer some = ByteBuffer.allocate(1 << 20);
            channel.read(some);
        } catch (IOException closed) {
            // That is what is waited for.
        }
    }

    @Test
    void aSegmentLengthOutOfRangeIsAnsweredOnce() throws Exception {
        try (WireInitiator host = target.connect()) {
            Pdu.LoginResponse response = host.login(
                    1, 3, true, "InitiatorName=" + HOST_A, "TargetName=" + TARGET_A, "MaxRecvDataSegmentLength=17");
            assertThat(response.statusClass()).isZero();
            String text = response.data().toString(StandardCharsets.US_ASCII);
            assertThat(text.split("MaxRecvDataSegmentLength=", -1)).hasSize(2);
            assertThat(text).contains("MaxRecvDataSegmentLength=Reject");
        }
    }
}
