package dev.sanway.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Debian's tgtd as a foreign IP SAN unit: one target, disks from LUN 1 on. */
final class Tgtd implements AutoCloseable {

    private static final AtomicInteger CONTROL =
            new AtomicInteger((int) (ProcessHandle.current().pid() % 20_000));

    final int port = Ports.free();
    final String target = "iqn.2026-11.example:tgt" + port;
    private final int control = CONTROL.incrementAndGet();
    private final Path folder;
    private final List<Path> disks = new ArrayList<>();
    private Process process;

    /** Disks are sparse files of these sizes in {@code folder}. */
    Tgtd(Path folder, long... diskSizesBytes) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        for (int i = 0; i < diskSizesBytes.length; i++) {
            Path disk = folder.resolve("disk" + (i + 1));
            try (var file = new java.io.RandomAccessFile(disk.toFile(), "rw")) {
                file.setLength(diskSizesBytes[i]);
            }
            disks.add(disk);
        }
        process = start();
    }

    private Process start() throws IOException {
        Process started = new ProcessBuilder(
                        "/usr/sbin/tgtd", "-f", "-C", "" + control, "--iscsi", "portal=127.0.0.1:" + port)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("tgtd.log").toFile())
                .start();
        Ports.awaitListening(port);
        admin("--op", "new", "--mode", "target", "--tid", "1", "-T", target);
        for (int i = 0; i < disks.size(); i++) {
            admin("--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun", "" + (i + 1), "-b", disks.get(i) + "");
        }
        admin("--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL");
        return started;
    }

    private void admin(String... words) {
        List<String> command = new ArrayList<>(List.of("/usr/sbin/tgtadm", "-C", "" + control, "--lld", "iscsi"));
        command.addAll(List.of(words));
        Command.run(10, command).succeeded();
    }

    Path disk(int lun) {
        return disks.get(lun - 1);
    }

    /** SIGSTOP: it answers nothing and forgets nothing. */
    void freeze() {
        Command.run(5, "kill", "-STOP", "" + process.pid()).succeeded();
    }

    void thaw() {
        Command.run(5, "kill", "-CONT", "" + process.pid()).succeeded();
    }

    /** kill -9. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }

    void restart() throws IOException {
        process = start();
    }

    @Override
    public void close() throws InterruptedException {
        // It ignores SIGTERM.
        kill();
    }
}
