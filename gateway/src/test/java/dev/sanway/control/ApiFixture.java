package dev.sanway.control;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sanway.metadata.Catalog;
import dev.sanway.metadata.OperatorRecord.Role;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** The API with a real catalog over HTTPS, and a fake gateway behind it. */
final class ApiFixture implements AutoCloseable {

    static final ObjectMapper JSON = new ObjectMapper();

    final FakeGateway gateway = new FakeGateway();
    /** What log-in is limited by; stands still. */
    final AtomicLong nanos = new AtomicLong();

    final Catalog catalog;
    final Operators operators;
    final AuditLog audit;
    final List<Route> routes;
    final String token;
    private final ApiServer server;
    private final HttpClient client;
    private final String base;
    final int port;
    final SSLContext tls;

    ApiFixture(Path state) throws Exception {
        this(state, ApiLimits.USUAL);
    }

    ApiFixture(Path state, ApiLimits limits) throws Exception {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        ApiCredentials credentials = ApiCredentials.open(state, address.getAddress());
        catalog = Catalog.open(state);
        audit = new AuditLog(catalog.journal(AuditLog.JOURNAL, AuditLog.KEPT), Clock.systemUTC());
        operators = new Operators(catalog, credentials, Clock.systemUTC(), new LoginLimits(nanos::get));
        routes = GatewayApi.routes(
                gateway,
                gateway,
                operators,
                audit,
                new Health().with("control", true, () -> gateway.wrong),
                new Metrics(families -> families.gauge("sanway_in_flight_bytes", "Data held for hosts.", 7)),
                new LogTail());
        server = new ApiServer(address, credentials, routes, operators::caller, audit, limits);
        base = "https://127.0.0.1:" + port;
        token = Files.readString(state.resolve(ApiCredentials.TOKEN_FILE)).strip();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var in = Files.newInputStream(state.resolve(ApiCredentials.CERTIFICATE_FILE))) {
            store.setCertificateEntry(
                    "gateway", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        client = HttpClient.newBuilder().sslContext(tls).build();
    }

    /** A token of a new operator with that role, called as the role is. */
    String tokenOf(Role role) throws ApiRefusal {
        operators.create(role.name(), role, "a password of " + role);
        return operators
                .token(Caller.local(), "127.0.0.1", role.name(), "test", 1, "")
                .token();
    }

    HttpResponse<String> send(String method, String path, String authorization, String body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
                .method(
                        method,
                        body.isEmpty()
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofString(body));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    HttpResponse<String> get(String path, String bearer) throws IOException, InterruptedException {
        return send("GET", path, "Bearer " + bearer, "");
    }

    HttpResponse<String> post(String path, String bearer, String body) throws IOException, InterruptedException {
        return send("POST", path, "Bearer " + bearer, body);
    }

    static JsonNode json(HttpResponse<String> response) throws IOException {
        return JSON.readTree(response.body());
    }

    @Override
    public void close() {
        server.close();
        client.close();
        catalog.close();
    }
}
