package dev.sanway.integration.bench;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The results as a picture: for each row the contenders' medians as bars, with whiskers from the slowest round to the fastest,
 * and beside them the ratios as dots with whiskers.
 */
final class Plot {

    private static final int LINE = 16;
    private static final int GAP = 14;
    private static final int TOP = 60;
    private static final int LABELS = 170;
    private static final int BARS = 420;
    private static final int FIGURES = 110;
    private static final int RATIO_LABELS = 200;
    private static final int RATIOS = 300;
    private static final double RATIO_END = 2.5;

    private static final List<String> COLOURS = List.of(
            "#1b6ca8", "#8d99ae", "#b08968", "#2a9d8f", "#76c893", "#b5e48c", "#5fa8d3", "#c0c6d4", "#80cbc4",
            "#264653", "#6c757d");

    private final Results results;
    private final StringBuilder svg = new StringBuilder();

    Plot(Results results) {
        this.results = results;
    }

    String svg() {
        int y = TOP;
        for (Row row : results.rows()) {
            int bars = bars(row, y);
            int ratios = ratios(row, y);
            y += Math.max(bars, ratios) * LINE + GAP + LINE;
        }
        int width = LABELS + BARS + FIGURES + RATIO_LABELS + RATIOS + 60;
        int left = ratioX(0);
        String frame = format(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
                        + "font-size=\"11\"><rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
                width, y + 20);
        StringBuilder axis = new StringBuilder();
        axis.append(text(LABELS, 24, "Speed: median of the rounds, whiskers from slowest to fastest", "start", "bold"));
        axis.append(text(
                left - RATIO_LABELS + 40,
                24,
                "Ratio: median of the rounds, whiskers from least to greatest",
                "start",
                "bold"));
        for (double tick = 0; tick <= RATIO_END; tick += 0.5) {
            axis.append(line(ratioX(tick), TOP - 10, ratioX(tick), y, tick == 1 ? "#d62828" : "#dddddd"));
            axis.append(text(ratioX(tick), TOP - 16, format("%.1f", tick), "middle", "normal"));
        }
        return frame + axis + svg + "</svg>\n";
    }

    private int bars(Row row, int top) {
        List<String> contenders = results.contenders(row);
        double end = contenders.stream()
                .mapToDouble(contender -> speed(row, contender).greatest())
                .max()
                .orElse(1);
        svg.append(text(8, top + 11, row.name() + (row.isAboutThroughput() ? ", MB/s" : ", IOPS"), "start", "bold"));
        int y = top + LINE;
        for (String contender : contenders) {
            Results.Spread speed = speed(row, contender);
            String colour = COLOURS.get(Math.max(0, Lab.names().indexOf(contender)) % COLOURS.size());
            svg.append(text(LABELS - 6, y + 11, contender, "end", "normal"));
            svg.append(format(
                    "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
                    LABELS, y + 2, speed.median() / end * BARS, LINE - 4, colour));
            whisker(LABELS + speed.least() / end * BARS, LABELS + speed.greatest() / end * BARS, y + LINE / 2.0);
            svg.append(text(LABELS + BARS + 8, y + 11, format("%,.0f", speed.median()), "start", "normal"));
            y += LINE;
        }
        return contenders.size();
    }

    private Results.Spread speed(Row row, String contender) {
        return results.spread(
                row,
                contender,
                row.isAboutThroughput() ? Measurement::megabytesPerSecond : Measurement::requestsPerSecond);
    }

    private int ratios(Row row, int top) {
        int lines = 0;
        for (Comparison comparison : Comparison.ALL) {
            Optional<Results.Spread> ratio = results.ratio(row, comparison.contender(), row, comparison.against());
            if (ratio.isPresent()) {
                int y = top + LINE + lines * LINE;
                Results.Spread spread = ratio.get();
                svg.append(text(ratioX(0) - 6, y + 11, comparison.toString(), "end", "normal"));
                whisker(ratioX(spread.least()), ratioX(spread.greatest()), y + LINE / 2.0);
                svg.append(format(
                        "<circle cx=\"%d\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>%n",
                        ratioX(spread.median()), y + LINE / 2.0, spread.median() >= 1 ? "#2a9d8f" : "#e76f51"));
                svg.append(text(ratioX(RATIO_END) + 8, y + 11, format("%.2f", spread.median()), "start", "normal"));
                lines++;
            }
        }
        return lines;
    }

    private static int ratioX(double ratio) {
        return LABELS + BARS + FIGURES + RATIO_LABELS + (int) (Math.min(ratio, RATIO_END) / RATIO_END * RATIOS);
    }

    private void whisker(double from, double to, double y) {
        svg.append(line(from, y, to, y, "#333333"));
        svg.append(line(from, y - 3, from, y + 3, "#333333"));
        svg.append(line(to, y - 3, to, y + 3, "#333333"));
    }

    private static String line(double x1, double y1, double x2, double y2, String colour) {
        return format(
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>%n", x1, y1, x2, y2, colour);
    }

    private static String text(double x, double y, String text, String anchor, String weight) {
        return format(
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" font-weight=\"%s\">%s</text>%n",
                x, y, anchor, weight, text);
    }

    @SuppressWarnings("AnnotateFormatMethod")
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
