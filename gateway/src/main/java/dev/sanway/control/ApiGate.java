package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.sanway.control.Views.ErrorView;
import dev.sanway.metadata.OperatorRecord.Role;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.Scheduler;
import org.jspecify.annotations.Nullable;

/**
 * What every call of the REST API passes before it has a thread of its own, so that nobody's calls keep others from being
 * answered.
 *
 * <pre>
 *   headers → health: answered at once
 *           → body, read without a thread, in its time and size → a place among the calls under way → the routes → answer, taken in its time
 * </pre>
 *
 * <p>Called by Jetty's threads; waits for nothing.
 */
final class ApiGate extends Handler.Wrapper {

    private static final int RETRY_SECONDS = 1;

    /** Of a body that is too large so much is thrown away, for so long, before its caller is told. */
    private static final long DISCARD_BYTES = 8 << 20;

    private static final long DISCARD_MILLIS = 2_000;

    private final ApiLimits limits;
    private final ApiConnections connections;
    private final Function<String, Optional<Caller>> callers;
    private final Map<String, Route.Prompt> prompt;

    /** Calls under way, by operator or network. */
    private final Map<String, Integer> underWay = new HashMap<>();

    private int known;
    private int unknown;

    ApiGate(
            ApiLimits limits,
            ApiConnections connections,
            Function<String, Optional<Caller>> callers,
            List<Route> routes) {
        this.limits = limits;
        this.connections = connections;
        this.callers = callers;
        this.prompt = routes.stream()
                .filter(route -> route.handler() instanceof Route.Prompt)
                .collect(Collectors.toMap(
                        route -> route.method() + " " + route.path(), route -> (Route.Prompt) route.handler()));
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) throws Exception {
        String path = Request.getPathInContext(request);
        Route.Prompt healthy = prompt.get(request.getMethod() + " " + path);
        if (healthy != null) {
            connections.begin(request, false);
            Request.addCompletionListener(request, _ -> connections.end(request));
            healthy.prompt().whenComplete((answer, failure) -> {
                if (answer == null) {
                    callback.failed(failure);
                } else {
                    write(response, callback, answer.status(), answer.body());
                }
            });
            return true;
        }
        Optional<Caller> caller = ApiServer.bearer(request.getHeaders().get(HttpHeader.AUTHORIZATION))
                .flatMap(callers);
        connections.begin(request, caller.isPresent());
        Call call = new Call(request, response, callback, caller.orElse(null));
        // What has no token waits for its body before it takes a place: so no place is held by one that never comes.
        if (caller.isPresent() && !call.takePlace()) {
            return true;
        }
        call.readBody(path);
        return true;
    }

    /** A call on its way to the routes. */
    private final class Call {
        private final Request request;
        private final Response response;
        private final Callback callback;
        private final boolean isKnown;
        private final boolean isAdmin;
        private final String place;
        private final Scheduler scheduler;
        private final AtomicBoolean bodyIsOver = new AtomicBoolean();
        private final AtomicBoolean hasPlace = new AtomicBoolean();

        Call(Request request, Response response, Callback callback, @Nullable Caller caller) {
            this.request = request;
            this.response = response;
            this.callback = callback;
            this.isKnown = caller != null;
            this.isAdmin = caller != null && caller.role() == Role.admin;
            this.place = caller != null ? caller.name() : ApiConnections.networkOf(request);
            this.scheduler = request.getComponents().getScheduler();
            Request.addCompletionListener(request, _ -> {
                connections.end(request);
                if (hasPlace.getAndSet(false)) {
                    leave(place, isKnown);
                }
            });
        }

        /** False, and the call is refused, if too many are under way. */
        boolean takePlace() {
            int status = enter(place, isKnown);
            if (status != 0) {
                refuse(
                        status,
                        status == 429
                                ? "too many calls at once: " + limits.callsOfOne()
                                        + " of one caller may be under way; try again"
                                : "too many calls at once; try again");
                return false;
            }
            hasPlace.set(true);
            return true;
        }

        void readBody(String path) {
            int maxBytes = ApiLimits.bodyBytes(path, isKnown, isAdmin);
            if (request.getLength() == 0) {
                serve(new byte[0], true);
                return;
            }
            if (request.getLength() > maxBytes) {
                tooLarge(maxBytes);
                return;
            }
            Duration time = limits.bodyTime(maxBytes);
            Scheduler.Task late = scheduler.schedule(
                    () -> {
                        if (bodyIsOver.compareAndSet(false, true)) {
                            ApiConnections.abort(request);
                            callback.failed(new TimeoutException("the body of a call did not come in its time"));
                        }
                    },
                    time.toMillis(),
                    TimeUnit.MILLISECONDS);
            Content.Source.asByteArrayAsync(request, maxBytes, new Promise.Invocable<>() {
                @Override
                public void succeeded(byte[] body) {
                    if (bodyIsOver.compareAndSet(false, true)) {
                        late.cancel();
                        // Not by this thread, which belongs to the connection.
                        request.getComponents().getExecutor().execute(() -> serve(body, false));
                    }
                }

                @Override
                public void failed(Throwable failure) {
                    if (bodyIsOver.compareAndSet(false, true)) {
                        late.cancel();
                        if (failure instanceof IllegalStateException) {
                            tooLarge(maxBytes);
                        } else {
                            // The caller went, or had to: nothing for Jetty to log with a trace.
                            callback.failed(new EofException(failure));
                        }
                    }
                }
            });
        }

        /** Whoever is still sending would hear of nothing but a broken connection: for a moment what comes is thrown away. */
        private void tooLarge(int maxBytes) {
            AtomicBoolean told = new AtomicBoolean();
            Runnable tell = () -> {
                if (told.compareAndSet(false, true)) {
                    refuse(
                            413,
                            "the body is larger than " + (maxBytes >> 10) + " KiB, which is the most "
                                    + (isKnown ? "here" : "without a token"));
                }
            };
            Scheduler.Task late = scheduler.schedule(tell, DISCARD_MILLIS, TimeUnit.MILLISECONDS);
            discard(DISCARD_BYTES, () -> {
                late.cancel();
                tell.run();
            });
        }

        private void discard(long mostBytes, Runnable then) {
            long left = mostBytes;
            while (left > 0) {
                Content.Chunk chunk = request.read();
                if (chunk == null) {
                    long rest = left;
                    request.demand(() -> discard(rest, then));
                    return;
                }
                if (Content.Chunk.isFailure(chunk)) {
                    break;
                }
                left = chunk.isLast() ? 0 : left - chunk.remaining();
                chunk.release();
            }
            then.run();
        }

        private void refuse(int status, String text) {
            if (status != 413) {
                response.getHeaders().put(HttpHeader.RETRY_AFTER, RETRY_SECONDS);
            }
            // What comes of the body is not waited for.
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
            write(response, callback, status, new ErrorView(text, List.of()));
        }

        private void serve(byte[] body, boolean inPlace) {
            if (!isKnown && !takePlace()) {
                return;
            }
            Scheduler.Task late = scheduler.schedule(
                    () -> ApiConnections.abort(request), limits.answer().toMillis(), TimeUnit.MILLISECONDS);
            Request.addCompletionListener(request, _ -> late.cancel());
            Request whole = inPlace ? request : new WholeRequest(request, body);
            try {
                if (!ApiGate.super.handle(whole, response, callback)) {
                    Response.writeError(request, response, callback, 404);
                }
            } catch (Throwable failure) {
                Response.writeError(request, response, callback, failure);
            }
        }
    }

    /** A request whose body is here already, so that reading it waits for nobody. */
    private static final class WholeRequest extends Request.Wrapper {
        private final Content.Source body;
        private final long length;

        WholeRequest(Request request, byte[] body) {
            super(request);
            this.body = Content.Source.from(ByteBuffer.wrap(body));
            this.length = body.length;
        }

        @Override
        public long getLength() {
            return length;
        }

        @Override
        public Content.Chunk read() {
            return body.read();
        }

        @Override
        public void demand(Runnable runnable) {
            body.demand(runnable);
        }

        @Override
        public void fail(Throwable failure) {
            body.fail(failure);
        }
    }

    /** 0, or the status to refuse a call with. */
    private synchronized int enter(String place, boolean isKnown) {
        if (isKnown ? known >= limits.calls() : unknown >= limits.callsOfNobody()) {
            return 503;
        }
        if (underWay.getOrDefault(key(place, isKnown), 0) >= limits.callsOfOne()) {
            return 429;
        }
        underWay.merge(key(place, isKnown), 1, Integer::sum);
        known += isKnown ? 1 : 0;
        unknown += isKnown ? 0 : 1;
        return 0;
    }

    private synchronized void leave(String place, boolean isKnown) {
        underWay.computeIfPresent(key(place, isKnown), (_, count) -> count == 1 ? null : count - 1);
        known -= isKnown ? 1 : 0;
        unknown -= isKnown ? 0 : 1;
    }

    private static String key(String place, boolean isKnown) {
        return (isKnown ? "operator " : "network ") + place;
    }

    private static void write(Response response, Callback callback, int status, Object body) {
        try {
            response.setStatus(status);
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
            response.write(true, ByteBuffer.wrap(ApiRequest.JSON.writeValueAsBytes(body)), callback);
        } catch (JsonProcessingException e) {
            callback.failed(e);
        }
    }
}
