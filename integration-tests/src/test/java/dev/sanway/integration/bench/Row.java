package dev.sanway.integration.bench;

import dev.sanway.bench.AccessPattern;
import java.util.ArrayList;
import java.util.List;

/**
 * One kind of work that every contender gets.
 *
 * @param name request size, pattern, depth, and the number of sessions if it is not one: {@code 4k-randread-d8}
 */
record Row(String name, int requestBytes, AccessPattern pattern, int depth, int sessions) {

    private static final int KIB = 1024;

    static Row of(int requestKib, boolean sequential, int readPercent, int depth, int sessions) {
        String size = requestKib >= KIB ? requestKib / KIB + "m" : requestKib + "k";
        String what =
                (sequential ? "seq" : "rand") + (readPercent == 100 ? "read" : readPercent == 0 ? "write" : "mixed");
        return new Row(
                size + "-" + what + "-d" + depth + (sessions == 1 ? "" : "-s" + sessions),
                requestKib * KIB,
                new AccessPattern(sequential, readPercent),
                depth,
                sessions);
    }

    /** Every row, in the order of the report. */
    static List<Row> all() {
        List<Row> rows = new ArrayList<>();
        for (int readPercent : new int[] {100, 0, 70}) {
            for (int depth : new int[] {1, 8, 32, 128}) {
                rows.add(of(4, false, readPercent, depth, 1));
            }
        }
        for (int kib : new int[] {64, 256, KIB}) {
            rows.add(of(kib, true, 100, 8, 1));
            rows.add(of(kib, true, 0, 8, 1));
        }
        for (int readPercent : new int[] {100, 0}) {
            rows.add(of(4, false, readPercent, 8, 8));
            rows.add(of(256, true, readPercent, 8, 8));
        }
        return rows;
    }

    /** The rows of {@code --quick}. */
    static List<Row> quick() {
        List<Row> rows = new ArrayList<>();
        for (int readPercent : new int[] {100, 0}) {
            for (int depth : new int[] {1, 8, 32}) {
                rows.add(of(4, false, readPercent, depth, 1));
            }
        }
        rows.add(of(256, true, 100, 8, 1));
        rows.add(of(256, true, 0, 8, 1));
        return rows;
    }

    /** Whether megabytes a second say more about it than requests a second. */
    boolean isAboutThroughput() {
        return requestBytes > 16 * KIB;
    }

    /** The row of one session that this one of several is compared with; itself if it is such a row. */
    Row withOneSession() {
        return of(requestBytes / KIB, pattern.sequential(), pattern.readPercent(), depth, 1);
    }
}
