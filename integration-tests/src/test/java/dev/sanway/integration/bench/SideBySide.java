package dev.sanway.integration.bench;

import dev.sanway.bench.AccessPattern;
import dev.sanway.bench.LoadFailure;
import dev.sanway.bench.LoadGenerator;
import dev.sanway.bench.LoadPlan;
import dev.sanway.bench.LoadResult;
import dev.sanway.config.Sizes;
import dev.sanway.iscsi.IscsiName;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The program behind {@code scripts/bench}. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures our unit beside tgtd, and our gateway beside HAProxy, on this machine; everything on loopback and in "
                    + "memory. Contenders take turns in every row of every round. Results: target/bench/report.md, "
                    + "results.json, plot.svg.",
            "Nothing else should run meanwhile."
        },
        footer = {
            "",
            "Contenders: unit (ours), tgtd, haproxy (before that tgtd), gateway (ours, before the same tgtd), gateway-x2 and",
            "-x4 (striped over two and four tgtd), unit+digests, tgtd+digests, gateway+digests, unit-ext4, tgtd-ext4, jscsi.",
            "",
            "Examples:",
            "  scripts/bench --quick",
            "  scripts/bench --rows '4k-.*-d32' --contenders 'unit|tgtd' --rounds 9",
            "  scripts/bench --hostile --help      what a host gets beside hostile peers"
        })
final class SideBySide implements Callable<Integer> {

    private static final IscsiName INITIATOR = new IscsiName("iqn.2026-11.dev.sanway:bench");
    private static final int READY_SECONDS = 180;
    private static final double TICKS_PER_SECOND = 100;
    private static final int RAMP_MILLIS = 300;

    /** jSCSI's target does not answer longer writes. */
    private static final int FILL_BYTES = 64 << 10;

    /** What a measurement takes beside its own time: logging in and out, draining. */
    private static final int OVERHEAD_MILLIS = 100;

    @Option(names = "--quick", description = "A few rows, 3 rounds of 1 s: under four minutes.")
    boolean quick;

    @Option(names = "--rows", paramLabel = "REGEX", description = "Only rows whose whole name matches.")
    Pattern rows = Pattern.compile(".*");

    @Option(names = "--contenders", paramLabel = "REGEX", description = "Only contenders whose whole name matches.")
    Pattern contenders = Pattern.compile(".*");

    @Option(names = "--rounds", paramLabel = "N", description = "5, or 3 with --quick.")
    int rounds;

    @Option(names = "--seconds", paramLabel = "N", description = "Of each measurement: 2, or 1 with --quick.")
    double seconds;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "512MiB",
            description = "Of each contender's LUN (512MiB).")
    String size = "512MiB";

    @Option(
            names = "--cross-check",
            negatable = true,
            description =
                    "The same work by iscsi-perf and qemu-img bench, beside our generator; not with --quick unless asked for.")
    @Nullable
    Boolean crossCheck;

    @Option(names = "--root", hidden = true, required = true)
    Path root = Path.of(".");

    @Option(
            names = "--beside",
            paramLabel = "DIR",
            description = "Another checkout, built: its unit and gateway take part as unit-before and gateway-before.")
    @Nullable
    Path beside;

    @Option(names = "--list", description = "Shows the names of rows and contenders, and ends.")
    boolean list;

    private int done;
    private int total;
    private long startNanos;

    public static void main(String[] arguments) {
        System.exit(
                new CommandLine(new SideBySide()).setUsageHelpAutoWidth(true).execute(arguments));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        List<Row> chosenRows = (quick && !list ? Row.quick() : Row.all())
                .stream().filter(row -> rows.matcher(row.name()).matches()).toList();
        if (list) {
            chosenRows.forEach(row -> System.out.println(row.name()));
            Lab.names().forEach(System.out::println);
            return 0;
        }
        rounds = rounds > 0 ? rounds : quick ? 3 : 5;
        seconds = seconds > 0 ? seconds : quick ? 1 : 2;
        long sizeBytes = Sizes.parse(size).orElse(0);
        if (sizeBytes < 64L << 20 || chosenRows.isEmpty()) {
            System.err.println(
                    chosenRows.isEmpty()
                            ? "bench: no row is called like that; see --list"
                            : "bench: --size " + size + " has to be at least 64MiB");
            return 2;
        }
        Lab lab = new Lab(root, beside, sizeBytes);
        Thread cleaning = new Thread(lab::close, "bench-cleaning");
        Runtime.getRuntime().addShutdownHook(cleaning);
        try {
            System.out.println("Starting the contenders ...");
            List<Contender> chosen = lab.start(name -> contenders.matcher(name).matches()
                    && (!quick || name.matches("unit|tgtd|haproxy|gateway|.*-before")));
            Results results = measure(chosenRows, chosen);
            CrossCheck check = new CrossCheck((row, contender) -> measure(row, contender, 0));
            // Written now as well: what was measured is kept if the rest is interrupted.
            report(results, check).write();
            boolean checks = crossCheck == null ? !quick : crossCheck;
            for (Contender contender : chosen) {
                if (checks && contender.name().matches("unit|tgtd")) {
                    System.out.println("Cross-check with other generators: " + contender.name());
                    check.run(contender);
                }
            }
            Report report = report(results, check);
            report.write();
            report.print();
            return 0;
        } catch (LoadFailure | IOException failure) {
            if (lab.closed()) {
                return 130; // interrupted, and whatever failed then did so for that
            }
            System.err.println("bench: " + failure.getMessage());
            return 1;
        } finally {
            lab.close();
        }
    }

    private Report report(Results results, CrossCheck check) throws IOException, InterruptedException {
        return new Report(root.resolve("target/bench"), results, check.lines(), Machine.describe(), description());
    }

    private String description() {
        return String.format(
                Locale.ROOT,
                "%d %s, %.1f s for each measurement, LUNs of %s",
                rounds,
                rounds == 1 ? "round" : "rounds",
                seconds,
                size);
    }

    private Results measure(List<Row> chosenRows, List<Contender> chosen) throws LoadFailure, InterruptedException {
        warmUp(chosenRows, chosen);
        Results results = new Results();
        total = rounds
                * (int) chosenRows.stream()
                        .mapToLong(row -> chosen.stream()
                                .filter(one -> one.rows().test(row))
                                .count())
                        .sum();
        startNanos = System.nanoTime();
        for (int round = 1; round <= rounds; round++) {
            System.out.println("Round " + round + " of " + rounds);
            for (Row row : chosenRows) {
                List<Contender> order = new ArrayList<>(
                        chosen.stream().filter(one -> one.rows().test(row)).toList());
                // Whoever came first comes last the next time.
                Collections.rotate(order, -(round - 1));
                if (round % 2 == 0) {
                    Collections.reverse(order);
                }
                for (Contender contender : order) {
                    Measurement one = measure(row, contender, round);
                    results.add(one);
                    done++;
                    tell(one);
                }
            }
        }
        return results;
    }

    /**
     * Fills the LUNs, so that no contender serves holes, and lets the virtual machines compile. The gateways come first: the
     * tgtd's own filling overwrites the label of the LUN that it shares with them, which they read no more then.
     */
    private void warmUp(List<Row> chosenRows, List<Contender> chosen) throws LoadFailure, InterruptedException {
        System.out.println("Filling the LUNs ...");
        for (Contender contender : chosen.reversed()) {
            Row fill = new Row("fill", FILL_BYTES, new AccessPattern(true, 0), 4, 1);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_SECONDS);
            long requests = Math.max(1, Sizes.parse(size).orElse(0) / fill.requestBytes());
            while (true) {
                try {
                    LoadGenerator.run(plan(fill, contender, 0, 0, requests), new LoadGenerator.Observer() {});
                    break;
                } catch (LoadFailure failure) {
                    // A gateway's new volume is not ready before it is wiped.
                    if (System.nanoTime() > end) {
                        throw failure;
                    }
                    Thread.sleep(200);
                }
            }
        }
        long passes = chosenRows.stream()
                .mapToLong(row -> chosen.stream()
                        .filter(one -> one.rows().test(row) && one.virtualMachine())
                        .count())
                .sum();
        System.out.printf("Warming up for about %d s ...%n", passes);
        for (Row row : chosenRows) {
            for (Contender contender : chosen) {
                if (contender.virtualMachine() && contender.rows().test(row)) {
                    LoadGenerator.run(plan(row, contender, 0, 1000, 0), new LoadGenerator.Observer() {});
                }
            }
        }
    }

    /** Within the size that was asked for: jSCSI's target has a block less than it says. */
    private LoadPlan plan(Row row, Contender contender, long warmupMillis, long millis, long requests) {
        return new LoadPlan(
                List.of(contender.target()),
                INITIATOR,
                row.sessions(),
                row.depth(),
                1,
                row.requestBytes(),
                row.pattern(),
                Sizes.parse(size).orElse(0),
                false,
                contender.digests(),
                contender.digests(),
                false,
                1,
                warmupMillis,
                millis,
                requests);
    }

    private Measurement measure(Row row, Contender contender, int round) throws LoadFailure, InterruptedException {
        long[] ticks = new long[2];
        LoadResult result = LoadGenerator.run(
                plan(row, contender, RAMP_MILLIS, Math.round(seconds * 1000), 0), new LoadGenerator.Observer() {
                    @Override
                    public void measuring() {
                        ticks[0] = contender.cpuTicks();
                    }

                    @Override
                    public void measured() {
                        ticks[1] = contender.cpuTicks();
                    }
                });
        return Measurement.of(row, contender.name(), round, result, (ticks[1] - ticks[0]) / TICKS_PER_SECOND);
    }

    private void tell(Measurement one) {
        double each = seconds + (RAMP_MILLIS + OVERHEAD_MILLIS) / 1e3;
        double measured = (System.nanoTime() - startNanos) / 1e9 / done;
        long left = Math.round((total - done) * Math.max(measured, each));
        System.out.printf(
                Locale.ROOT,
                "  [%3d/%d, %d:%02d left] %-20s %-16s %9.0f IOPS %8.1f MB/s  p50 %6.0f us  p99.9 %7.0f us%n",
                done,
                total,
                left / 60,
                left % 60,
                one.row().name(),
                one.contender(),
                one.requestsPerSecond(),
                one.megabytesPerSecond(),
                one.micros(50),
                one.micros(99.9));
    }
}
