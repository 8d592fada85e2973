package dev.sanway.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import dev.sanway.config.Sizes;
import dev.sanway.control.Views.ErrorView;
import dev.sanway.control.Views.Source;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.metadata.MadeVolume;
import io.javalin.Javalin;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.jspecify.annotations.Nullable;

/**
 * The REST API under {@code /api/v1}: HTTPS, and every call but {@code /api/v1/health} wants {@code Authorization: Bearer
 * TOKEN}. Answers are JSON; errors are {@link ErrorView}.
 */
public final class ApiServer implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper()
            .registerModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);

    private static final int DEFAULT_CHUNK_BYTES = 64 << 10;
    private static final int MAX_WAIT_SECONDS = 10;

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
            config.routes.get("/api/v1/hosts/{name}", context -> host(context, context.pathParam("name")));
            config.routes.get("/api/v1/sessions", context -> json(context, source.sessions()));
            config.routes.post("/api/v1/units/{unit}/luns/{lun}/adopt", this::adopt);
            changes(config.routes);
            config.routes.get("/api/v1/config", context -> json(context, operations.config()));
            config.routes.post("/api/v1/config/diff", context -> {
                ConfigBody body = body(context, ConfigBody.class, ConfigBody.EXAMPLE);
                json(context, operations.diffConfig(body.text(), body.shownAs()));
            });
            config.routes.post("/api/v1/config/apply", context -> {
                ConfigBody body = body(context, ConfigBody.class, ConfigBody.EXAMPLE);
                json(context, operations.applyConfig(body.text(), body.shownAs(), body.revision()));
            });
            config.routes.exception(
                    ApiRefusal.class,
                    (refusal, context) -> error(
                            context,
                            HttpStatus.forStatus(refusal.status()),
                            String.valueOf(refusal.getMessage()),
                            refusal.problems()));
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

    private void changes(RoutesConfig routes) {
        routes.post("/api/v1/volumes", this::createVolume);
        for (String path : List.of("/api/v1/volumes/{name}", "/api/v1/volumes/{host}/{name}")) {
            routes.post(path + "/grow", context -> {
                SizeBody body = body(context, SizeBody.class, "{\"size\": \"120GiB\"}");
                json(context, operations.growVolume(volumeName(context), size(body.size())));
            });
            routes.delete(
                    path,
                    context -> json(context, operations.deleteVolume(volumeName(context), flag(context, "force"))));
        }
        routes.post("/api/v1/hosts", this::createHost);
        routes.delete(
                "/api/v1/hosts/{name}",
                context -> json(context, operations.deleteHost(context.pathParam("name"), flag(context, "force"))));
        routes.get("/api/v1/tasks", context -> json(context, operations.tasks()));
        routes.get("/api/v1/tasks/{id}", context -> json(context, operations.task(id(context))));
        routes.post("/api/v1/tasks/{id}/cancel", context -> json(context, operations.cancelTask(id(context))));
        routes.get("/api/v1/events", context -> {
            long wait = Math.min(number(context, "wait"), MAX_WAIT_SECONDS);
            json(context, operations.events(number(context, "after"), wait * 1000));
        });
    }

    private static String volumeName(Context context) {
        String host = context.pathParamMap().get("host");
        return (host == null ? "" : host + "/") + context.pathParam("name");
    }

    private static boolean flag(Context context, String name) {
        return "true".equals(context.queryParam(name));
    }

    private static long id(Context context) throws ApiRefusal {
        return parse(context.pathParam("id"), "a task's id");
    }

    private static long number(Context context, String name) throws ApiRefusal {
        String text = context.queryParam(name);
        return text == null ? 0 : parse(text, name);
    }

    private static long parse(String text, String what) throws ApiRefusal {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException _) {
            throw ApiRefusal.malformed(what + " is a number, not " + text);
        }
    }

    private static long size(@Nullable String text) throws ApiRefusal {
        OptionalLong bytes = text == null ? OptionalLong.empty() : Sizes.parse(text);
        if (bytes.isEmpty() || bytes.getAsLong() == 0) {
            throw ApiRefusal.malformed((text == null ? "nothing" : "\"" + text + "\"")
                    + " is no size; write one such as 80GiB, or a number of bytes");
        }
        return bytes.getAsLong();
    }

    private record SizeBody(@Nullable String size) {}

    private record HostBody(@Nullable String name, @Nullable Integer lun) {}

    private record VolumeBody(
            @Nullable String name,
            @Nullable String size,
            @Nullable String layout,
            @Nullable Integer width,
            @Nullable String chunk,
            @Nullable Integer blockSize,
            @Nullable Integer lun,
            @Nullable List<HostBody> hosts) {}

    private void createVolume(Context context) throws ApiRefusal {
        VolumeBody body = body(
                context,
                VolumeBody.class,
                "{\"name\": \"web1/data\", \"size\": \"80GiB\", \"layout\": \"striped\", \"width\": 2}");
        String name = Objects.requireNonNullElse(body.name(), "");
        String layout = Objects.requireNonNullElse(body.layout(), "linear");
        boolean striped = layout.equals("striped");
        if (!striped && !layout.equals("linear")) {
            throw ApiRefusal.malformed("\"" + layout + "\" is no layout; write linear or striped");
        }
        if (!striped && (body.width() != null || body.chunk() != null)) {
            throw ApiRefusal.malformed("width and chunk belong to the layout striped only");
        }
        List<MadeVolume.Attachment> attachments = new ArrayList<>();
        for (HostBody host : Objects.requireNonNullElse(body.hosts(), List.<HostBody>of())) {
            attachments.add(new MadeVolume.Attachment(
                    Objects.requireNonNullElse(host.name(), ""), Objects.requireNonNullElse(host.lun(), -1)));
        }
        if (body.lun() != null) {
            int slash = name.indexOf('/');
            if (slash < 0 || !attachments.isEmpty()) {
                throw ApiRefusal.malformed("lun is for a host's own volume; a shared one has it beside each host");
            }
            attachments.add(new MadeVolume.Attachment(name.substring(0, slash), body.lun()));
        }
        long chunk = body.chunk() == null ? DEFAULT_CHUNK_BYTES : size(body.chunk());
        json(
                context,
                operations.createVolume(new Operations.NewVolume(
                        name,
                        size(body.size()),
                        Objects.requireNonNullElse(body.blockSize(), 512),
                        striped ? Objects.requireNonNullElse(body.width(), 2) : 0,
                        striped ? (int) Math.min(chunk, Integer.MAX_VALUE) : 0,
                        attachments)));
    }

    private record ChapBody(
            @Nullable String user,
            @Nullable String secret,
            @Nullable String mutualUser,
            @Nullable String mutualSecret) {
        @Override
        public String toString() {
            return "CHAP of " + user;
        }
    }

    private record NewHostBody(
            @Nullable String name,
            @Nullable List<String> initiators,
            @Nullable ChapBody chap) {}

    private void createHost(Context context) throws ApiRefusal {
        NewHostBody body = body(
                context,
                NewHostBody.class,
                "{\"name\": \"web1\", \"initiators\": [\"iqn.1993-08.org.debian:01:web1\"]}");
        ChapBody chap = body.chap();
        json(
                context,
                operations.createHost(
                        Objects.requireNonNullElse(body.name(), ""),
                        Objects.requireNonNullElse(body.initiators(), List.of()),
                        chap == null
                                ? null
                                : new Operations.NewChap(
                                        Objects.requireNonNullElse(chap.user(), ""),
                                        Objects.requireNonNullElse(chap.secret(), ""),
                                        chap.mutualUser(),
                                        chap.mutualSecret())));
    }

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

    /** {@code name}: what the sender calls the file. */
    private record ConfigBody(
            @Nullable String text, @Nullable String name, long revision) {
        private static final String EXAMPLE =
                "{\"text\": \"gateway:\\n  name: ...\", \"name\": \"gateway.yaml\", \"revision\": 3}";

        @Override
        public String text() {
            return text == null ? "" : text;
        }

        String shownAs() {
            return name == null ? "gateway.yaml" : name;
        }
    }

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

    private void host(Context context, String name) throws ApiRefusal {
        json(
                context,
                source.hosts().stream()
                        .filter(host -> host.name().equals(name))
                        .findFirst()
                        .orElseThrow(() -> ApiRefusal.unknown("there is no host " + name)));
    }

    private static void error(Context context, HttpStatus status, String text) {
        error(context, status, text, List.of());
    }

    private static void error(Context context, HttpStatus status, String text, List<String> problems) {
        if (!Optional.ofNullable(context.result()).orElse("").startsWith("{\"error\"")) {
            context.status(status);
            json(context, new ErrorView(text, problems));
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
