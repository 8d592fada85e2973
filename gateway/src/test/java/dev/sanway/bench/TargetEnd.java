package dev.sanway.bench;

import dev.sanway.initiator.LoginExchange;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.iscsi.DecodeResult;
import dev.sanway.iscsi.Direction;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Negotiation;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.PduEncoder;
import dev.sanway.iscsi.PduFraming;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.Text;
import dev.sanway.iscsi.TextKey;
import dev.sanway.scsi.SenseData;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A {@link LoadConnection} without a network: the test plays the target, and sees what the owner is told. */
final class TargetEnd implements LoadConnection.Owner, AutoCloseable {

    static final int TAG = 3;
    static final int WRITE_BYTES = 1 << 20;

    final LoadConnection connection;
    final EmbeddedChannel channel;
    final List<String> told = new ArrayList<>();
    private final Deque<Pdu> received = new ArrayDeque<>();
    private final PduFraming framing = new PduFraming(Direction.TO_TARGET, 1 << 20);
    private final ByteBuf content = Unpooled.directBuffer(WRITE_BYTES).writeZero(WRITE_BYTES);
    private final boolean digests;
    private boolean digestsNow;
    int statSn = 100;
    int expCmdSn = 1;
    int maxCmdSn = 8;

    /** Logged in. */
    TargetEnd(NegotiationWishes wishes, boolean digests) {
        this.digests = digests;
        UnitSessionConfig config = UnitSessionConfig.of(
                        "target",
                        "127.0.0.1",
                        1,
                        new IscsiName("iqn.2026-11.example:target"),
                        new IscsiName("iqn.2026-11.example:host"),
                        new Isid(1))
                .withDigests(digests, digests);
        connection =
                new LoadConnection(new LoginExchange(config, false, false, new SecureRandom()), config.isid(), this);
        channel = new EmbeddedChannel(connection);
        login(new Negotiation(Negotiation.Role.TARGET, wishes, false));
    }

    private void login(Negotiation negotiation) {
        while (next() instanceof Pdu.LoginRequest request) {
            Text.Parsed text = (Text.Parsed) Text.parse(request.data());
            request.release();
            LoginStage stage = Objects.requireNonNull(LoginStage.of(request.currentStage()));
            Negotiation.Answered answered = (Negotiation.Answered) negotiation.receive(text.pairs(), stage);
            List<KeyValue> answers = new ArrayList<>(answered.answers());
            if (stage == LoginStage.SECURITY) {
                answers.add(TextKey.AUTH_METHOD.with("None"));
            }
            send(new Pdu.LoginResponse(
                    request.transit(),
                    false,
                    request.currentStage(),
                    request.nextStage(),
                    0,
                    0,
                    request.isid(),
                    7,
                    request.initiatorTaskTag(),
                    statSn++,
                    expCmdSn,
                    maxCmdSn,
                    0,
                    0,
                    Text.build(answers)));
            if (request.transit() && request.nextStage() == LoginStage.FULL_FEATURE.code()) {
                digestsNow = digests;
                framing.setDigests(digests, digests);
                return;
            }
        }
        throw new IllegalStateException("no login: " + told);
    }

    /** In one segment of TCP. */
    void send(Pdu... pdus) {
        ByteBuf wire = Unpooled.buffer();
        for (Pdu pdu : pdus) {
            PduEncoder.encode(pdu, digestsNow, digestsNow, channel.alloc(), part -> {
                wire.writeBytes(part);
                part.release();
            });
        }
        sendBytes(wire);
    }

    void sendBytes(ByteBuf wire) {
        channel.writeInbound(wire);
    }

    /** What the connection sent next; null if nothing. The caller releases it. */
    @Nullable
    Pdu next() {
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            framing.feed(part, result -> {
                if (!(result instanceof DecodeResult.Decoded(Pdu pdu))) {
                    throw new IllegalStateException(result.toString());
                }
                received.add(pdu);
            });
            part.release();
        }
        return received.poll();
    }

    @Override
    public void loggedIn(SessionParameters session) {
        told.add("logged in");
    }

    @Override
    public boolean dataIn(int tag, int offset, ByteBuf data) {
        told.add("data " + tag + " " + offset + " " + data.readableBytes());
        return tag == TAG;
    }

    @Override
    public @Nullable ByteBuf dataOut(int tag, int offset, int lengthBytes) {
        return tag == TAG && offset >= 0 && lengthBytes <= WRITE_BYTES - offset ? content.readerIndex(offset) : null;
    }

    @Override
    public void answered(int tag, int status, @Nullable SenseData sense) {
        told.add("answered " + tag + " " + status + (sense == null ? "" : " " + sense.key()));
    }

    @Override
    public void turn() {}

    @Override
    public void ended(String why, boolean refusedByTarget) {
        told.add("ended: " + why);
    }

    @Override
    public void close() {
        for (Pdu pdu = next(); pdu != null; pdu = next()) {
            pdu.release();
        }
        framing.close();
        channel.finishAndReleaseAll();
        content.release();
    }
}
