package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.sanway.control.Views.ErrorView;
import dev.sanway.metadata.OperatorRecord.Role;
import io.javalin.Javalin;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.component.LifeCycle;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The REST API: HTTPS, and every call wants {@code Authorization: Bearer TOKEN} of somebody whose role suffices, unless its
 * {@link Route} says that anybody may. Answers are JSON; errors are {@link ErrorView}.
 */
public final class ApiServer implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ApiServer.class);

    private static final String CALLER = "caller";
    private static final int ACCEPT_QUEUE = 256;

    /**
     * So many entries in the audit log may be of calls for which a caller has no role, or which a viewer makes, whatever comes of them;
     * then one in so many seconds.
     */
    static final int REFUSALS = 60;

    private static final int REFUSAL_SECONDS = 10;

    /** The same of calls of others that are refused for another reason, as happens to scripts that are in order. */
    static final int FAILURES = 600;

    private static final int FAILURE_SECONDS = 2;

    private final Javalin javalin;
    private final List<Route> routes;
    private final Function<String, Optional<Caller>> callers;
    private final AuditLog audit;
    private final long startNanos = System.nanoTime();
    private final Buckets refusals = new Buckets(REFUSALS, REFUSAL_SECONDS);
    private final Buckets failures = new Buckets(FAILURES, FAILURE_SECONDS);

    /**
     * Starts it.
     *
     * @param callers who has a token; asked by threads that must not wait
     */
    ApiServer(
            InetSocketAddress address,
            ApiCredentials credentials,
            List<Route> routes,
            Function<String, Optional<Caller>> callers,
            AuditLog audit,
            ApiLimits limits)
            throws IOException {
        this.routes = List.copyOf(routes);
        this.callers = callers;
        this.audit = audit;
        this.javalin = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.http.maxRequestSize = ApiLimits.CONFIG_BODY_BYTES;
            QueuedThreadPool threads = new QueuedThreadPool(limits.threads(), 8);
            threads.setName("api");
            config.jetty.threadPool = threads;
            ApiConnections connections = new ApiConnections(limits);
            config.jetty.modifyServer(
                    server -> server.insertHandler(new ApiGate(limits, connections, callers, routes)));
            config.jetty.addConnector(
                    (server, http) -> connector(server, http, address, credentials, limits, connections));
            config.routes.before("/*", this::authenticate);
            routes.forEach(route -> add(config.routes, route));
            config.routes.exception(ApiRefusal.class, (refusal, context) -> {
                if (refusal.retryAfterSeconds() > 0) {
                    context.header("Retry-After", Long.toString(refusal.retryAfterSeconds()));
                }
                error(
                        context,
                        HttpStatus.forStatus(refusal.status()),
                        String.valueOf(refusal.getMessage()),
                        refusal.problems());
            });
            config.routes.exception(RuntimeException.class, (failure, context) -> {
                log.error("{} {} failed", context.method(), context.path(), failure);
                error(context, HttpStatus.INTERNAL_SERVER_ERROR, "the gateway failed at this; its log says more");
            });
            config.routes.error(
                    404,
                    context -> error(context, HttpStatus.NOT_FOUND, "there is no " + context.path() + " in this API"));
        });
        try {
            javalin.start();
        } catch (RuntimeException e) {
            throw new IOException("the REST API cannot listen on " + address + ": " + e.getMessage(), e);
        }
    }

    private static ServerConnector connector(
            Server server,
            HttpConfiguration http,
            InetSocketAddress address,
            ApiCredentials credentials,
            ApiLimits limits,
            ApiConnections connections) {
        SslContextFactory.Server tls = new SslContextFactory.Server();
        tls.setKeyStore(credentials.keyStore());
        tls.setKeyStorePassword(ApiCredentials.keyStorePassword());
        HttpConfiguration https = new HttpConfiguration(http);
        https.addCustomizer(new SecureRequestCustomizer(false));
        https.setSendServerVersion(false);
        ServerConnector connector = new ServerConnector(
                server, 1, 1, new SslConnectionFactory(tls, "http/1.1"), new HttpConnectionFactory(https));
        connector.setHost(address.getAddress().getHostAddress());
        connector.setPort(address.getPort());
        connector.setAcceptQueueSize(ACCEPT_QUEUE);
        connector.setIdleTimeout(limits.quiet().toMillis());
        connector.addBean(connections);
        connector.addEventListener(new LifeCycle.Listener() {
            @Override
            public void lifeCycleStarted(LifeCycle started) {
                connections.watch(connector.getScheduler());
            }
        });
        return connector;
    }

    private void add(RoutesConfig config, Route route) {
        config.addHttpHandler(
                HandlerType.findOrCreate(route.method().name()), route.path(), context -> serve(route, context));
    }

    /** Nothing that needs a token is even looked for without one. */
    private void authenticate(Context context) throws ApiRefusal {
        Optional<Caller> caller = bearer(context.header("Authorization")).flatMap(callers);
        if (caller.isPresent()) {
            context.attribute(CALLER, caller.get());
            return;
        }
        String path = context.path();
        boolean open = routes.stream()
                .anyMatch(route -> route.role() == null
                        && route.path().equals(path)
                        && route.method().name().equals(context.method().name()));
        if (!open) {
            context.header("WWW-Authenticate", "Bearer");
            context.skipRemainingHandlers();
            throw ApiRefusal.unauthorized("a valid token is wanted: Authorization: Bearer TOKEN. "
                    + "Operators get one with \"sanway login\"");
        }
    }

    /** The token in a header {@code Authorization}. */
    static Optional<String> bearer(@Nullable String authorization) {
        String header = Objects.requireNonNullElse(authorization, "");
        return header.startsWith("Bearer ")
                ? Optional.of(header.substring("Bearer ".length()).strip())
                : Optional.empty();
    }

    private void serve(Route route, Context context) throws ApiRefusal {
        Caller caller = context.attribute(CALLER);
        if (route.role() == null) {
            answer(context, route.handler().answer(new ApiRequest(context, caller == null ? NOBODY : caller)));
            return;
        }
        if (caller == null) {
            throw ApiRefusal.unauthorized("a valid token is wanted");
        }
        if (route.audited()) {
            boundEntries(caller, route.role());
        }
        AuditLog.Begun begun = route.audited() ? begin(route, context, caller) : null;
        try {
            Role needed = route.role();
            if (!caller.role().covers(needed)) {
                throw ApiRefusal.forbidden("this takes the role " + needed + "; you are " + caller.name()
                        + ", with the role " + caller.role());
            }
            Object answer = route.handler().answer(new ApiRequest(context, caller));
            end(begun, 200, "done");
            answer(context, answer);
        } catch (ApiRefusal refusal) {
            end(begun, refusal.status(), String.valueOf(refusal.getMessage()));
            refused(caller, route);
            throw refusal;
        } catch (RuntimeException failure) {
            end(begun, 500, "failed: " + failure.getMessage());
            throw failure;
        }
    }

    /** Past the bound a call is refused and not written down, lest it push everything else out of the audit log. */
    private void boundEntries(Caller caller, Role needed) throws ApiRefusal {
        if (caller.token() == null) {
            return;
        }
        boolean little = caller.role() == Role.viewer || !caller.role().covers(needed);
        long now = System.nanoTime() - startNanos;
        long wait;
        synchronized (refusals) {
            wait = little ? refusals.takeNanos(caller.name(), now) : failures.waitNanos(caller.name(), now);
        }
        if (wait > 0) {
            long seconds = TimeUnit.NANOSECONDS.toSeconds(wait) + 1;
            throw ApiRefusal.tooMany(
                    (little ? "too many calls that change something" : "too many calls that were refused")
                            + "; you are " + caller.name() + ", with the role " + caller.role(),
                    seconds);
        }
    }

    private void refused(Caller caller, Route route) {
        if (route.audited() && caller.token() != null) {
            synchronized (refusals) {
                long _ = failures.takeNanos(caller.name(), System.nanoTime() - startNanos);
            }
        }
    }

    /** Who calls without a token where none is needed. */
    private static final Caller NOBODY = new Caller("", Role.viewer, null);

    private AuditLog.Begun begin(Route route, Context context, Caller caller) throws ApiRefusal {
        StringJoiner path = new StringJoiner("&", context.path() + "?", "").setEmptyValue(context.path());
        for (Route.Query query : route.queries()) {
            String value = context.queryParam(query.name());
            if (value != null) {
                path.add(query.name() + "=" + value);
            }
        }
        return audit.begin(
                caller.name(), context.ip(), route.method().name(), path.toString(), context.body(), route.body());
    }

    private void end(AuditLog.@Nullable Begun begun, int status, String outcome) {
        if (begun != null) {
            audit.end(begun, status, outcome);
        }
    }

    private static void error(Context context, HttpStatus status, String text) {
        error(context, status, text, List.of());
    }

    private static void error(Context context, HttpStatus status, String text, List<String> problems) {
        if (!Optional.ofNullable(context.result()).orElse("").startsWith("{\"error\"")) {
            context.status(status);
            answer(context, new ErrorView(text, problems));
        }
    }

    private static void answer(Context context, Object value) {
        if (value instanceof Route.Raw raw) {
            context.contentType(raw.contentType()).result(raw.bytes());
            return;
        }
        try {
            context.contentType("application/json").result(ApiRequest.JSON.writeValueAsString(value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        javalin.stop();
    }
}
