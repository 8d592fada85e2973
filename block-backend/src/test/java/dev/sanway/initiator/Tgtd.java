package dev.sanway.initiator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Debian's tgtd as a unit, on loopback: a real peer that is not ours. It ignores SIGTERM, so it is always killed. */
final class Tgtd implements AutoCloseable {
    static final String TARGET = "iqn.2026-11.example:tgt1";

    private final int port;
    private final List<Path> files = new ArrayList<>();
    private final int blockSizeBytes;
    private final boolean thin;
    private @Nullable Process process;
    private String @Nullable [] chap;

    private Tgtd(int port, int blockSizeBytes, boolean thin) {
        this.port = port;
        this.blockSizeBytes = blockSizeBytes;
        this.thin = thin;
    }

    /** Skips the test where tgtd is not installed, but fails under {@code CI=true}. */
    static Tgtd start(Path directory, int luns, long bytes, String... chapUserAndSecret) throws Exception {
        return start(directory, luns, bytes, 512, false, chapUserAndSecret);
    }

    /** With blocks of another size, and thin provisioned: UNMAP is served then. */
    static Tgtd start(
            Path directory, int luns, long bytes, int blockSizeBytes, boolean thin, String... chapUserAndSecret)
            throws Exception {
        boolean there =
                Files.isExecutable(Path.of("/usr/sbin/tgtd")) && Files.isExecutable(Path.of("/usr/sbin/tgtadm"));
        if (!there && "true".equals(System.getenv("CI"))) {
            throw new AssertionError("Debian's package tgt is missing");
        }
        Assumptions.assumeTrue(there, "Debian's package tgt is not installed");
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "tgtd needs root");
        Tgtd tgtd = new Tgtd(freePort(), blockSizeBytes, thin);
        for (int lun = 1; lun <= luns; lun++) {
            Path file = directory.resolve("lun" + lun + "." + tgtd.port);
            try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
                made.setLength(bytes);
            }
            tgtd.files.add(file);
        }
        tgtd.chap = chapUserAndSecret.length == 0 ? null : chapUserAndSecret;
        tgtd.launch();
        return tgtd;
    }

    private static int freePort() throws IOException {
        for (int port = 13100 + (int) (ProcessHandle.current().pid() % 50); port < 13200; port++) {
            try (java.net.ServerSocket probe = new java.net.ServerSocket()) {
                probe.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
                return port;
            } catch (IOException taken) {
                // the next one
            }
        }
        throw new IOException("no free port");
    }

    int port() {
        return port;
    }

    Path file(int lun) {
        return files.get(lun - 1);
    }

    void launch() throws Exception {
        Path log = files.getFirst().resolveSibling("tgtd." + port + ".log");
        process = new ProcessBuilder("/usr/sbin/tgtd", "-f", "-C", control(), "--iscsi", "portal=127.0.0.1:" + port)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        Awaitility.await().atMost(Duration.ofSeconds(10)).until(this::listens);
        adm("--op", "new", "--mode", "target", "--tid", "1", "-T", TARGET);
        for (int lun = 1; lun <= files.size(); lun++) {
            List<String> disk = new ArrayList<>(List.of("--op", "new", "--mode", "logicalunit", "--tid", "1"));
            disk.addAll(List.of("--lun", Integer.toString(lun), "-b", file(lun).toString()));
            if (blockSizeBytes != 512) {
                disk.addAll(List.of("--blocksize", Integer.toString(blockSizeBytes)));
            }
            adm(disk.toArray(new String[0]));
            if (thin) {
                adm(
                        "--op",
                        "update",
                        "--mode",
                        "logicalunit",
                        "--tid",
                        "1",
                        "--lun",
                        Integer.toString(lun),
                        "--params",
                        "thin_provisioning=1");
            }
        }
        if (chap != null) {
            adm("--op", "new", "--mode", "account", "--user", chap[0], "--password", chap[1]);
            adm("--op", "bind", "--mode", "account", "--tid", "1", "--user", chap[0]);
            if (chap.length > 2) {
                adm("--op", "new", "--mode", "account", "--user", chap[2], "--password", chap[3]);
                adm("--op", "bind", "--mode", "account", "--tid", "1", "--user", chap[2], "--outgoing");
            }
        }
        adm("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL");
    }

    private String control() {
        return Integer.toString(port - 13000);
    }

    private boolean listens() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
            return true;
        } catch (IOException notYet) {
            return false;
        }
    }

    String adm(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of("/usr/sbin/tgtadm", "-C", control(), "--lld", "iscsi"));
        command.addAll(List.of(arguments));
        Process adm = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output;
        try (InputStream out = adm.getInputStream()) {
            output = new String(out.readAllBytes(), StandardCharsets.UTF_8);
        }
        assertThat(adm.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(adm.exitValue()).as(command + ": " + output).isZero();
        return output;
    }

    /** It takes digests only when told to. */
    void allowDigests(boolean header, boolean data) throws Exception {
        if (header) {
            adm("--op", "update", "--mode", "target", "--tid", "1", "-n", "HeaderDigest", "-v", "CRC32C");
        }
        if (data) {
            adm("--op", "update", "--mode", "target", "--tid", "1", "-n", "DataDigest", "-v", "CRC32C");
        }
    }

    /** As {@code kill -9}. */
    void kill() {
        Process running = process;
        if (running != null) {
            running.destroyForcibly();
            running.onExit().orTimeout(10, TimeUnit.SECONDS).join();
            process = null;
        }
    }

    void freeze() throws Exception {
        signal("-STOP");
    }

    void thaw() throws Exception {
        signal("-CONT");
    }

    private void signal(String signal) throws Exception {
        Process running = process;
        assertThat(running).isNotNull();
        Process kill = new ProcessBuilder("/bin/kill", signal, Long.toString(running.pid())).start();
        assertThat(kill.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(kill.exitValue()).isZero();
    }

    @Override
    public void close() {
        kill();
    }
}
