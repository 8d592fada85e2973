package dev.sanway.initiator;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Pdu.ResidualKind;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.TextKey;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.CapacityData;
import dev.sanway.scsi.Designator;
import dev.sanway.scsi.InquiryData;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.scsi.VpdPage;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A small unit whose misbehaviour a test scripts: it logs initiators in, keeps one disk in memory and asks its script before
 * it carries out a command. Everything happens on its own loop; what a test may look at meanwhile is volatile or concurrent.
 */
final class ScriptedUnit implements AutoCloseable {
    static final int BLOCKS = 8192;

    /** Decides about a command; true: it was dealt with. */
    @FunctionalInterface
    interface Script {
        boolean command(Connection connection, Pdu.ScsiCommandPdu command);
    }

    /** Every command in the order of arrival, by opcode; a login stands as -1. */
    final List<Integer> seen = new CopyOnWriteArrayList<>();

    /** What our initiator did against the protocol; empty, one hopes. */
    final List<Throwable> problems = new CopyOnWriteArrayList<>();

    final List<Connection> connections = new CopyOnWriteArrayList<>();
    volatile Script script = (connection, command) -> false;
    volatile int window = 32;
    volatile int mostAtOnce;
    volatile int blocks = BLOCKS;
    volatile @Nullable UUID bootId;
    volatile boolean answersAborts = true;
    volatile int abortResponse;
    volatile boolean powerOnAttention = true;
    volatile String vendor = "SCRIPT";
    volatile int deviceType;
    volatile boolean volatileCache = true;
    volatile boolean forceUnitAccess = true;
    volatile boolean synchronizes = true;
    volatile boolean unmaps;
    /** Shown as device identification, if any. */
    volatile byte @Nullable [] naa;

    /** Where logins are sent on to, with this detail; null: they are served. */
    volatile @Nullable String redirectTo;

    volatile int redirectDetail = 1;
    /** Logins that were sent on. */
    final AtomicInteger redirected = new AtomicInteger();

    final byte[] disk = new byte[BLOCKS * 512];

    private final Channel server;

    ScriptedUnit(EventLoop loop) throws Exception {
        server = new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        PduDecoder decoder = new PduDecoder(Direction.TO_TARGET, 262144);
                        PduEncoder encoder = new PduEncoder();
                        Connection connection = new Connection(channel, decoder, encoder);
                        connections.add(connection);
                        channel.pipeline().addLast(decoder, encoder, connection);
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .sync()
                .channel();
    }

    int port() {
        return ((InetSocketAddress) server.localAddress()).getPort();
    }

    Connection latest() {
        return connections.getLast();
    }

    int logins() {
        return (int) seen.stream().filter(opcode -> opcode == -1).count();
    }

    @Override
    public void close() {
        server.close().syncUninterruptibly();
        for (Connection connection : connections) {
            connection.channel.close().syncUninterruptibly();
        }
    }

    /** One initiator's connection. */
    final class Connection extends ChannelInboundHandlerAdapter {
        final Channel channel;
        private final PduDecoder decoder;
        private final PduEncoder encoder;
        private final Negotiation negotiation =
                new Negotiation(Negotiation.Role.TARGET, NegotiationWishes.target(), false);
        private final Map<Integer, Pdu.ScsiCommandPdu> writes = new HashMap<>();
        private final Map<Integer, byte[]> gathered = new HashMap<>();
        private final List<SenseData> attentions = new ArrayList<>();
        final List<Pdu> received = new CopyOnWriteArrayList<>();
        int statSn = 100;
        private int expCmdSn;
        private int outstanding;

        Connection(Channel channel, PduDecoder decoder, PduEncoder encoder) {
            this.channel = channel;
            this.decoder = decoder;
            this.encoder = encoder;
            if (powerOnAttention) {
                attentions.add(SenseData.of(SenseKey.UNIT_ATTENTION, AdditionalSense.POWER_ON_RESET_OR_BUS_RESET));
            }
        }

        /** From now on, so that the next command meets it. */
        void attention(AdditionalSense sense) {
            channel.eventLoop()
                    .submit(() -> attentions.add(SenseData.of(SenseKey.UNIT_ATTENTION, sense)))
                    .syncUninterruptibly();
        }

        void send(Pdu pdu) {
            channel.writeAndFlush(pdu);
        }

        int expCmdSn() {
            return expCmdSn;
        }

        int maxCmdSn() {
            // What is outstanding occupies its places in the window.
            return expCmdSn + window - outstanding - 1;
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (!(cause instanceof java.io.IOException)) {
                problems.add(cause);
            }
            ctx.close();
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (!(message instanceof DecodeResult.Decoded decoded)) {
                throw new IllegalStateException("our initiator sent " + message);
            }
            Pdu pdu = decoded.pdu();
            received.add(pdu);
            if (pdu instanceof Pdu.NumberedRequest numbered && !(pdu instanceof Pdu.LoginRequest)) {
                if (numbered.immediate() ? numbered.cmdSn() != expCmdSn : numbered.cmdSn() != expCmdSn++) {
                    throw new IllegalStateException("CmdSN " + numbered.cmdSn());
                }
            }
            switch (pdu) {
                case Pdu.LoginRequest login -> login(login);
                case Pdu.ScsiCommandPdu command -> command(command);
                case Pdu.DataOut data -> dataOut(data);
                case Pdu.NopOut nop -> {
                    if (nop.initiatorTaskTag() != Pdu.NO_TAG) {
                        send(new Pdu.NopIn(
                                0,
                                nop.initiatorTaskTag(),
                                Pdu.NO_TAG,
                                statSn++,
                                expCmdSn,
                                maxCmdSn(),
                                Unpooled.EMPTY_BUFFER));
                    }
                    nop.release();
                }
                case Pdu.TaskManagementRequest request -> {
                    if (answersAborts) {
                        if (abortResponse == 0) {
                            outstanding--;
                        }
                        send(new Pdu.TaskManagementResponse(
                                abortResponse, request.initiatorTaskTag(), statSn++, expCmdSn, maxCmdSn()));
                    }
                }
                case Pdu.LogoutRequest logout -> {
                    send(new Pdu.LogoutResponse(0, logout.initiatorTaskTag(), statSn++, expCmdSn, maxCmdSn(), 0, 0));
                    channel.close();
                }
                default -> pdu.release();
            }
        }

        private void login(Pdu.LoginRequest login) {
            Text.Parsed text = (Text.Parsed) Text.parse(login.data());
            login.release();
            expCmdSn = login.cmdSn();
            String elsewhere = redirectTo;
            if (elsewhere != null) {
                redirected.incrementAndGet();
                redirect(login, elsewhere);
                return;
            }
            LoginStage stage = java.util.Objects.requireNonNull(LoginStage.of(login.currentStage()));
            Negotiation.Answered answered = (Negotiation.Answered) negotiation.receive(text.pairs(), stage);
            List<KeyValue> answers = new ArrayList<>(answered.answers());
            if (stage == LoginStage.SECURITY) {
                answers.add(TextKey.AUTH_METHOD.with("None"));
            }
            send(new Pdu.LoginResponse(
                    login.transit(),
                    false,
                    login.currentStage(),
                    login.nextStage(),
                    0,
                    0,
                    login.isid(),
                    7,
                    login.initiatorTaskTag(),
                    statSn++,
                    expCmdSn,
                    maxCmdSn(),
                    0,
                    0,
                    Text.build(answers)));
            if (login.transit() && login.nextStage() == LoginStage.FULL_FEATURE.code()) {
                seen.add(-1);
                decoder.setDigests(
                        negotiation.connection().headerDigest(),
                        negotiation.connection().dataDigest());
                encoder.setDigests(
                        negotiation.connection().headerDigest(),
                        negotiation.connection().dataDigest());
            }
        }

        private void redirect(Pdu.LoginRequest login, String to) {
            send(new Pdu.LoginResponse(
                    false,
                    false,
                    login.currentStage(),
                    0,
                    0,
                    0,
                    login.isid(),
                    0,
                    login.initiatorTaskTag(),
                    statSn++,
                    expCmdSn,
                    maxCmdSn(),
                    1,
                    redirectDetail,
                    Text.build(List.of(TextKey.TARGET_ADDRESS.with(to)))));
        }

        private void command(Pdu.ScsiCommandPdu command) {
            seen.add(command.cdb()[0] & 0xff);
            outstanding++;
            mostAtOnce = Math.max(mostAtOnce, outstanding);
            if (outstanding > window) {
                throw new IllegalStateException("beyond the command window");
            }
            if (script.command(this, command)) {
                command.release();
            } else {
                carryOut(command);
            }
        }

        /** Does what a disk does; consumes the command. */
        void carryOut(Pdu.ScsiCommandPdu command) {
            byte[] cdb = command.cdb();
            int opcode = cdb[0] & 0xff;
            boolean quiet = opcode == Opcode.INQUIRY || opcode == Opcode.REPORT_LUNS;
            if (!attentions.isEmpty() && !quiet) {
                command.release();
                check(command, attentions.removeFirst());
                return;
            }
            switch (opcode) {
                case Opcode.SYNCHRONIZE_CACHE_16, Opcode.SYNCHRONIZE_CACHE_10 -> {
                    if (synchronizes) {
                        good(command);
                    } else {
                        check(command, SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE));
                    }
                }
                case Opcode.TEST_UNIT_READY, Opcode.UNMAP -> good(command);
                case Opcode.INQUIRY -> data(command, inquiry(cdb));
                case Opcode.SERVICE_ACTION_IN_16 ->
                    data(command, new CapacityData(blocks - 1L, 512, false, 3, 0, false, false).encode16());
                case Opcode.MODE_SENSE_6 ->
                    data(command, new byte[] {
                        15,
                        0,
                        (byte) (forceUnitAccess ? 0x10 : 0),
                        0,
                        8,
                        10,
                        (byte) (volatileCache ? 4 : 0),
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0
                    });
                case Opcode.READ_16 -> read(command);
                case Opcode.WRITE_16 -> write(command);
                default ->
                    check(command, SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.INVALID_OPERATION_CODE));
            }
            if (opcode != Opcode.WRITE_16) {
                command.release();
            }
        }

        private byte[] inquiry(byte[] cdb) {
            UUID boot = bootId;
            if ((cdb[1] & 1) == 0) {
                return new InquiryData(0, deviceType, vendor, "UNIT", "1").encode();
            }
            return switch (cdb[2] & 0xff) {
                case VpdPage.DEVICE_IDENTIFICATION ->
                    new VpdPage.DeviceIdentification(List.of(Designator.naa(java.util.Objects.requireNonNull(naa))))
                            .encode(0);
                case VpdPage.BLOCK_LIMITS ->
                    new VpdPage.BlockLimits(true, 0, 8, 0, 0, 0, 8192, 16, 8, false, 0, 0).encode(0);
                case VpdPage.LOGICAL_BLOCK_PROVISIONING ->
                    new VpdPage.LogicalBlockProvisioning(0, true, false, false, false, 2).encode(0);
                case VpdPage.BOOT_ID -> new VpdPage.BootId(java.util.Objects.requireNonNull(boot)).encode(0);
                default -> {
                    List<Integer> pages = new ArrayList<>(List.of(0));
                    if (naa != null) {
                        pages.add(VpdPage.DEVICE_IDENTIFICATION);
                    }
                    if (unmaps) {
                        pages.addAll(List.of(VpdPage.BLOCK_LIMITS, VpdPage.LOGICAL_BLOCK_PROVISIONING));
                    }
                    if (boot != null) {
                        pages.add(VpdPage.BOOT_ID);
                    }
                    yield new VpdPage.SupportedPages(pages).encode(0);
                }
            };
        }

        private void read(Pdu.ScsiCommandPdu command) {
            int from = (int) BigEndian.i64(command.cdb(), 2) * 512;
            int length = BigEndian.i32(command.cdb(), 10) * 512;
            outstanding--;
            int sn = 0;
            for (int at = 0; at < length; at += 3000) {
                int piece = Math.min(3000, length - at);
                boolean last = at + piece == length;
                send(new Pdu.DataIn(
                        last,
                        false,
                        ResidualKind.NONE,
                        last,
                        0,
                        command.lun(),
                        command.initiatorTaskTag(),
                        Pdu.NO_TAG,
                        last ? statSn++ : 0,
                        expCmdSn,
                        maxCmdSn(),
                        sn++,
                        at,
                        0,
                        Unpooled.copiedBuffer(disk, from + at, piece)));
            }
        }

        private void write(Pdu.ScsiCommandPdu command) {
            byte[] all = new byte[command.expectedDataTransferLength()];
            int immediate = command.data().readableBytes();
            command.data().getBytes(command.data().readerIndex(), all, 0, immediate);
            command.release();
            gathered.put(command.initiatorTaskTag(), all);
            writes.put(command.initiatorTaskTag(), command);
            int first = negotiation.session().initialR2T()
                    ? immediate
                    : Math.min(all.length, negotiation.session().firstBurstLength());
            // Two R2Ts at once for what is left.
            int half = first + (all.length - first) / 2;
            if (half > first) {
                r2t(command, 1, first, half - first);
            }
            if (all.length > half) {
                r2t(command, 2, half, all.length - half);
            }
            if (first >= all.length && immediate == all.length) {
                written(command.initiatorTaskTag());
            }
        }

        private void r2t(Pdu.ScsiCommandPdu command, int tag, int offset, int length) {
            send(new Pdu.ReadyToTransfer(
                    command.lun(),
                    command.initiatorTaskTag(),
                    tag,
                    statSn,
                    expCmdSn,
                    maxCmdSn(),
                    tag - 1,
                    offset,
                    length));
        }

        private void dataOut(Pdu.DataOut data) {
            byte[] all = gathered.get(data.initiatorTaskTag());
            if (all != null) {
                data.data()
                        .getBytes(
                                data.data().readerIndex(),
                                all,
                                data.bufferOffset(),
                                data.data().readableBytes());
                if (data.bufferOffset() + data.data().readableBytes() == all.length) {
                    written(data.initiatorTaskTag());
                }
            }
            data.release();
        }

        private void written(int tag) {
            Pdu.ScsiCommandPdu command = java.util.Objects.requireNonNull(writes.remove(tag));
            byte[] all = java.util.Objects.requireNonNull(gathered.remove(tag));
            System.arraycopy(all, 0, disk, (int) BigEndian.i64(command.cdb(), 2) * 512, all.length);
            good(command);
        }

        void data(Pdu.ScsiCommandPdu command, byte[] bytes) {
            outstanding--;
            int length = Math.min(bytes.length, command.expectedDataTransferLength());
            int missing = command.expectedDataTransferLength() - length;
            send(new Pdu.DataIn(
                    true,
                    false,
                    missing > 0 ? ResidualKind.UNDERFLOW : ResidualKind.NONE,
                    true,
                    0,
                    command.lun(),
                    command.initiatorTaskTag(),
                    Pdu.NO_TAG,
                    statSn++,
                    expCmdSn,
                    maxCmdSn(),
                    0,
                    0,
                    missing,
                    Unpooled.copiedBuffer(bytes, 0, length)));
        }

        void good(Pdu.ScsiCommandPdu command) {
            respond(command, StatusCode.GOOD, Unpooled.EMPTY_BUFFER);
        }

        void check(Pdu.ScsiCommandPdu command, SenseData sense) {
            byte[] bytes = sense.encode(false);
            ByteBuf data = Unpooled.buffer().writeShort(bytes.length).writeBytes(bytes);
            respond(command, StatusCode.CHECK_CONDITION, data);
        }

        void respond(Pdu.ScsiCommandPdu command, int status, ByteBuf data) {
            outstanding--;
            send(new Pdu.ScsiResponsePdu(
                    ResidualKind.NONE,
                    ResidualKind.NONE,
                    0,
                    status,
                    command.initiatorTaskTag(),
                    0,
                    statSn++,
                    expCmdSn,
                    maxCmdSn(),
                    0,
                    0,
                    0,
                    data));
        }
    }
}
