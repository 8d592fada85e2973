package dev.sanway.integration.bench;

import dev.sanway.bench.LoadTarget;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * What is measured: a LUN, and the processes that serve it.
 *
 * @param servers whose processor time counts
 * @param digests header and data digests are on
 * @param virtualMachine one of them is a Java process, which wants to be warmed up
 * @param rows which rows it takes part in
 */
record Contender(
        String name,
        LoadTarget target,
        List<Server> servers,
        boolean digests,
        boolean virtualMachine,
        Predicate<Row> rows) {

    private static final Pattern FEW = Pattern.compile("4k-rand(read|write)-d(1|32)|256k-seq(read|write)-d8");

    static Contender of(String name, LoadTarget target, boolean virtualMachine, Server... servers) {
        return new Contender(name, target, List.of(servers), false, virtualMachine, _ -> true);
    }

    /** The same with digests, on a few rows. */
    Contender withDigests() {
        return new Contender(name + "+digests", target, servers, true, virtualMachine, Contender::isOneOfFew);
    }

    Contender onFewRows() {
        return new Contender(name, target, servers, digests, virtualMachine, Contender::isOneOfFew);
    }

    /** On the few rows of small requests. */
    Contender onSmallRows() {
        return new Contender(
                name, target, servers, digests, virtualMachine, row -> isOneOfFew(row) && !row.isAboutThroughput());
    }

    private static boolean isOneOfFew(Row row) {
        return FEW.matcher(row.name()).matches();
    }

    long cpuTicks() {
        long ticks = 0;
        for (Server server : servers) {
            ticks += server.cpuTicks();
        }
        return ticks;
    }
}
