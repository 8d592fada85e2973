package dev.sanway.integration.bench;

import dev.sanway.bench.LoadTarget;
import dev.sanway.iscsi.IscsiName;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The contenders' processes on loopback, with their disks in memory; closing it ends and removes them all. */
final class Lab implements AutoCloseable {

    private static final String PREFIX = "iqn.2026-11.dev.sanway:";
    private static final int UNITS = 4;

    /** What a unit needs beside the volumes, for labels and alignment. */
    private static final long SLACK_BYTES = 64L << 20;

    private final Path root;
    private final @Nullable Path beside;
    private final Path memory;
    private final Path disk;
    private final long sizeBytes;
    private volatile boolean closed;
    private final Deque<Runnable> endings = new ArrayDeque<>();
    private final List<Contender> contenders = new ArrayList<>();

    /**
     * @param root the project's folder
     * @param beside another checkout whose unit and gateway take part; null: none
     * @param sizeBytes of each contender's LUN
     */
    Lab(Path root, @Nullable Path beside, long sizeBytes) throws IOException {
        this.root = root;
        this.beside = beside;
        this.sizeBytes = sizeBytes;
        memory = Files.createTempDirectory(Path.of("/dev/shm"), "sanway-bench");
        disk = Files.createTempDirectory(Files.createDirectories(root.resolve("target/bench")), "disk");
        endings.push(() -> remove(memory));
        endings.push(() -> remove(disk));
    }

    /** The names of all contenders, in the order of the report. */
    static List<String> names() {
        return List.of(
                "unit",
                "tgtd",
                "haproxy",
                "gateway",
                "unit-before",
                "gateway-before",
                "gateway-x2",
                "gateway-x4",
                "unit+digests",
                "tgtd+digests",
                "gateway+digests",
                "unit-ext4",
                "tgtd-ext4",
                "jscsi");
    }

    /**
     * Starts what the wanted contenders need. Those whose program is not installed are left out, and named.
     *
     * <p>tgtd itself, HAProxy and the gateway before it use one and the same LUN, so that none has the better memory.
     */
    List<Contender> start(Predicate<String> asked) throws IOException, InterruptedException {
        Predicate<String> wanted = asked.and(available(asked));
        if (wanted.test("unit") || wanted.test("unit+digests")) {
            unit("unit", memory, root);
        }
        if (beside != null && wanted.test("unit-before")) {
            unit("unit-before", memory, beside);
        }
        boolean gateway = names().stream().anyMatch(name -> name.startsWith("gateway") && wanted.test(name));
        if (gateway || Stream.of("tgtd", "tgtd+digests", "haproxy").anyMatch(wanted)) {
            tgtd(wanted, gateway);
        }
        for (String name : List.of("unit", "gateway")) {
            contenders.stream()
                    .filter(contender -> contender.name().equals(name))
                    .findFirst()
                    .map(Contender::withDigests)
                    .ifPresent(contenders::add);
        }
        if (wanted.test("unit-ext4")) {
            unit("unit-ext4", disk, root);
        }
        if (wanted.test("tgtd-ext4")) {
            Tgtd onDisk = new Tgtd("tgtd-ext4", disk, sizeBytes);
            contenders.add(Contender.of("tgtd-ext4", onDisk.lun(1), false, onDisk.server)
                    .onFewRows());
        }
        if (wanted.test("jscsi")) {
            jscsi();
        }
        return contenders.stream()
                .filter(contender -> wanted.test(contender.name()))
                .sorted(Comparator.comparingInt(contender -> names().indexOf(contender.name())))
                .toList();
    }

    /** A contender's programs, and the packages that bring them. */
    private static Predicate<String> available(Predicate<String> asked) {
        boolean tgt = Files.isExecutable(Path.of("/usr/sbin/tgtd"));
        boolean haproxy = Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "haproxy")));
        Predicate<String> found = name ->
                (tgt || name.matches("unit(\\+digests|-ext4|-before)?|jscsi")) && (haproxy || !name.equals("haproxy"));
        List<String> missing =
                names().stream().filter(asked).filter(found.negate()).toList();
        if (!missing.isEmpty()) {
            System.out.println("Left out: " + String.join(", ", missing) + " (packages that are not installed:"
                    + (tgt ? "" : " tgt") + (haproxy ? "" : " haproxy") + ")");
        }
        return found;
    }

    private void tgtd(Predicate<String> wanted, boolean gateway) throws IOException, InterruptedException {
        boolean several = wanted.test("gateway-x2") || wanted.test("gateway-x4");
        // A LUN with room for each gateway's volumes; the other checkout's gateway has a LUN of its own.
        Tgtd direct = new Tgtd("tgtd", memory, 3 * sizeBytes + SLACK_BYTES);
        contenders.add(Contender.of("tgtd", direct.lun(1), false, direct.server));
        if (wanted.test("tgtd+digests")) {
            contenders.add(Contender.of("tgtd", direct.withDigests(), false, direct.server)
                    .withDigests());
        }
        if (wanted.test("haproxy")) {
            haproxy(direct);
        }
        if (gateway) {
            gateway("gateway", root, direct, several);
        }
        if (beside != null && wanted.test("gateway-before")) {
            // A label of its own: a tgtd of its own, as another gateway's unit is in use.
            gateway("gateway-before", beside, new Tgtd("tgtd-before", memory, 3 * sizeBytes + SLACK_BYTES), false);
        }
    }

    private void unit(String name, Path folder, Path checkout) throws IOException, InterruptedException {
        int port = freePort();
        Path config = folder.resolve(name + ".yaml");
        Files.writeString(config, """
                unit: {name: %s, portals: ["127.0.0.1:%d"], directory: %s}
                volumes:
                  - {name: volume1, size: %d, lun: 0}
                """.formatted(name, port, name, sizeBytes));
        Server server = sanway(name, checkout, "unit", "run", "--config", config.toString());
        server.awaitLog(" ready");
        Contender contender = Contender.of(name, target(port, PREFIX + "unit." + name, 0), true, server);
        contenders.add(name.endsWith("ext4") ? contender.onFewRows() : contender);
    }

    private Server sanway(String name, Path checkout, String... arguments) throws IOException {
        List<String> words =
                new ArrayList<>(List.of(checkout.resolve("scripts/sanway").toString()));
        words.addAll(List.of(arguments));
        Server server = new Server(name, memory, words.toArray(new String[0]));
        endings.push(() -> server.stop(false));
        return server;
    }

    private void jscsi() throws IOException, InterruptedException {
        int port = freePort();
        String iqn = "iqn.2026-11.example:jscsi";
        Path file = memory.resolve("jscsi.disk");
        sparse(file, sizeBytes + (1 << 20));
        Server server = new Server(
                "jscsi",
                memory,
                System.getProperty("java.home") + "/bin/java",
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                JscsiTarget.class.getName(),
                "" + port,
                iqn,
                file.toString());
        endings.push(() -> server.stop(false));
        server.awaitLog(" ready");
        contenders.add(Contender.of("jscsi", target(port, iqn, 0), true, server).onSmallRows());
    }

    private static void sparse(Path file, long lengthBytes) throws IOException {
        try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
            made.setLength(lengthBytes);
        }
    }

    private void haproxy(Tgtd behind) throws IOException, InterruptedException {
        int port = freePort();
        Path config = memory.resolve("haproxy.cfg");
        Files.writeString(config, """
                global
                  nbthread 1
                defaults
                  mode tcp
                  timeout connect 5s
                  timeout client 1h
                  timeout server 1h
                listen hop
                  bind 127.0.0.1:%d
                  server unit 127.0.0.1:%d
                """.formatted(port, behind.port));
        Server server = new Server("haproxy", memory, "haproxy", "-db", "-f", config.toString());
        endings.push(() -> server.stop(false));
        server.awaitPort(port);
        contenders.add(Contender.of("haproxy", target(port, behind.iqn, 1), false, server, behind.server));
    }

    /** One gateway: a linear volume on the tgtd that stands behind HAProxy too, and volumes striped over two and four units. */
    private void gateway(String name, Path checkout, Tgtd first, boolean several)
            throws IOException, InterruptedException {
        List<Tgtd> units = new ArrayList<>(List.of(first));
        while (several && units.size() < UNITS) {
            units.add(new Tgtd("tgtd" + (units.size() + 1), memory, sizeBytes + SLACK_BYTES));
        }
        StringBuilder yaml = new StringBuilder();
        int port = freePort();
        yaml.append("""
                gateway:
                  name: bench
                  portals: ["127.0.0.1:%d"]
                  stateDirectory: %s
                  management: "127.0.0.1:%d"
                units:
                """.formatted(port, name, freePort()));
        for (Tgtd unit : units) {
            yaml.append("  - {name: %s, portal: \"127.0.0.1:%d\", target: \"%s\", luns: [1]}\n"
                    .formatted(unit.name, unit.port, unit.iqn));
        }
        yaml.append("""
                hosts:
                  - name: host
                    initiators: ["*"]
                    volumes:
                      - {name: one, lun: 0, size: %1$d, layout: linear}
                """.formatted(sizeBytes));
        if (several) {
            for (int width : new int[] {2, 4}) {
                yaml.append("      - {name: x%1$d, lun: %1$d, size: %2$d, layout: striped, width: %1$d, chunk: 64KiB}\n"
                        .formatted(width, sizeBytes));
            }
        }
        Path config = memory.resolve(name + ".yaml");
        Files.writeString(config, yaml);
        Server server = sanway(name, checkout, "gateway", "run", "--config", config.toString());
        server.awaitLog(" ready");
        List<Server> servers = new ArrayList<>(List.of(server));
        units.forEach(unit -> servers.add(unit.server));
        Server[] all = servers.toArray(new Server[0]);
        contenders.add(Contender.of(name, target(port, PREFIX + "host", 0), true, all));
        if (several) {
            contenders.add(Contender.of("gateway-x2", target(port, PREFIX + "host", 2), true, all));
            contenders.add(Contender.of("gateway-x4", target(port, PREFIX + "host", 4), true, all));
        }
    }

    private static LoadTarget target(int port, String name, int lun) {
        return LoadTarget.of("127.0.0.1", port, new IscsiName(name), lun);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void remove(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            System.err.println("bench: cannot remove " + folder + ": " + e.getMessage());
        }
    }

    /** Ends everything, the last started first. Also called by the shutdown hook, so that Ctrl-C leaves nothing behind. */
    @Override
    public void close() {
        closed = true;
        synchronized (endings) {
            while (!endings.isEmpty()) {
                endings.pop().run();
            }
        }
    }

    boolean closed() {
        return closed;
    }

    /** Debian's tgtd with disks from LUN 1 on. */
    private final class Tgtd {

        final String name;
        final int port = freePort();
        final String iqn;
        final Server server;
        /** Its control port: a small number that no other tgtd has. */
        private final int control;

        Tgtd(String name, Path folder, long... sizesBytes) throws IOException, InterruptedException {
            this.name = name;
            iqn = "iqn.2026-11.example:" + name;
            control = 1000 + port % 30_000;
            server = new Server(
                    name, memory, "/usr/sbin/tgtd", "-f", "-C", "" + control, "--iscsi", "portal=127.0.0.1:" + port);
            // It ignores SIGTERM.
            endings.push(() -> server.stop(true));
            server.awaitPort(port);
            admin("--op", "new", "--mode", "target", "--tid", "1", "-T", iqn);
            for (int lun = 1; lun <= sizesBytes.length; lun++) {
                Path file = folder.resolve(name + ".disk" + lun);
                sparse(file, sizesBytes[lun - 1]);
                admin("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "" + lun, "-b", file.toString());
            }
            admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL");
        }

        private void admin(String... words) throws IOException, InterruptedException {
            List<String> command = new ArrayList<>(List.of("/usr/sbin/tgtadm", "-C", "" + control, "--lld", "iscsi"));
            command.addAll(List.of(words));
            Process process = new ProcessBuilder(command).inheritIO().start();
            if (!process.waitFor(10, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IOException(String.join(" ", command) + " failed");
            }
        }

        /** The disk of LUN 1 once more, by a target that takes digests: a target of tgtd wants them always or never. */
        LoadTarget withDigests() throws IOException, InterruptedException {
            admin("--op", "new", "--mode", "target", "--tid", "2", "-T", iqn + ".digests");
            for (String digest : List.of("HeaderDigest", "DataDigest")) {
                admin("--op", "update", "--mode", "target", "--tid", "2", "-n", digest, "-v", "CRC32C");
            }
            Path file = memory.resolve(name + ".disk1");
            admin("--op", "new", "--mode", "logicalunit", "--tid", "2", "--lun", "1", "-b", file.toString());
            admin("--op", "bind", "--mode", "target", "--tid", "2", "-I", "ALL");
            return target(port, iqn + ".digests", 1);
        }

        LoadTarget lun(int lun) {
            return target(port, iqn, lun);
        }
    }
}
