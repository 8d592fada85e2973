package dev.sanway.integration.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/** All measurements of a run, and what follows from them. */
final class Results {

    /** The middle of several figures, the least and the greatest. */
    record Spread(double median, double least, double greatest) {

        static Spread of(double... figures) {
            double[] sorted = figures.clone();
            Arrays.sort(sorted);
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            return new Spread(median, sorted[0], sorted[sorted.length - 1]);
        }
    }

    private final List<Measurement> measurements = new ArrayList<>();

    void add(Measurement measurement) {
        measurements.add(measurement);
    }

    List<Measurement> all() {
        return measurements;
    }

    List<Row> rows() {
        return measurements.stream().map(Measurement::row).distinct().toList();
    }

    List<String> contenders(Row row) {
        return measurements.stream()
                .filter(one -> one.row().equals(row))
                .map(Measurement::contender)
                .distinct()
                .sorted((a, b) -> Lab.names().indexOf(a) - Lab.names().indexOf(b))
                .toList();
    }

    private List<Measurement> of(Row row, String contender) {
        return measurements.stream()
                .filter(one -> one.row().equals(row) && one.contender().equals(contender))
                .toList();
    }

    /** Over the rounds. */
    Spread spread(Row row, String contender, ToDoubleFunction<Measurement> figure) {
        return Spread.of(of(row, contender).stream().mapToDouble(figure).toArray());
    }

    /** Of the speed in each round; empty unless both were measured. */
    Optional<Spread> ratio(Row row, String contender, Row otherRow, String other) {
        double[] ratios = of(row, contender).stream()
                .flatMap(one -> of(otherRow, other).stream()
                        .filter(two -> two.round() == one.round())
                        .map(two -> one.megabytesPerSecond() / two.megabytesPerSecond()))
                .mapToDouble(Double::doubleValue)
                .toArray();
        return ratios.length == 0 ? Optional.empty() : Optional.of(Spread.of(ratios));
    }

    /** A percentile over all rounds together, in microseconds. */
    double micros(Row row, String contender, double percentile) {
        return merged(row, contender).getValueAtPercentile(percentile) / 1e3;
    }

    long samples(Row row, String contender) {
        return merged(row, contender).getTotalCount();
    }

    private Histogram merged(Row row, String contender) {
        Histogram all = new Histogram(3);
        of(row, contender).forEach(one -> all.add(one.latencies()));
        return all;
    }
}
