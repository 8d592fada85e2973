package dev.sanway.integration;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** libiscsi's conformance suite, as {@code scripts/conformance} runs it. */
final class Conformance {

    record Result(int ran, int failed, int skipped, String output) {}

    private static final Pattern SUMMARY =
            Pattern.compile("conformance: ([0-9]+) tests ran, ([0-9]+) failed, ([0-9]+) checks were skipped");

    private Conformance() {}

    static Result run(String url) {
        Command command = Command.run(
                900, List.of(SanwayProcess.ROOT.resolve("scripts/conformance").toString(), url));
        Matcher matcher = SUMMARY.matcher(command.output());
        if (!matcher.find()) {
            throw new AssertionError("the suite did not end:\n" + command.output());
        }
        return new Result(
                Integer.parseInt(matcher.group(1)),
                Integer.parseInt(matcher.group(2)),
                Integer.parseInt(matcher.group(3)),
                command.output());
    }
}
