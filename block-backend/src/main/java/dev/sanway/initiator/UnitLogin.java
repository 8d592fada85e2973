package dev.sanway.initiator;

import dev.sanway.iscsi.ConnectionParameters;
import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.LoginStage;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.SessionParameters;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.iscsi.Text;
import java.util.List;

/**
 * The login phase of a connection: {@link LoginExchange} as PDUs. A text may come in several responses (RFC 7143 section 6.2),
 * each answered by an empty request; so that this ends, the responses of a login and their text are bounded. How long it may
 * take is the owner's affair. Confined to the connection's loop.
 */
final class UnitLogin {
    /** Responses of one login, those with the C bit included. */
    static final int MAX_RESPONSES = 64;

    /** Bytes of a data segment before a length is declared (RFC 7143 section 13.12). */
    static final int MAX_DATA_SEGMENT_LENGTH = 8192;

    /** What is to be done next. */
    sealed interface Step {
        record Send(Pdu.LoginRequest request) implements Step {}

        record Done(SessionParameters session, ConnectionParameters connection) implements Step {}

        record Moved(TargetAddress to, boolean permanent) implements Step {}

        record Failed(String why, boolean byUnit) implements Step {}
    }

    private final LoginExchange exchange;
    private final UnitSessionConfig config;
    private final Text.Gathering text = new Text.Gathering();
    private LoginStage stage = LoginStage.SECURITY;
    private LoginStage nextStage = LoginStage.SECURITY;
    private int responses;
    private int textBytes;

    UnitLogin(LoginExchange exchange, UnitSessionConfig config) {
        this.exchange = exchange;
        this.config = config;
    }

    Step begin() {
        return next(exchange.begin(), 0);
    }

    /** Takes a response over. */
    Step receive(Pdu.LoginResponse response) {
        int expStatSn = response.statSn() + 1;
        textBytes += response.data().readableBytes();
        boolean fits = text.add(response.data());
        if (++responses > MAX_RESPONSES) {
            return new Step.Failed("login does not come to an end: more than " + MAX_RESPONSES + " responses", true);
        }
        if (!fits || textBytes > Text.MAX_LENGTH_BYTES) {
            return new Step.Failed("login text of the unit is longer than " + Text.MAX_LENGTH_BYTES + " bytes", true);
        }
        if (response.continues() && response.statusClass() == 0) {
            return new Step.Send(request(false, List.of(), expStatSn));
        }
        return switch (text.parse(false)) {
            case Text.Malformed malformed -> new Step.Failed("login text of the unit: " + malformed.detail(), false);
            case Text.Parsed parsed ->
                next(
                        exchange.receive(
                                response.transit(),
                                response.nextStage(),
                                response.statusClass(),
                                response.statusDetail(),
                                parsed.pairs()),
                        expStatSn);
        };
    }

    private Step next(LoginExchange.Step step, int expStatSn) {
        return switch (step) {
            case LoginExchange.Send send -> {
                stage = send.stage();
                nextStage = send.next();
                Pdu.LoginRequest request = request(send.transit(), send.keys(), expStatSn);
                if (request.data().readableBytes() > MAX_DATA_SEGMENT_LENGTH) {
                    request.release();
                    yield new Step.Failed("the answers that the unit asks for do not fit into a login request", true);
                }
                yield new Step.Send(request);
            }
            case LoginExchange.Moved moved -> new Step.Moved(moved.to(), moved.permanent());
            case LoginExchange.Refused refused -> new Step.Failed(refused.why(), refused.byUnit());
            case LoginExchange.Done done -> new Step.Done(done.session(), done.connection());
        };
    }

    private Pdu.LoginRequest request(boolean transit, List<KeyValue> keys, int expStatSn) {
        return new Pdu.LoginRequest(
                transit,
                false,
                stage.code(),
                transit ? nextStage.code() : 0,
                0,
                0,
                config.isid(),
                0,
                1,
                0,
                UnitConnection.FIRST_CMD_SN,
                expStatSn,
                Text.build(keys));
    }
}
