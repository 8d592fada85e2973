package dev.sanway.integration.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.bench.LoadResult;
import org.HdrHistogram.Histogram;

/**
 * One contender on one row in one round.
 *
 * @param latencies in nanoseconds
 * @param serverCpuSeconds processor time of all its servers while it was measured
 * @param clientCpuSeconds processor time of the load generator
 */
record Measurement(
        Row row,
        String contender,
        int round,
        double seconds,
        Histogram latencies,
        double serverCpuSeconds,
        double clientCpuSeconds) {

    static Measurement of(Row row, String contender, int round, LoadResult result, double serverCpuSeconds) {
        return new Measurement(
                row,
                contender,
                round,
                result.elapsedNanos() / 1e9,
                result.all(),
                serverCpuSeconds,
                result.cpuNanos() / 1e9);
    }

    long requests() {
        return latencies.getTotalCount();
    }

    double requestsPerSecond() {
        return requests() / seconds;
    }

    double megabytesPerSecond() {
        return requestsPerSecond() * row.requestBytes() / 1e6;
    }

    double serverCpuPer100kRequests() {
        return serverCpuSeconds * 100_000 / requests();
    }

    double serverCpuPerGib() {
        return serverCpuSeconds * (1 << 30) / ((double) requests() * row.requestBytes());
    }

    double clientCpuMicrosPerRequest() {
        return clientCpuSeconds * 1e6 / requests();
    }

    double micros(double percentile) {
        return latencies.getValueAtPercentile(percentile) / 1e3;
    }

    ObjectNode json(ObjectMapper mapper) {
        return mapper.createObjectNode()
                .put("row", row.name())
                .put("contender", contender)
                .put("round", round)
                .put("seconds", seconds)
                .put("requests", requests())
                .put("requestsPerSecond", requestsPerSecond())
                .put("megabytesPerSecond", megabytesPerSecond())
                .put("p50Micros", micros(50))
                .put("p99Micros", micros(99))
                .put("p99.9Micros", micros(99.9))
                .put("maxMicros", latencies.getMaxValue() / 1e3)
                .put("serverCpuSeconds", serverCpuSeconds)
                .put("clientCpuSeconds", clientCpuSeconds);
    }
}
