package dev.sanway.integration.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What a run leaves in its folder: report.md, results.json, plot.svg. */
final class Report {

    private final Path folder;
    private final Results results;
    private final List<CrossCheck.Line> crossChecks;
    private final List<String> machine;
    private final String run;

    Report(Path folder, Results results, List<CrossCheck.Line> crossChecks, List<String> machine, String run) {
        this.folder = folder;
        this.results = results;
        this.crossChecks = crossChecks;
        this.machine = machine;
        this.run = run;
    }

    void write() throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("report.md"), markdown());
        Files.writeString(folder.resolve("results.json"), json());
        Files.writeString(folder.resolve("plot.svg"), new Plot(results).svg());
    }

    void print() {
        System.out.println();
        System.out.println(markdown());
        System.out.println("Written: report.md, results.json and plot.svg in " + folder);
    }

    private String json() {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        ArrayNode lines = root.putArray("machine");
        machine.forEach(lines::add);
        root.put("run", run);
        ArrayNode all = root.putArray("measurements");
        results.all().forEach(one -> all.add(one.json(mapper)));
        ArrayNode checks = root.putArray("crossChecks");
        crossChecks.forEach(line -> checks.addObject()
                .put("row", line.work())
                .put("contender", line.contender())
                .put("generator", line.generator())
                .put("requestsPerSecond", line.requestsPerSecond())
                .put("cpuMicrosPerRequest", line.cpuMicros()));
        return root.toPrettyString();
    }

    private String markdown() {
        StringBuilder text = new StringBuilder();
        text.append("# Side by side, ")
                .append(LocalDate.now(java.time.ZoneOffset.UTC))
                .append("\n\n");
        machine.forEach(line -> text.append("- ").append(line).append('\n'));
        text.append("- ").append(run).append("\n\n");
        ratios(text);
        tails(text);
        sessions(text);
        crossChecks(text);
        figures(text);
        return text.toString();
    }

    private void ratios(StringBuilder text) {
        List<Comparison> shown = Comparison.ALL.stream()
                .filter(comparison -> results.rows().stream()
                        .anyMatch(row -> ratio(row, comparison).isPresent()))
                .toList();
        if (shown.isEmpty()) {
            return;
        }
        text.append("## Speed, one divided by the other\n\nMedian of the rounds' ratios (least to greatest).\n\n");
        List<String> head = new ArrayList<>(List.of("row"));
        shown.forEach(comparison -> head.add(comparison.toString()));
        head(text, head);
        for (Row row : results.rows()) {
            List<String> cells = new ArrayList<>(List.of(row.name()));
            shown.forEach(comparison ->
                    cells.add(ratio(row, comparison).map(Report::show).orElse("")));
            line(text, cells);
        }
        text.append('\n');
    }

    private Optional<Results.Spread> ratio(Row row, Comparison comparison) {
        return results.ratio(row, comparison.contender(), row, comparison.against());
    }

    private static String show(Results.Spread ratio) {
        return format("%.2f (%.2f to %.2f)", ratio.median(), ratio.least(), ratio.greatest());
    }

    private void tails(StringBuilder text) {
        List<Comparison> shown = Comparison.ALL.subList(0, 2).stream()
                .filter(comparison -> results.rows().stream()
                        .anyMatch(row -> ratio(row, comparison).isPresent()))
                .toList();
        if (shown.isEmpty()) {
            return;
        }
        text.append(
                "## p99.9, one divided by the other\n\nAll rounds together; in brackets the smaller number of samples.\n\n");
        List<String> head = new ArrayList<>(List.of("row"));
        shown.forEach(comparison -> head.add(comparison.toString()));
        head(text, head);
        for (Row row : results.rows()) {
            List<String> cells = new ArrayList<>(List.of(row.name()));
            for (Comparison comparison : shown) {
                cells.add(
                        ratio(row, comparison).isEmpty()
                                ? ""
                                : format(
                                        "%.2f (%d)",
                                        results.micros(row, comparison.contender(), 99.9)
                                                / results.micros(row, comparison.against(), 99.9),
                                        Math.min(
                                                results.samples(row, comparison.contender()),
                                                results.samples(row, comparison.against()))));
            }
            line(text, cells);
        }
        text.append('\n');
    }

    private void sessions(StringBuilder text) {
        List<Row> rows = results.rows().stream()
                .filter(row -> row.sessions() > 1 && results.rows().contains(row.withOneSession()))
                .toList();
        if (rows.isEmpty()) {
            return;
        }
        text.append("## Several sessions, divided by one session of the same depth\n\n");
        List<String> contenders = results.contenders(rows.getFirst());
        List<String> head = new ArrayList<>(List.of("row"));
        head.addAll(contenders);
        head(text, head);
        for (Row row : rows) {
            List<String> cells = new ArrayList<>(List.of(row.name()));
            contenders.forEach(contender -> cells.add(results.ratio(row, contender, row.withOneSession(), contender)
                    .map(Report::show)
                    .orElse("")));
            line(text, cells);
        }
        text.append('\n');
    }

    private void crossChecks(StringBuilder text) {
        if (crossChecks.isEmpty()) {
            return;
        }
        text.append(
                "## Cross-check\n\nThe same work by other load generators, medians of three rounds; CPU of the generator in microseconds for each "
                        + "request.\n\n");
        head(text, List.of("row", "contender", "generator", "IOPS", "client CPU"));
        crossChecks.forEach(one -> line(
                text,
                List.of(
                        one.work(),
                        one.contender(),
                        one.generator(),
                        format("%,.0f", one.requestsPerSecond()),
                        format("%.1f", one.cpuMicros()))));
        text.append('\n');
    }

    private void figures(StringBuilder text) {
        text.append(
                "## Figures\n\nMedians of the rounds; latencies of all rounds together, in microseconds. CPU of the "
                        + "servers in seconds, of the load generator in microseconds for each request.\n\n");
        head(
                text,
                List.of(
                        "row",
                        "contender",
                        "IOPS",
                        "MB/s",
                        "p50",
                        "p99",
                        "p99.9",
                        "CPU / 100,000",
                        "CPU / GiB",
                        "client CPU"));
        for (Row row : results.rows()) {
            for (String contender : results.contenders(row)) {
                line(
                        text,
                        List.of(
                                row.name(),
                                contender,
                                format("%,.0f", median(row, contender, Measurement::requestsPerSecond)),
                                format("%,.0f", median(row, contender, Measurement::megabytesPerSecond)),
                                format("%,.0f", results.micros(row, contender, 50)),
                                format("%,.0f", results.micros(row, contender, 99)),
                                format("%,.0f", results.micros(row, contender, 99.9)),
                                format("%.2f", median(row, contender, Measurement::serverCpuPer100kRequests)),
                                format("%.2f", median(row, contender, Measurement::serverCpuPerGib)),
                                format("%.1f", median(row, contender, Measurement::clientCpuMicrosPerRequest))));
            }
        }
    }

    private double median(Row row, String contender, java.util.function.ToDoubleFunction<Measurement> figure) {
        return results.spread(row, contender, figure).median();
    }

    @SuppressWarnings("AnnotateFormatMethod")
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }

    private static void head(StringBuilder text, List<String> cells) {
        line(text, cells);
        line(text, cells.stream().map(_ -> "---").toList());
    }

    private static void line(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }
}
