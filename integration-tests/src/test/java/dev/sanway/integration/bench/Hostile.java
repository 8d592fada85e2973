package dev.sanway.integration.bench;

import dev.sanway.bench.AccessPattern;
import dev.sanway.bench.LoadFailure;
import dev.sanway.bench.LoadGenerator;
import dev.sanway.bench.LoadPlan;
import dev.sanway.bench.LoadResult;
import dev.sanway.bench.LoadTarget;
import dev.sanway.iscsi.IscsiName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The program behind {@code scripts/bench --hostile}. */
@Command(
        name = "bench --hostile",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures what a well-behaved host gets of a gateway with its default settings: alone, beside each kind of hostile "
                    + "peers, and beside all of them at once. Everything on loopback and in memory. Results: "
                    + "target/bench/hostile.md.",
            "Ends with status 1 if the gateway died. Nothing else should run meanwhile."
        },
        footer = {
            "",
            "Hostile peers: login, discovery, silent, sessions, slow-readers, held, long, unit, rest.",
            "",
            "Examples:",
            "  scripts/bench --hostile",
            "  scripts/bench --hostile --only 'login|rest' --seconds 2 --all-for 0",
            "  scripts/bench --hostile --all-for 600"
        })
final class Hostile implements Callable<Integer> {

    private static final int READY_SECONDS = 180;
    private static final int RAMP_MILLIS = 2_000;
    private static final int SETTLE_MILLIS = 1_000;
    private static final int WARM_UP_MILLIS = 5_000;
    private static final int LARGE_BYTES = 256 << 10;
    private static final int SMALL_BYTES = 4 << 10;
    private static final int LARGE_DEPTH = 8;

    @Option(names = "--seconds", paramLabel = "N", description = "Of each of the two measurements of a row: 5.")
    double seconds = 5;

    @Option(names = "--only", paramLabel = "REGEX", description = "Only hostile peers whose whole name matches.")
    Pattern only = Pattern.compile(".*");

    @Option(
            names = "--all-for",
            paramLabel = "SECONDS",
            description = "How long all of them come at once: 60; 0: not at all. 600 for a release.")
    double allForSeconds = 60;

    @Option(names = "--root", hidden = true, required = true)
    Path root = Path.of(".");

    /** What the good host got; nothing is no throughput and endless latency. */
    private record Share(double megabytesPerSecond, double micros) {
        static Share mean(Share a, Share b) {
            return new Share((a.megabytesPerSecond + b.megabytesPerSecond) / 2, (a.micros + b.micros) / 2);
        }
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Hostile()).setUsageHelpAutoWidth(true).execute(arguments));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        System.out.println("Starting two units and a gateway ...");
        HostileSan san = new HostileSan(root);
        Runtime.getRuntime().addShutdownHook(new Thread(san::close, "bench-cleaning"));
        try (san;
                Probes probes = new Probes(san)) {
            warmUp(san);
            List<HostileRow> rows = measure(san, probes);
            write(rows);
            if (!san.gateway().alive()) {
                System.err.println("bench: the gateway died:\n" + san.gateway().lastWords());
                return 1;
            }
            return 0;
        } catch (LoadFailure | IOException failure) {
            System.err.println("bench: " + failure.getMessage());
            return 1;
        }
    }

    private List<HostileRow> measure(HostileSan san, Probes probes) throws LoadFailure, InterruptedException {
        Map<String, Supplier<List<Swarm>>> chosen = new LinkedHashMap<>(new Attacks(san).all());
        chosen.keySet().removeIf(name -> !only.matcher(name).matches());
        Map<String, Map<String, Supplier<List<Swarm>>>> sieges = new LinkedHashMap<>();
        chosen.forEach((name, attack) -> sieges.put(name, Map.of(name, attack)));
        if (allForSeconds > 0) {
            sieges.put("all at once", chosen);
        }
        List<HostileRow> rows = new ArrayList<>();
        probes.reset();
        Share first = alone(san);
        Share before = first;
        rows.add(row("alone", before, before, probes.seen(), null, san));
        tell(rows);
        for (var siege : sieges.entrySet()) {
            probes.reset();
            Share beside;
            HostileRow unfinished;
            try (Siege under = new Siege(siege.getValue())) {
                Thread.sleep(RAMP_MILLIS);
                beside = siege.getKey().startsWith("all") ? besideAll(san) : share(san);
                if (!under.works()) {
                    System.out.println("  a hostile client of ours failed: the row says little");
                }
                unfinished = row(siege.getKey(), beside, before, probes.seen(), under, san);
            }
            if (!san.gateway().alive()) {
                rows.add(unfinished);
                tell(rows);
                return rows;
            }
            Thread.sleep(SETTLE_MILLIS);
            probes.reset();
            Share after = alone(san);
            rows.add(against(unfinished, Share.mean(before, after)));
            tell(rows);
            before = after;
        }
        if (!sieges.isEmpty()) {
            rows.add(row("alone again", before, first, probes.seen(), null, san));
            tell(rows);
        }
        return rows;
    }

    private static HostileRow row(
            String name, Share beside, Share alone, Probes.Seen seen, @Nullable Siege siege, HostileSan san) {
        return against(
                new HostileRow(
                        name,
                        0,
                        0,
                        beside.megabytesPerSecond,
                        beside.micros,
                        seen,
                        siege == null ? 0 : siege.open(),
                        siege == null ? 0 : siege.sentPerSecond(),
                        siege == null ? 0 : siege.cpuPercent(),
                        san.gateway().alive()),
                alone);
    }

    private static HostileRow against(HostileRow row, Share alone) {
        return new HostileRow(
                row.name(),
                row.megabytesPerSecond() / alone.megabytesPerSecond,
                row.micros() / alone.micros,
                row.megabytesPerSecond(),
                row.micros(),
                row.seen(),
                row.connections(),
                row.sentPerSecond(),
                row.clientPercent(),
                row.alive());
    }

    /** It has to work when nobody disturbs it. */
    private Share alone(HostileSan san) throws LoadFailure, InterruptedException {
        return new Share(large(san, seconds), small(san, seconds));
    }

    private Share share(HostileSan san) throws InterruptedException {
        double megabytes = 0;
        double micros = Double.POSITIVE_INFINITY;
        try {
            megabytes = large(san, seconds);
            micros = small(san, seconds);
        } catch (LoadFailure failure) {
            System.out.println("  the good host failed: " + failure.getMessage());
        }
        return new Share(megabytes, micros);
    }

    /** In turns, until the time is over; medians. */
    private Share besideAll(HostileSan san) throws InterruptedException {
        long end = System.nanoTime() + Math.round(allForSeconds * TimeUnit.SECONDS.toNanos(1));
        List<Share> shares = new ArrayList<>();
        do {
            shares.add(share(san));
        } while (System.nanoTime() < end && san.gateway().alive());
        return new Share(
                median(shares.stream().mapToDouble(Share::megabytesPerSecond).toArray()),
                median(shares.stream().mapToDouble(Share::micros).toArray()));
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static double large(HostileSan san, double seconds) throws LoadFailure, InterruptedException {
        LoadResult result = load(san, LARGE_BYTES, LARGE_DEPTH, new AccessPattern(true, 100), seconds, 0);
        return result.all().getTotalCount() * (LARGE_BYTES / 1e6) / (result.elapsedNanos() / 1e9);
    }

    private static double small(HostileSan san, double seconds) throws LoadFailure, InterruptedException {
        return load(san, SMALL_BYTES, 1, new AccessPattern(false, 100), seconds, 0)
                        .all()
                        .getValueAtPercentile(50)
                / 1e3;
    }

    private static LoadResult load(
            HostileSan san, int requestBytes, int depth, AccessPattern pattern, double seconds, long requests)
            throws LoadFailure, InterruptedException {
        LoadTarget target = LoadTarget.of("127.0.0.1", san.port(), new IscsiName(HostileSan.target("good")), 0);
        LoadPlan plan = new LoadPlan(
                List.of(target),
                new IscsiName(HostileSan.GOOD_INITIATOR),
                1,
                depth,
                1,
                requestBytes,
                pattern,
                0,
                false,
                false,
                false,
                false,
                1,
                0,
                Math.round(seconds * 1000),
                requests);
        return LoadGenerator.run(plan, new LoadGenerator.Observer() {});
    }

    /** Writes the LUN, so that no holes are read, as soon as it is wiped; then reads, until all is compiled. */
    private static void warmUp(HostileSan san) throws LoadFailure, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_SECONDS);
        while (true) {
            try {
                load(
                        san,
                        LARGE_BYTES,
                        LARGE_DEPTH,
                        new AccessPattern(true, 0),
                        0,
                        HostileSan.VOLUME_BYTES / LARGE_BYTES);
                break;
            } catch (LoadFailure failure) {
                if (System.nanoTime() > end) {
                    throw failure;
                }
                Thread.sleep(200);
            }
        }
        System.out.println("Warming up ...");
        large(san, WARM_UP_MILLIS / 1e3);
        small(san, WARM_UP_MILLIS / 1e3);
    }

    private static void tell(List<HostileRow> rows) {
        if (rows.size() == 1) {
            HostileRow.header().forEach(System.out::println);
        }
        System.out.println(rows.getLast().line());
    }

    private void write(List<HostileRow> rows) throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        lines.add("# Beside hostile peers");
        lines.add("");
        Machine.describe().forEach(line -> lines.add("- " + line));
        lines.add(String.format(
                Locale.ROOT,
                "- %.0f s for each measurement, all at once for %.0f s; hostile peers send at most %,d requests a second",
                seconds,
                allForSeconds,
                Attacks.REQUESTS_PER_SECOND));
        lines.add(
                "- throughput: 256 KiB reads, 8 at once; latency: 4 KiB reads, one at a time; both in what the host has alone, "
                        + "before and after");
        lines.add("");
        lines.addAll(HostileRow.header());
        rows.forEach(row -> lines.add(row.line()));
        Path report = Files.createDirectories(root.resolve("target/bench")).resolve("hostile.md");
        Files.write(report, lines);
        System.out.println("\n" + report);
    }
}
