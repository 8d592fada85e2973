package dev.sanway.control;

import dev.sanway.block.LatencyHistogram;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Values of one moment, gathered into families of one name each. A name's help is told with each value. */
final class MetricFamilies {

    private static final double NANOS = 1e9;

    /** In seconds, and one without end. */
    private static final double[] BOUNDS = bounds();

    private final Map<String, MetricSnapshot.Builder<?>> families = new LinkedHashMap<>();

    private static double[] bounds() {
        long[] nanos = LatencyHistogram.boundsNanos();
        double[] seconds = Arrays.copyOf(
                Arrays.stream(nanos).mapToDouble(each -> each / NANOS).toArray(), nanos.length + 1);
        seconds[nanos.length] = Double.POSITIVE_INFINITY;
        return seconds;
    }

    /** {@code name} without its {@code _total}; {@code labels}: names and values in turn. */
    void counter(String name, String help, long value, String... labels) {
        ((CounterSnapshot.Builder) families.computeIfAbsent(
                        name, _ -> CounterSnapshot.builder().name(name).help(help)))
                .dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder()
                        .value((double) value)
                        .labels(Labels.of(labels))
                        .build());
    }

    void gauge(String name, String help, long value, String... labels) {
        ratio(name, help, (double) value, labels);
    }

    /** A gauge that is no whole number. */
    void ratio(String name, String help, double value, String... labels) {
        ((GaugeSnapshot.Builder) families.computeIfAbsent(
                        name, _ -> GaugeSnapshot.builder().name(name).help(help)))
                .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder()
                        .value(value)
                        .labels(Labels.of(labels))
                        .build());
    }

    /** In seconds. */
    void histogram(String name, String help, LatencyHistogram.Snapshot values, String... labels) {
        ((HistogramSnapshot.Builder) families.computeIfAbsent(
                        name, _ -> HistogramSnapshot.builder().name(name).help(help)))
                .dataPoint(HistogramSnapshot.HistogramDataPointSnapshot.builder()
                        .classicHistogramBuckets(ClassicHistogramBuckets.of(BOUNDS, values.counts()))
                        .sum(values.sumNanos() / NANOS)
                        .labels(Labels.of(labels))
                        .build());
    }

    MetricSnapshots build() {
        return new MetricSnapshots(
                families.values().stream().map(MetricSnapshot.Builder::build).toArray(MetricSnapshot[]::new));
    }
}
