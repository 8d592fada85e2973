package dev.sanway.target;

import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduDecoder;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.Transport;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** An initiator that sends just the PDUs it is told to, wrong ones too, and shows what comes back. One thread. */
final class WireInitiator implements AutoCloseable {

    private static final Pdu END = new Pdu.Reject(-1, 0, 0, 0, 0, Unpooled.EMPTY_BUFFER);

    final Channel channel;
    private final PduDecoder decoder = new PduDecoder(Direction.TO_INITIATOR, 1 << 20);
    private final PduEncoder encoder = new PduEncoder();
    private final BlockingQueue<Pdu> received = new LinkedBlockingQueue<>();
    int cmdSn = 100;
    int expStatSn;
    int nextTag = 1;

    WireInitiator(EventLoopGroup loops, InetSocketAddress address) {
        channel = new Bootstrap()
                .group(loops)
                .channel(Transport.socketChannel(loops.next()))
                // Collected, not counted: a test need not release what it looks at.
                .option(ChannelOption.ALLOCATOR, new UnpooledByteBufAllocator(false, true))
                .handler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel made) {
                        made.pipeline().addLast(decoder, encoder, new Receiver());
                    }
                })
                .connect(address)
                .syncUninterruptibly()
                .channel();
    }

    private final class Receiver extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            switch ((DecodeResult) message) {
                case DecodeResult.Decoded(Pdu pdu) -> received.add(pdu);
                case DecodeResult.Violated violated ->
                    throw new AssertionError("the target sent " + violated.violation());
            }
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            received.add(END);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }

    /** From the next PDU on, both ways. */
    void digests() {
        channel.eventLoop()
                .submit(() -> {
                    decoder.setDigests(true, true);
                    encoder.setDigests(true, true);
                })
                .syncUninterruptibly();
    }

    /** Sends a PDU with digests, one bit of the byte at {@code index} flipped after they were computed. */
    void sendDamaged(Pdu pdu, int index) {
        ByteBuf all = Unpooled.buffer();
        PduEncoder.encode(pdu, true, true, UnpooledByteBufAllocator.DEFAULT, part -> {
            all.writeBytes(part);
            part.release();
        });
        all.setByte(index, all.getByte(index) ^ 1);
        channel.writeAndFlush(all).syncUninterruptibly();
    }

    void send(Pdu pdu) {
        channel.writeAndFlush(pdu).syncUninterruptibly();
    }

    /** The next PDU; null if the target closed the connection. */
    @Nullable
    Pdu next() {
        try {
            Pdu pdu = received.poll(15, TimeUnit.SECONDS);
            if (pdu == null) {
                throw new AssertionError("nothing came within 15 s");
            }
            if (pdu.equals(END)) {
                return null;
            }
            return pdu;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    <T extends Pdu> T expect(Class<T> type) {
        Pdu pdu = next();
        if (!type.isInstance(pdu)) {
            throw new AssertionError("expected " + type.getSimpleName() + " but got " + pdu);
        }
        return type.cast(pdu);
    }

    /** How many PDUs have come that nobody took yet. */
    int received() {
        return received.size();
    }

    /** Whether anything arrives within so many milliseconds. */
    boolean silentFor(long millis) throws InterruptedException {
        Pdu pdu = received.poll(millis, TimeUnit.MILLISECONDS);
        if (pdu != null) {
            received.add(pdu);
        }
        return pdu == null;
    }

    Pdu.LoginResponse login(int currentStage, int nextStage, boolean transit, String... pairs) {
        return login(new Isid(0x800000_000001L), 0, currentStage, nextStage, transit, pairs);
    }

    Pdu.LoginResponse login(Isid isid, int tsih, int currentStage, int nextStage, boolean transit, String... pairs) {
        send(new Pdu.LoginRequest(
                transit, false, currentStage, nextStage, 0, 0, isid, tsih, 0, 0, cmdSn, expStatSn, text(pairs)));
        Pdu.LoginResponse response = expect(Pdu.LoginResponse.class);
        expStatSn = response.statSn() + 1;
        return response;
    }

    static ByteBuf text(String... pairs) {
        List<KeyValue> keys = new ArrayList<>();
        for (String pair : pairs) {
            int equals = pair.indexOf('=');
            keys.add(new KeyValue(pair.substring(0, equals), pair.substring(equals + 1)));
        }
        return Text.build(keys);
    }

    /** The value of a key in an answer; null if it is not there. Releases nothing. */
    static @Nullable String value(Pdu pdu, String key) {
        if (Text.parse(pdu.data(), true) instanceof Text.Parsed parsed) {
            for (KeyValue pair : parsed.pairs()) {
                if (pair.key().equals(key)) {
                    return pair.value();
                }
            }
        }
        return null;
    }

    /** Logs in for normal operation without CHAP and digests. */
    Pdu.LoginResponse loginTo(String target, String initiator, String... more) {
        List<String> pairs =
                new ArrayList<>(List.of("InitiatorName=" + initiator, "TargetName=" + target, "SessionType=Normal"));
        pairs.addAll(List.of(more));
        return login(1, 3, true, pairs.toArray(new String[0]));
    }

    /** A SCSI command with the next CmdSN and tag. */
    Pdu.ScsiCommandPdu command(boolean isFinal, boolean read, boolean write, int length, ByteBuf data, int... cdb) {
        byte[] bytes = new byte[16];
        for (int i = 0; i < cdb.length; i++) {
            bytes[i] = (byte) cdb[i];
        }
        return new Pdu.ScsiCommandPdu(
                false, isFinal, read, write, 1, 0, nextTag++, length, cmdSn++, expStatSn, bytes, 0, data);
    }

    @Override
    public void close() {
        channel.close().syncUninterruptibly();
        received.forEach(Pdu::release);
    }
}
