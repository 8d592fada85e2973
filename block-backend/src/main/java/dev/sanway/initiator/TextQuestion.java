package dev.sanway.initiator;

import dev.sanway.iscsi.KeyValue;
import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.Text;
import java.util.List;
import java.util.function.Consumer;

/**
 * A text request in the full feature phase that waits for its answer, which may come in several responses (RFC 7143 section
 * 11.11), each to be asked for; their number and their text are bounded. Confined to the connection's loop.
 */
final class TextQuestion {
    /** Responses that may make up one answer. */
    static final int MAX_RESPONSES = 128;

    /** What is to be done next. */
    sealed interface Step {
        record AskForMore() implements Step {}

        record Answered(List<KeyValue> pairs) implements Step {}

        record Failed(String why) implements Step {}
    }

    final int tag;
    final Consumer<List<KeyValue>> answer;
    private final Text.Gathering text = new Text.Gathering();
    private int responses;

    TextQuestion(int tag, Consumer<List<KeyValue>> answer) {
        this.tag = tag;
        this.answer = answer;
    }

    /** Takes a response over. */
    Step receive(Pdu.TextResponse response) {
        if (!text.add(response.data())) {
            return new Step.Failed("text of the unit is longer than " + Text.MAX_LENGTH_BYTES + " bytes");
        }
        if (response.isFinal() && !response.continues()) {
            return switch (text.parse(true)) {
                case Text.Malformed malformed -> new Step.Failed("text of the unit: " + malformed.detail());
                case Text.Parsed parsed -> new Step.Answered(parsed.pairs());
            };
        }
        return ++responses >= MAX_RESPONSES
                ? new Step.Failed("text of the unit does not come to an end: " + MAX_RESPONSES + " responses")
                : new Step.AskForMore();
    }
}
