package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.sanway.control.Views.ErrorView;
import dev.sanway.control.Views.Source;
import dev.sanway.control.Views.VolumeView;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Optional;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;

/**
 * The REST API under {@code /api/v1}: HTTPS, and every call but {@code /api/v1/health} wants {@code Authorization: Bearer
 * TOKEN}. Answers are JSON; errors are {@link ErrorView}.
 */
public final class ApiServer implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper()
            .registerModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);

    private final Javalin javalin;
    private final ApiCredentials credentials;
    private final Source source;
    private final Operations operations;

    /** Starts it. */
    public ApiServer(InetSocketAddress address, ApiCredentials credentials, Source source, Operations operations)
            throws IOException {
        this.credentials = credentials;
        this.source = source;
        this.operations = operations;
        this.javalin = Javalin.create(config -> {
            config.startup.showJavalinBanner = false;
            config.jetty.addConnector((server, http) -> {
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
                return connector;
            });
            config.routes.before("/*", this::authorize);
            config.routes.get("/api/v1/health", context -> json(context, new Health("up")));
            config.routes.get("/api/v1/volumes", context -> json(context, source.volumes()));
            config.routes.get("/api/v1/volumes/{name}", context -> volume(context, context.pathParam("name")));
            config.routes.get(
                    "/api/v1/volumes/{host}/{name}",
                    context -> volume(context, context.pathParam("host") + "/" + context.pathParam("name")));
            config.routes.get("/api/v1/partitions", context -> json(context, source.partitions()));
            config.routes.get("/api/v1/units", context -> json(context, source.units()));
            config.routes.get("/api/v1/hosts", context -> json(context, source.hosts()));
            config.routes.get("/api/v1/sessions", context -> json(context, source.sessions()));
            config.routes.post("/api/v1/units/{unit}/luns/{lun}/adopt", this::adopt);
            config.routes.exception(
                    ApiRefusal.class,
                    (refusal, context) -> error(
                            context, HttpStatus.forStatus(refusal.status()), String.valueOf(refusal.getMessage())));
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

    private record Health(String status) {}

    private void authorize(Context context) {
        if (context.path().equals("/api/v1/health")) {
            return;
        }
        String header = Optional.ofNullable(context.header("Authorization")).orElse("");
        if (!header.startsWith("Bearer ")
                || !credentials.accepts(header.substring("Bearer ".length()).strip())) {
            context.header("WWW-Authenticate", "Bearer");
            error(context, HttpStatus.UNAUTHORIZED, "a valid token is wanted: Authorization: Bearer TOKEN");
            context.skipRemainingHandlers();
        }
    }

    private record AdoptBody(boolean erase) {}

    private void adopt(Context context) throws ApiRefusal {
        int lun;
        try {
            lun = Integer.parseInt(context.pathParam("lun"));
        } catch (NumberFormatException _) {
            throw ApiRefusal.malformed("a LUN is a number, not " + context.pathParam("lun"));
        }
        AdoptBody body = body(context, AdoptBody.class, "{\"erase\": true}");
        json(context, operations.adopt(context.pathParam("unit"), lun, body.erase()));
    }

    /** The request's body; an unknown key or another type is refused, showing the {@code example}. */
    private static <T> T body(Context context, Class<T> type, String example) throws ApiRefusal {
        try {
            return JSON.readValue(context.body().isEmpty() ? "{}" : context.body(), type);
        } catch (JsonProcessingException e) {
            throw ApiRefusal.malformed(
                    "the body is not as it should be: " + e.getOriginalMessage() + "; it looks like " + example);
        }
    }

    private void volume(Context context, String name) {
        Optional<VolumeView> found = source.volumes().stream()
                .filter(volume -> volume.name().equals(name))
                .findFirst();
        if (found.isPresent()) {
            json(context, found.get());
        } else {
            error(context, HttpStatus.NOT_FOUND, "there is no volume " + name);
        }
    }

    private static void error(Context context, HttpStatus status, String text) {
        if (!Optional.ofNullable(context.result()).orElse("").startsWith("{\"error\"")) {
            context.status(status);
            json(context, new ErrorView(text));
        }
    }

    private static void json(Context context, Object value) {
        try {
            context.contentType("application/json").result(JSON.writeValueAsString(value));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        javalin.stop();
    }
}
