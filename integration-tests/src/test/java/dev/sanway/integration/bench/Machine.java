package dev.sanway.integration.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the figures were measured on, in lines for the report. */
final class Machine {

    private Machine() {}

    static List<String> describe() throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        lines.add(Runtime.getRuntime().availableProcessors() + " cores: " + value("/proc/cpuinfo", "model name"));
        long kib = Long.parseLong(value("/proc/meminfo", "MemTotal").replaceAll("[^0-9]", ""));
        lines.add(String.format(
                Locale.ROOT, "%.0f GiB of memory, Linux %s", kib / 1048576.0, System.getProperty("os.version")));
        lines.add("Java " + Runtime.version());
        for (String name : List.of("tgt", "haproxy", "libiscsi-bin", "qemu-utils")) {
            String version = output("dpkg-query", "-W", "-f", "${Version}", name);
            if (!version.isEmpty()) {
                lines.add(name + " " + version);
            }
        }
        return lines;
    }

    private static String value(String file, String key) throws IOException {
        return Files.readAllLines(Path.of(file)).stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("0");
    }

    private static String output(String... words) throws InterruptedException {
        try {
            Process process = new ProcessBuilder(words).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? text : "";
        } catch (IOException _) {
            return ""; // no dpkg here
        }
    }
}
