package dev.sanway.integration.bench;

import dev.sanway.bench.AccessPattern;
import dev.sanway.bench.LoadFailure;
import dev.sanway.bench.LoadGenerator;
import dev.sanway.bench.LoadPlan;
import dev.sanway.bench.LoadResult;
import dev.sanway.bench.LoadTarget;
import dev.sanway.iscsi.IscsiName;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The program behind {@code scripts/bench --hostile}. */
@Command(
        name = "bench --hostile",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures a well-behaved host of a gateway alone and beside peers that behave badly, each kind by itself and all at",
            "once: throughput (256 KiB reads, depth 8) and median latency (4 KiB reads, depth 1) as ratios to alone, the gateway's",
            "resident size, the slowest login of a third host and the slowest answer of /health/live. Everything on loopback.",
            "Results: target/bench/hostile.md. Exit status 1 if the gateway died."
        })
final class Hostile implements Callable<Integer> {

    private static final String PREFIX = "iqn.2026-11.dev.sanway:";
    private static final String GOOD = PREFIX + "good-host";
    private static final String THIRD = PREFIX + "third-host";
    private static final long SIZE_BYTES = 256L << 20;
    private static final long PROBE_MILLIS = 250;
    private static final double LEAST_THROUGHPUT = 0.5;
    private static final double MOST_LATENCY = 5;
    private static final long MOST_MILLIS = 1_000;

    @Option(names = "--seconds", defaultValue = "4", description = "Of each measurement beside a kind (4).")
    int seconds;

    @Option(names = "--all-for", defaultValue = "60", description = "Seconds beside all kinds at once (60).")
    int allFor;

    @Option(
            names = "--only",
            paramLabel = "REGEX",
            description = "Only kinds whose whole name matches; \"all\" is one.")
    Pattern only = Pattern.compile(".*");

    @Option(names = "--root", hidden = true, required = true)
    Path root = Path.of(".");

    private final List<Server> servers = new ArrayList<>();
    private Path memory = Path.of("/dev/shm");
    private int port;
    private int management;
    private int unitPort;
    private SSLContext anybody = anybody();

    Hostile() throws GeneralSecurityException {}

    public static void main(String[] arguments) throws GeneralSecurityException {
        System.exit(new CommandLine(new Hostile()).setUsageHelpAutoWidth(true).execute(arguments));
    }

    /** What the good host had. */
    private record Figures(double megabytesPerSecond, double medianMicros) {}

    private record Line(
            String kind, double throughput, double latency, long residentMiB, long loginMillis, long healthMillis) {
        boolean missed() {
            return throughput < LEAST_THROUGHPUT
                    || latency > MOST_LATENCY
                    || loginMillis > MOST_MILLIS
                    || healthMillis > MOST_MILLIS;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "| %s | %.2f | %.1f | %d | %d | %d | %s |",
                    kind,
                    throughput,
                    latency,
                    residentMiB,
                    loginMillis,
                    healthMillis,
                    missed() ? "missed" : "");
        }
    }

    @Override
    public Integer call() throws Exception {
        memory = Files.createTempDirectory(Path.of("/dev/shm"), "sanway-hostile");
        try {
            Server gateway = start();
            List<Line> lines = new ArrayList<>();
            measure(2, 1); // the virtual machine compiles
            measure(2, 1);
            Figures first = measure(seconds, seconds);
            for (String kind :
                    Stream.concat(Hostility.KINDS.stream(), Stream.of("all")).toList()) {
                if (!only.matcher(kind).matches()) {
                    continue;
                }
                Figures alone = measure(seconds, seconds);
                lines.add(beside(kind, alone, gateway));
                System.out.println(lines.getLast());
                if (!gateway.isAlive()) {
                    System.out.println("The gateway died beside: " + kind);
                    return 1;
                }
                TimeUnit.SECONDS.sleep(2);
            }
            Figures after = measure(seconds, seconds);
            String table = table(lines, first, after, residentMiB(gateway));
            Path folder = Files.createDirectories(root.resolve("target/bench"));
            Files.writeString(folder.resolve("hostile.md"), table);
            System.out.println("\n" + table);
            return 0;
        } finally {
            servers.reversed().forEach(server -> server.stop(false));
            remove();
        }
    }

    private String table(List<Line> lines, Figures first, Figures after, long residentMiB) {
        StringBuilder text = new StringBuilder();
        text.append("Wanted: throughput at least ").append(LEAST_THROUGHPUT).append(", latency at most ");
        text.append(MOST_LATENCY)
                .append(", login and health within ")
                .append(MOST_MILLIS)
                .append(" ms.\n\n");
        text.append(
                "| beside | throughput | median latency | resident MiB | slowest login ms | slowest health ms | |\n");
        text.append("| --- | --- | --- | --- | --- | --- | --- |\n");
        lines.forEach(line -> text.append(line).append('\n'));
        text.append(String.format(
                Locale.ROOT,
                "%nAlone before: %.0f MB/s, %.0f us. Afterwards: %.0f MB/s, %.0f us, %d MiB resident.%n",
                first.megabytesPerSecond(),
                first.medianMicros(),
                after.megabytesPerSecond(),
                after.medianMicros(),
                residentMiB));
        return text.toString();
    }

    private Server start() throws IOException, InterruptedException {
        port = freePort();
        management = freePort();
        unitPort = freePort();
        int real = freePort();
        Path unit = memory.resolve("unit.yaml");
        Files.writeString(unit, """
                unit: {name: u1, portals: ["127.0.0.1:%d"], directory: u1}
                volumes:
                  - {name: volume1, size: 1GiB, lun: 0}
                """.formatted(real));
        sanway("unit", "unit", "run", "--config", unit.toString()).awaitLog(" ready");
        Path config = memory.resolve("gateway.yaml");
        Files.writeString(config, """
                gateway:
                  name: gw
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: gw
                  management: "127.0.0.1:%d"
                units:
                  - {name: u1, portal: "127.0.0.1:%d", target: "%sunit.u1"}
                  - {name: bad, portal: "127.0.0.1:%d", target: "%sunit.bad"}
                hosts:
                  - name: good
                    initiators: ["%s"]
                    volumes: [{name: v, lun: 0, size: %d}]
                  - name: bad
                    initiators: ["%s"]
                    volumes: [{name: v, lun: 0, size: %d}]
                  - name: third
                    initiators: ["%s"]
                    volumes: [{name: v, lun: 0, size: 16MiB}]
                """.formatted(
                port, management, real, PREFIX, unitPort, PREFIX, GOOD, SIZE_BYTES, Hostility.BAD, SIZE_BYTES, THIRD));
        Server gateway = sanway("gateway", "gateway", "run", "--config", config.toString());
        gateway.awaitLog("hosts can log in");
        fill();
        return gateway;
    }

    private Server sanway(String name, String... arguments) throws IOException {
        List<String> words =
                new ArrayList<>(List.of(root.resolve("scripts/sanway").toString()));
        words.addAll(List.of(arguments));
        Server server = new Server(name, memory, words.toArray(new String[0]));
        servers.add(server);
        return server;
    }

    /** A new volume is not ready before it is wiped. */
    private void fill() throws InterruptedException, IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                LoadGenerator.run(
                        plan(256 << 10, 4, new AccessPattern(true, 0), 0, SIZE_BYTES >> 18),
                        new LoadGenerator.Observer() {});
                return;
            } catch (LoadFailure failure) {
                if (System.nanoTime() > end) {
                    throw new IOException("the volume does not become ready: " + failure.getMessage(), failure);
                }
                Thread.sleep(200);
            }
        }
    }

    private LoadPlan plan(int requestBytes, int depth, AccessPattern pattern, long millis, long requests) {
        return new LoadPlan(
                List.of(LoadTarget.of("127.0.0.1", port, new IscsiName(PREFIX + "good"), 0)),
                new IscsiName(GOOD),
                1,
                depth,
                1,
                requestBytes,
                pattern,
                SIZE_BYTES,
                false,
                false,
                false,
                false,
                1,
                200,
                millis,
                requests);
    }

    private Figures measure(int throughputSeconds, int latencySeconds) throws InterruptedException {
        try {
            LoadResult large = LoadGenerator.run(
                    plan(256 << 10, 8, new AccessPattern(true, 100), throughputSeconds * 1000L, 0),
                    new LoadGenerator.Observer() {});
            LoadResult small = LoadGenerator.run(
                    plan(4096, 1, new AccessPattern(false, 100), latencySeconds * 1000L, 0),
                    new LoadGenerator.Observer() {});
            return new Figures(large.megabytesPerSecond(), small.all().getValueAtPercentile(50) / 1e3);
        } catch (LoadFailure failure) {
            System.out.println("The good host failed: " + failure.getMessage());
            return new Figures(0, 1e9);
        }
    }

    private Line beside(String kind, Figures alone, Server gateway) throws Exception {
        boolean all = kind.equals("all");
        try (Hostility hostility =
                new Hostility(PREFIX + "bad", port, management, unitPort, SIZE_BYTES / 512, anybody)) {
            for (String each : all ? Hostility.KINDS : List.of(kind)) {
                hostility.start(each);
            }
            TimeUnit.SECONDS.sleep(2);
            try (Probe logins = new Probe(this::logIn);
                    Probe health = new Probe(this::health)) {
                int half = all ? Math.max(seconds, allFor / 2) : seconds;
                Figures now = measure(half, half);
                return new Line(
                        kind,
                        now.megabytesPerSecond() / alone.megabytesPerSecond(),
                        now.medianMicros() / alone.medianMicros(),
                        residentMiB(gateway),
                        logins.slowestMillis(),
                        health.slowestMillis());
            }
        }
    }

    /** Does something again and again, and keeps how long the slowest took. */
    private static final class Probe implements AutoCloseable {
        private volatile boolean stopped;
        private volatile long slowestMillis;
        private volatile long sinceNanos = System.nanoTime();
        private final Thread thread;

        Probe(Callable<Boolean> work) {
            thread = Thread.ofPlatform().daemon().start(() -> {
                while (!stopped) {
                    sinceNanos = System.nanoTime();
                    boolean good;
                    try {
                        good = work.call();
                    } catch (Exception failed) {
                        good = false;
                    }
                    note(good ? 0 : 99_999);
                    try {
                        Thread.sleep(PROBE_MILLIS);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            });
        }

        private void note(long atLeastMillis) {
            long millis = Math.max(atLeastMillis, (System.nanoTime() - sinceNanos) / 1_000_000);
            slowestMillis = Math.max(slowestMillis, millis);
        }

        long slowestMillis() {
            return slowestMillis;
        }

        @Override
        public void close() throws InterruptedException {
            stopped = true;
            thread.join(10_000);
        }
    }

    private boolean logIn() throws IOException {
        try (Peer peer = new Peer("127.0.0.1", port)) {
            peer.socket.setSoTimeout(10_000);
            return peer.login(7, "InitiatorName=" + THIRD, "TargetName=" + PREFIX + "third");
        }
    }

    private boolean health() throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newBuilder()
                .sslContext(anybody)
                .connectTimeout(Duration.ofSeconds(10))
                .build()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + management + "/health/live"))
                            .timeout(Duration.ofSeconds(10))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() == 200;
        }
    }

    /** Trusts whoever answers: it is the gateway that was started here. */
    private static SSLContext anybody() throws GeneralSecurityException {
        System.setProperty("jdk.internal.httpclient.disableHostnameVerification", "true");
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(
                null,
                new TrustManager[] {
                    new X509TrustManager() {
                        @Override
                        public void checkClientTrusted(X509Certificate[] chain, String type) {}

                        @Override
                        public void checkServerTrusted(X509Certificate[] chain, String type) {}

                        @Override
                        public X509Certificate[] getAcceptedIssuers() {
                            return new X509Certificate[0];
                        }
                    }
                },
                null);
        return context;
    }

    private static long residentMiB(Server server) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + server.pid() + "/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) >> 10;
            }
        }
        return -1;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private void remove() throws IOException {
        try (Stream<Path> files = Files.walk(memory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
