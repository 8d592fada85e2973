package dev.sanway.control;

import dev.sanway.metadata.OperatorRecord.Role;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * One call of the API: where it is, who may make it, what goes in and out, and what does it. All of the API is a list of
 * these; checking roles, the audit log and the API's description are made from it.
 *
 * @param role null: anybody, without a token
 * @param noun under what it is listed in the description
 * @param audited whether it changes something
 * @param body what is sent, as JSON; null: nothing
 * @param answer what is answered, as JSON, or one of {@link Raw}
 * @param list whether that is a list of it
 */
record Route(
        Method method,
        String path,
        @Nullable Role role,
        String noun,
        String summary,
        boolean audited,
        List<Query> queries,
        @Nullable Class<?> body,
        Class<?> answer,
        boolean list,
        Handler handler) {

    enum Method {
        GET,
        POST,
        PUT,
        DELETE
    }

    /** Something behind the question mark. */
    record Query(String name, String type, String description) {}

    /** An answer that is no JSON made from a record. */
    record Raw(String contentType, byte[] bytes) {}

    /** Does it. Blocks; on a thread of the HTTP server. */
    @FunctionalInterface
    interface Handler {
        Object answer(ApiRequest request) throws ApiRefusal;
    }

    /** Does it without waiting for anything: not on a thread that calls take turns for. */
    interface Prompt extends Handler {

        /** An answer with its status. */
        record Answer(int status, Object body) {}

        /** Never fails. */
        CompletionStage<Answer> prompt();

        @Override
        default Object answer(ApiRequest request) {
            Answer answer = prompt().toCompletableFuture().join();
            request.context().status(answer.status());
            return answer.body();
        }
    }

    static Route get(String path, Role role, String noun, String summary, Class<?> answer, Handler handler) {
        return new Route(Method.GET, path, role, noun, summary, false, List.of(), null, answer, false, handler);
    }

    static Route list(String path, Role role, String noun, String summary, Class<?> answer, Handler handler) {
        return new Route(Method.GET, path, role, noun, summary, false, List.of(), null, answer, true, handler);
    }

    /** Without a token. */
    static Route open(String path, String noun, String summary, Class<?> answer, Handler handler) {
        return new Route(Method.GET, path, null, noun, summary, false, List.of(), null, answer, false, handler);
    }

    static Route change(
            Method method, String path, Role role, String noun, String summary, Class<?> answer, Handler handler) {
        return new Route(method, path, role, noun, summary, true, List.of(), null, answer, false, handler);
    }

    Route query(String name, String type, String description) {
        List<Query> more = new ArrayList<>(queries);
        more.add(new Query(name, type, description));
        return new Route(method, path, role, noun, summary, audited, more, body, answer, list, handler);
    }

    Route takes(Class<?> sent) {
        return new Route(method, path, role, noun, summary, audited, queries, sent, answer, list, handler);
    }

    /** It changes nothing, though it sends something. */
    Route changesNothing() {
        return new Route(method, path, role, noun, summary, false, queries, body, answer, list, handler);
    }

    /** Whoever calls needs no token; what it does is told in the audit log by itself. */
    Route withoutToken() {
        return new Route(method, path, null, noun, summary, false, queries, body, answer, list, handler);
    }
}
