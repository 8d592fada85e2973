package dev.sanway.iscsi;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The valve before the PDUs: nothing passes while it is shut, and nothing is lost or changes its order. */
class PduDecoderTest {

    private final PduDecoder decoder = new PduDecoder(Direction.TO_TARGET, 1 << 18);
    private final List<Integer> tags = new ArrayList<>();
    private int shutAfter = Integer.MAX_VALUE;
    private int completed;
    private final EmbeddedChannel channel = new EmbeddedChannel(decoder, new ChannelInboundHandlerAdapter() {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            if (message instanceof DecodeResult.Decoded(Pdu pdu)) {
                tags.add(pdu.initiatorTaskTag());
                pdu.release();
                if (tags.size() == shutAfter) {
                    decoder.shut();
                }
            }
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext ctx) {
            completed++;
        }
    });

    @AfterEach
    void stop() {
        channel.finishAndReleaseAll();
    }

    private static ByteBuf pings(int from, int to, int dataBytes) {
        ByteBuf all = Unpooled.buffer();
        for (int tag = from; tag < to; tag++) {
            PduEncoder.encode(
                    new Pdu.NopOut(
                            true, 0, tag, Pdu.NO_TAG, 1, 1, Unpooled.buffer().writeZero(dataBytes)),
                    false,
                    false,
                    UnpooledByteBufAllocator.DEFAULT,
                    part -> {
                        all.writeBytes(part);
                        part.release();
                    });
        }
        return all;
    }

    private static List<Integer> numbers(int from, int to) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = from; i < to; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    @Test
    void whatComesBehindTheValveIsHandedOnInOrderWhenItOpens() {
        shutAfter = 3;
        channel.writeInbound(pings(0, 10, 0));
        channel.writeInbound(pings(10, 20, 8));
        assertThat(tags).isEqualTo(numbers(0, 3));
        assertThat(decoder.heldBytes()).isEqualTo(7 * 48 + 10 * 56);
        int before = completed;
        shutAfter = 12;
        decoder.open();
        assertThat(tags).as("shut again from within").isEqualTo(numbers(0, 12));
        assertThat(completed).as("told of the end of what was handed on").isEqualTo(before + 1);
        shutAfter = Integer.MAX_VALUE;
        decoder.open();
        assertThat(tags).isEqualTo(numbers(0, 20));
        assertThat(decoder.heldBytes()).isZero();
        channel.writeInbound(pings(20, 21, 0));
        assertThat(tags).isEqualTo(numbers(0, 21));
    }

    @Test
    void openingFromWithinGoesOnAtOnce() {
        EmbeddedChannel other = new EmbeddedChannel();
        PduDecoder own = new PduDecoder(Direction.TO_TARGET, 8192);
        List<Integer> seen = new ArrayList<>();
        other.pipeline().addLast(own, new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext ctx, Object message) {
                own.shut();
                if (message instanceof DecodeResult.Decoded(Pdu pdu)) {
                    seen.add(pdu.initiatorTaskTag());
                    pdu.release();
                }
                own.open();
            }
        });
        other.writeInbound(pings(0, 50, 4));
        assertThat(seen).isEqualTo(numbers(0, 50));
        other.finishAndReleaseAll();
    }

    @Test
    void readingStopsOnceEnoughIsParkedAndGoesOnWhenItIsOpen() {
        decoder.shut();
        channel.writeInbound(pings(0, 1, PduDecoder.PARKED_ENOUGH));
        assertThat(channel.config().isAutoRead()).isFalse();
        decoder.open();
        assertThat(channel.config().isAutoRead()).isTrue();
        assertThat(tags).containsExactly(0);
    }

    @Test
    void whoSendsOnThoughNothingIsReadIsClosed() {
        decoder.shut();
        for (int i = 0; i < 5 && channel.isOpen(); i++) {
            channel.writeInbound(pings(i, i + 1, 1 << 18));
        }
        assertThat(channel.isOpen()).isFalse();
        assertThat(tags).isEmpty();
        assertThat(decoder.heldBytes()).isZero();
    }

    @Test
    void theDataSegmentUnderWayIsToldOf() {
        ByteBuf whole = pings(77, 78, 1000);
        channel.writeInbound(whole.readRetainedSlice(48 + 600));
        assertThat(decoder.partialBytes()).isEqualTo(600);
        assertThat(decoder.heldBytes()).isEqualTo(600);
        assertThat(decoder.partialOpcode()).isEqualTo(Opcode.NOP_OUT.code());
        assertThat(decoder.partialTag()).isEqualTo(77);
        channel.writeInbound(whole);
        assertThat(decoder.partialOpcode()).isEqualTo(-1);
        assertThat(decoder.heldBytes()).isZero();
    }
}
