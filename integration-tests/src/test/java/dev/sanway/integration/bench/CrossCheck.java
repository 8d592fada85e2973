package dev.sanway.integration.bench;

import dev.sanway.bench.LoadFailure;
import dev.sanway.bench.LoadTarget;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * The same work by other people's load generators, so that one sees that ours does not flatter anybody: libiscsi's
 * {@code iscsi-perf} for random reads, {@code qemu-img bench} for reads and writes in sequence.
 */
final class CrossCheck {

    /** What a generator saw, and the microseconds of processor time that it took for each request. */
    record Line(String work, String contender, String generator, double requestsPerSecond, double cpuMicros) {}

    /** Runs our generator on a row, for as long as the others run. */
    interface Ours {
        Measurement measure(Row row, Contender contender) throws LoadFailure, InterruptedException;
    }

    private static final int ROUNDS = 3;
    private static final int SECONDS = 3;
    private static final int DEPTH = 32;
    private static final int BLOCK_BYTES = 4096;
    private static final Pattern PERF_IOPS = Pattern.compile("iops average (\\d+)");
    private static final Pattern QEMU_SECONDS = Pattern.compile("Run completed in ([0-9.]+) seconds");
    private static final Pattern CPU = Pattern.compile("cpu ([0-9.]+) ([0-9.]+)");

    private final Ours ours;
    private final List<Line> lines = new ArrayList<>();

    CrossCheck(Ours ours) {
        this.ours = ours;
    }

    /** Medians of the rounds. */
    List<Line> lines() {
        return lines.stream()
                .map(line -> new Line(line.work(), line.contender(), line.generator(), 0, 0))
                .distinct()
                .map(line -> new Line(
                        line.work(),
                        line.contender(),
                        line.generator(),
                        median(line, Line::requestsPerSecond),
                        median(line, Line::cpuMicros)))
                .toList();
    }

    private double median(Line of, ToDoubleFunction<Line> figure) {
        return Results.Spread.of(lines.stream()
                        .filter(line -> line.work().equals(of.work())
                                && line.contender().equals(of.contender())
                                && line.generator().equals(of.generator()))
                        .mapToDouble(figure)
                        .toArray())
                .median();
    }

    void run(Contender contender) throws LoadFailure, IOException, InterruptedException {
        for (int round = 0; round < ROUNDS; round++) {
            everyGenerator(contender);
        }
    }

    private void everyGenerator(Contender contender) throws LoadFailure, IOException, InterruptedException {
        Row randomRead = Row.of(BLOCK_BYTES / 1024, false, 100, DEPTH, 1);
        own(randomRead, contender);
        perf(randomRead, contender);
        for (int readPercent : new int[] {100, 0}) {
            Row sequential = Row.of(BLOCK_BYTES / 1024, true, readPercent, DEPTH, 1);
            double requestsPerSecond = own(sequential, contender);
            qemu(sequential, contender, Math.round(requestsPerSecond * SECONDS));
        }
    }

    private double own(Row row, Contender contender) throws LoadFailure, InterruptedException {
        Measurement measured = ours.measure(row, contender);
        lines.add(new Line(
                row.name(),
                contender.name(),
                "sanway bench",
                measured.requestsPerSecond(),
                measured.clientCpuMicrosPerRequest()));
        return measured.requestsPerSecond();
    }

    private void perf(Row row, Contender contender) throws IOException, InterruptedException {
        String output = timed(
                "iscsi-perf", "-r", "-m", "" + DEPTH, "-b", "" + BLOCK_BYTES / 512, "-t", "" + SECONDS, url(contender));
        double perSecond = last(PERF_IOPS, output, 1);
        lines.add(new Line(row.name(), contender.name(), "iscsi-perf", perSecond, cpu(output) / (perSecond * SECONDS)));
    }

    private void qemu(Row row, Contender contender, long requests) throws IOException, InterruptedException {
        List<String> words =
                new ArrayList<>(List.of("qemu-img", "bench", "-f", "raw", "-t", "none", "-c", "" + requests));
        words.addAll(List.of("-d", "" + DEPTH, "-s", "" + BLOCK_BYTES));
        if (row.pattern().writes()) {
            words.add("-w");
        }
        words.add(url(contender));
        String output = timed(words.toArray(new String[0]));
        lines.add(new Line(
                row.name(),
                contender.name(),
                "qemu-img bench",
                requests / last(QEMU_SECONDS, output, 1),
                cpu(output) / requests));
    }

    private static String url(Contender contender) {
        LoadTarget target = contender.target();
        return target + "/" + target.luns().getFirst();
    }

    /** Runs a program under bash's {@code time}; what it prints, and a line with its processor time. */
    private static String timed(String... words) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bash", "-c", "TIMEFORMAT='cpu %U %S'; time \"$@\"", "bash"));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", words) + " failed:\n" + output);
        }
        return output;
    }

    private static double last(Pattern pattern, String output, int group) throws IOException {
        MatchResult found = pattern.matcher(output)
                .results()
                .reduce((_, later) -> later)
                .orElseThrow(() -> new IOException("nothing like \"" + pattern + "\" in:\n" + output));
        return Double.parseDouble(found.group(group));
    }

    /** In microseconds. */
    private static double cpu(String output) throws IOException {
        return (last(CPU, output, 1) + last(CPU, output, 2)) * 1e6;
    }
}
