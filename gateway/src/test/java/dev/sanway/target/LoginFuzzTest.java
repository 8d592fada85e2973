package dev.sanway.target;

import static dev.sanway.target.TargetFixture.HOST_A;
import static dev.sanway.target.TargetFixture.HOST_B;
import static dev.sanway.target.TargetFixture.TARGET_A;
import static dev.sanway.target.TargetFixture.TARGET_B;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.sanway.iscsi.Isid;
import dev.sanway.iscsi.NegotiationWishes;
import dev.sanway.iscsi.Pdu;
import dev.sanway.target.LoginPolicy.ChapCredentials;
import dev.sanway.target.lun.HostTarget;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.List;
import java.util.Set;

/** Whatever requests come, login answers, completes for whoever is entitled, or refuses; it never throws. */
class LoginFuzzTest {

    private static final EventLoop LOOP = new DefaultEventLoop();
    private static final TargetCatalog CATALOG = catalog();

    private static final List<String> PIECES = List.of(
            "InitiatorName=" + HOST_A + "\0",
            "InitiatorName=" + HOST_B + "\0",
            "TargetName=" + TARGET_A + "\0",
            "TargetName=" + TARGET_B + "\0",
            "SessionType=Discovery\0",
            "SessionType=Normal\0",
            "AuthMethod=CHAP,None\0",
            "AuthMethod=CHAP\0",
            "AuthMethod=None\0",
            "CHAP_A=5,6,7,8\0",
            "CHAP_N=b\0CHAP_R=0x00\0",
            "CHAP_I=1\0CHAP_C=0x0102\0",
            "HeaderDigest=CRC32C,None\0",
            "MaxRecvDataSegmentLength=0\0",
            "InitialR2T=No\0ImmediateData=Yes\0",
            "FirstBurstLength=16777215\0MaxBurstLength=512\0");

    private static TargetCatalog catalog() {
        TargetCatalog catalog = new TargetCatalog(List.of());
        byte[] secret = "a-secret-nobody-guesses".getBytes(StandardCharsets.UTF_8);
        catalog.replace(List.of(
                new IscsiTarget(
                        TARGET_A, new LoginPolicy(Set.of(HOST_A), null), new HostTarget(TARGET_A, List.of(1)), LOOP),
                new IscsiTarget(
                        TARGET_B,
                        new LoginPolicy(Set.of(HOST_B), new ChapCredentials("b", secret, null, null)),
                        new HostTarget(TARGET_B, List.of(1)),
                        LOOP)));
        return catalog;
    }

    @FuzzTest
    void loginStateMachine(FuzzedDataProvider data) {
        LoginSequence login = new LoginSequence(CATALOG, NegotiationWishes.target(), new SecureRandom());
        for (int i = 0; i < 12 && data.remainingBytes() > 0; i++) {
            Pdu.LoginRequest request = new Pdu.LoginRequest(
                    data.consumeBoolean(),
                    data.consumeInt(0, 7) == 0,
                    data.consumeInt(0, 3),
                    data.consumeInt(0, 3),
                    0,
                    data.consumeInt(0, 7) == 0 ? 1 : 0,
                    new Isid(data.consumeInt(0, 1)),
                    data.consumeInt(0, 1),
                    0,
                    0,
                    data.consumeInt(),
                    0,
                    text(data));
            switch (login.receive(request)) {
                case LoginSequence.Answer answer -> {
                    if (answer.transit() && answer.next() == null) {
                        throw new IllegalStateException("transit to nowhere");
                    }
                }
                case LoginSequence.Complete complete -> {
                    IscsiTarget target = complete.target();
                    if (target != null && !target.policy().entitles(complete.initiatorName())) {
                        throw new IllegalStateException(complete.initiatorName() + " reached " + target.name());
                    }
                    if (target != null && target.policy().chap() != null) {
                        throw new IllegalStateException("in without the secret");
                    }
                    return;
                }
                case LoginSequence.Refuse _ -> {
                    return;
                }
            }
        }
    }

    private static ByteBuf text(FuzzedDataProvider data) {
        ByteBuf text = Unpooled.buffer();
        for (int pieces = data.consumeInt(0, 5); pieces > 0; pieces--) {
            if (data.consumeInt(0, 3) == 0) {
                text.writeBytes(data.consumeBytes(40));
            } else {
                text.writeCharSequence(data.pickValue(PIECES), StandardCharsets.UTF_8);
            }
        }
        return text;
    }
}
