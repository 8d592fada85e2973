package dev.sanway.integration.bench;

import java.util.List;
import java.util.Locale;

/**
 * How the good host fared beside one kind of hostile peers.
 *
 * @param throughput of large reads, in what it is alone
 * @param latency median of single small reads, in what it is alone
 * @param megabytesPerSecond beside them
 * @param micros median latency beside them
 * @param connections of theirs that were open at the end
 * @param sentPerSecond what they sent
 * @param clientPercent of one processor that they took themselves
 */
record HostileRow(
        String name,
        double throughput,
        double latency,
        double megabytesPerSecond,
        double micros,
        Probes.Seen seen,
        int connections,
        double sentPerSecond,
        double clientPercent,
        boolean alive) {

    static final double LEAST_THROUGHPUT = 0.5;
    static final double MOST_LATENCY = 5;
    static final long MOST_MILLIS = 1_000;

    static List<String> header() {
        return List.of(
                "| beside | throughput (>= %s) | median latency (<= %.0f) | MB/s | us | slowest login (< 1 s) | slowest health (< 1 s) "
                                .formatted(LEAST_THROUGHPUT, MOST_LATENCY)
                        + "| failed | resident, MiB | hostile: open | sent a second | their CPU | |",
                "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    }

    /** Everything that was wished for. */
    boolean good() {
        return alive
                && throughput >= LEAST_THROUGHPUT
                && latency <= MOST_LATENCY
                && seen.loginMillis() < MOST_MILLIS
                && seen.healthMillis() < MOST_MILLIS
                && seen.failures() == 0;
    }

    /** A row of the table; what misses its bound is bold. */
    String line() {
        return "| %s | %s | %s | %.0f | %.0f | %s | %s | %s | %d | %d | %.0f | %.0f %% | %s |"
                .formatted(
                        name,
                        marked(throughput >= LEAST_THROUGHPUT, "%.2f", throughput),
                        marked(latency <= MOST_LATENCY, "%.2f", latency),
                        megabytesPerSecond,
                        micros,
                        marked(seen.loginMillis() < MOST_MILLIS, "%.0f ms", (double) seen.loginMillis()),
                        marked(seen.healthMillis() < MOST_MILLIS, "%.0f ms", (double) seen.healthMillis()),
                        marked(seen.failures() == 0, "%.0f", seen.failures()),
                        seen.residentMib(),
                        connections,
                        sentPerSecond,
                        clientPercent,
                        !alive ? "**DIED**" : good() ? "" : "**missed**");
    }

    private static String marked(boolean good, String format, double value) {
        String text = String.format(Locale.ROOT, format, value);
        return good ? text : "**" + text + "**";
    }
}
