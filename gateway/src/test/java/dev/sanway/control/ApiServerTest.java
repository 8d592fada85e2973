package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.PartitionView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.control.Views.VolumeView;
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
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.List;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiServerTest {

    private static final List<String> CALLS = List.of(
            "volumes", "partitions", "units", "sessions", "volumes/web1/data", "tasks", "tasks/1", "events", "config");

    /** One volume and nothing else. */
    private static final class Fake implements Views.Source, Operations {
        private final List<String> created = new java.util.concurrent.CopyOnWriteArrayList<>();

        @Override
        public List<VolumeView> volumes() {
            return List.of(new VolumeView(
                    "web1/data",
                    new UUID(1, 2),
                    1 << 20,
                    512,
                    "linear",
                    1,
                    0,
                    "ready",
                    null,
                    "command",
                    List.of(),
                    List.of()));
        }

        @Override
        public Views.UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal {
            if (!erase) {
                throw ApiRefusal.conflict(unit + " lun " + lun + ": it holds an ext4 file system");
            }
            return new Views.UnitLunView(lun, new UUID(3, 4), 1 << 20, 1 << 19, "online", null);
        }

        @Override
        public VolumeView createVolume(NewVolume wanted) {
            created.add(wanted.toString());
            return volumes().getFirst();
        }

        @Override
        public VolumeView growVolume(String name, long sizeBytes) {
            created.add(name + " " + sizeBytes);
            return volumes().getFirst();
        }

        @Override
        public Views.TaskView deleteVolume(String name, boolean force) throws ApiRefusal {
            if (!force) {
                throw ApiRefusal.conflict(name + ": host web1 is logged in");
            }
            return task(1);
        }

        @Override
        public HostView createHost(
                String name, List<String> initiators, @org.jspecify.annotations.Nullable NewChap chap) {
            created.add(name + " " + initiators + " " + chap);
            return new HostView(name, "iqn.2026-11.example:" + name, initiators, chap != null, "command");
        }

        @Override
        public HostView deleteHost(String name, boolean force) {
            return new HostView(name, "iqn.2026-11.example:" + name, List.of(), false, "command");
        }

        @Override
        public List<Views.TaskView> tasks() {
            return List.of(task(1));
        }

        @Override
        public Views.TaskView task(long id) {
            return new Views.TaskView(id, "delete", "web1/data", "running", 0, "2026-11-24T12:00:00Z", null);
        }

        @Override
        public Views.TaskView cancelTask(long id) throws ApiRefusal {
            throw ApiRefusal.conflict("task " + id + ": a deletion cannot be stopped");
        }

        @Override
        public List<Events.Event> events(long after, long waitMillis) {
            return List.of();
        }

        @Override
        public Views.ConfigView config() {
            return new Views.ConfigView(3, "2026-11-24T12:00:00Z", "apply", "/gateway.yaml", "gateway: {}");
        }

        @Override
        public Views.DiffView diffConfig(String text, String shownAs) throws ApiRefusal {
            if (text.isEmpty()) {
                throw ApiRefusal.configuration(
                        "the configuration has mistakes", List.of(shownAs + ":1: nothing there"));
            }
            return new Views.DiffView(3, List.of(), List.of());
        }

        @Override
        public Views.DiffView applyConfig(String text, String shownAs, long revision) throws ApiRefusal {
            if (revision != 3) {
                throw ApiRefusal.conflict("the configuration is at revision 3");
            }
            return new Views.DiffView(4, List.of(), List.of());
        }

        @Override
        public List<PartitionView> partitions() {
            return List.of();
        }

        @Override
        public List<UnitView> units() {
            return List.of();
        }

        @Override
        public List<SessionView> sessions() {
            return List.of();
        }

        @Override
        public List<HostView> hosts() {
            return List.of();
        }
    }

    @TempDir
    Path state;

    private ApiServer server;
    private HttpClient client;
    private String base;
    private String token;

    @BeforeEach
    void start() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        server = new ApiServer(address, ApiCredentials.open(state, address.getAddress()), new Fake(), new Fake());
        base = "https://127.0.0.1:" + port + "/api/v1/";
        token = Files.readString(state.resolve(ApiCredentials.TOKEN_FILE)).strip();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (var in = Files.newInputStream(state.resolve(ApiCredentials.CERTIFICATE_FILE))) {
            store.setCertificateEntry(
                    "gateway", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        client = HttpClient.newBuilder().sslContext(tls).build();
    }

    @AfterEach
    void stop() {
        server.close();
        client.close();
    }

    private HttpResponse<String> get(String path, String authorization) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void everyCallIsRefusedWithoutAValidToken() throws Exception {
        for (String call : CALLS) {
            for (String wrong : List.of("", "Bearer ", "Bearer x" + token, "Basic " + token, "Bearer " + token + "x")) {
                HttpResponse<String> refused = get(call, wrong);
                assertThat(refused.statusCode()).as(call + " with " + wrong).isEqualTo(401);
                assertThat(refused.body()).doesNotContain("web1").contains("\"error\"");
            }
            assertThat(get(call, "Bearer " + token).statusCode()).as(call).isEqualTo(200);
        }
    }

    @Test
    void healthNeedsNoToken() throws Exception {
        assertThat(get("health", "").statusCode()).isEqualTo(200);
    }

    @Test
    void whatIsNotThereIsSaidSo() throws Exception {
        assertThat(get("volumes/web1/none", "Bearer " + token).statusCode()).isEqualTo(404);
        HttpResponse<String> unknown = get("nothing", "Bearer " + token);
        assertThat(unknown.statusCode()).isEqualTo(404);
        assertThat(unknown.body()).contains("\"error\"");
        assertThat(get("nothing", "").statusCode()).isEqualTo(401);
    }

    @Test
    void tokenAndKeyAreForTheirOwnerOnlyAndStayTheSame() throws Exception {
        for (String file : List.of(ApiCredentials.TOKEN_FILE, "api.p12")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state.resolve(file))))
                    .isEqualTo("rw-------");
        }
        ApiCredentials again = ApiCredentials.open(state, InetAddress.getLoopbackAddress());
        assertThat(again.accepts(token)).isTrue();
    }

    private HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create(base + path))
                        .header("Authorization", "Bearer " + token)
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void changesAreCheckedBeforeTheyAreAskedFor() throws Exception {
        assertThat(post("volumes", "{\"name\": \"web1/a\", \"size\": \"1GiB\"}").statusCode())
                .isEqualTo(200);
        for (String wrong : List.of(
                "{\"name\": \"web1/a\", \"size\": \"much\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"colour\": \"red\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"layout\": \"mirrored\"}",
                "{\"name\": \"web1/a\", \"size\": \"1GiB\", \"width\": 2}",
                "{\"name\": \"shared\", \"size\": \"1GiB\", \"lun\": 2}",
                "[",
                "{}")) {
            HttpResponse<String> refused = post("volumes", wrong);
            assertThat(refused.statusCode()).as(wrong).isEqualTo(400);
            assertThat(refused.body()).as(wrong).contains("\"error\"");
        }
        assertThat(post("units/unit1/luns/0/adopt", "{}").statusCode()).isEqualTo(409);
        assertThat(post("units/unit1/luns/0/adopt", "{\"erase\": true}").statusCode())
                .isEqualTo(200);
        assertThat(post("units/unit1/luns/x/adopt", "{\"erase\": true}").statusCode())
                .isEqualTo(400);
        assertThat(post("config/apply", "{\"text\": \"gateway: {}\", \"revision\": 2}")
                        .statusCode())
                .as("a stale revision")
                .isEqualTo(409);
        HttpResponse<String> mistakes = post("config/diff", "{\"name\": \"mine.yaml\"}");
        assertThat(mistakes.statusCode()).isEqualTo(422);
        assertThat(mistakes.body()).contains("mine.yaml:1: nothing there");
        assertThat(post(
                                "hosts",
                                "{\"name\": \"web9\", \"initiators\": [\"iqn.2026-11.example:a\"], \"chap\": "
                                        + "{\"user\": \"a\", \"secret\": \"very-secret-word\"}}")
                        .body())
                .contains("\"chap\":true")
                .doesNotContain("very-secret-word");
    }
}
