package dev.sanway.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sanway.bench.AccessPattern;
import dev.sanway.bench.LoadFailure;
import dev.sanway.bench.LoadGenerator;
import dev.sanway.bench.LoadPlan;
import dev.sanway.bench.LoadResult;
import dev.sanway.bench.LoadTarget;
import dev.sanway.config.Sizes;
import dev.sanway.file.SmallFile;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Measures how fast LUNs are: keeps a number of requests under way, and tells how many are answered a second "
                    + "and how long each takes. Works with any iSCSI target.",
            "Patterns that write need --erase: WHAT THE LUN HOLDS IN THE RANGE IS LOST."
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  sanway bench iscsi://10.0.0.5/iqn.2026-11.dev.sanway:web1/0",
            "      random reads of 4 KiB, 32 at a time, for 10 s",
            "  sanway bench --pattern seq-read --bs 1MiB --depth 8 iscsi://.../0",
            "  sanway bench --erase --pattern mixed:70 --sessions 8 iscsi://.../0,1,2",
            "      70 %% reads, 30 %% writes, by eight sessions, over three LUNs",
            "  sanway bench --erase --verify --pattern mixed --size 1GiB iscsi://.../0",
            "      every block says what it is, and whatever is read is checked",
            "",
            "Exit status: 0 measured (and all right), 1 failed or wrong data, 2 wrong usage."
        })
final class BenchCommand implements Callable<Integer> {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LARGEST_REQUEST_BYTES = 16 << 20;
    private static final int MOST_SESSIONS = 4096;
    private static final int DEEPEST = 4096;
    private static final int MOST_LOOPS = 64;
    private static final int LONGEST_SECONDS = 1_000_000;
    private static final double[] PERCENTILES = {50, 99, 99.9};

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Parameters(
            paramLabel = "URL",
            arity = "1..*",
            description = "iscsi://[USER%%SECRET@]HOST[:PORT]/TARGET/LUN[,LUN...]; several targets get load at once.")
    List<String> urls = List.of();

    @Option(
            names = "--pattern",
            paramLabel = "PATTERN",
            defaultValue = "read",
            description =
                    "read (the default), write, mixed (70 %% reads), mixed:N (N %% reads); in sequence: seq-read, "
                            + "seq-write, seq-mixed[:N].")
    String pattern = "read";

    @Option(
            names = {"--block-size", "--bs"},
            paramLabel = "SIZE",
            defaultValue = "4KiB",
            description = "Size of a request (4KiB).")
    String blockSize = "4KiB";

    @Option(
            names = "--depth",
            paramLabel = "N",
            defaultValue = "32",
            description = "Requests that each session keeps under way (32).")
    int depth = 32;

    @Option(names = "--sessions", paramLabel = "N", defaultValue = "1", description = "Sessions to each target (1).")
    int sessions = 1;

    @Option(
            names = "--loops",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads that share the sessions (1; each takes up to one core).")
    int loops = 1;

    @Option(names = "--seconds", paramLabel = "N", description = "How long to measure (10).")
    @Nullable
    Integer seconds;

    @Option(names = "--requests", paramLabel = "N", description = "How many requests to measure, instead of --seconds.")
    @Nullable
    Long requests;

    @Option(
            names = "--warmup",
            paramLabel = "SECONDS",
            defaultValue = "2",
            description = "How long to run before measuring (2).")
    int warmup = 2;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            description = "Use so much of each LUN, from its beginning (default: all of it).")
    @Nullable
    String size;

    @Option(names = "--erase", description = "Yes, what the LUNs hold may be lost; needed by patterns that write.")
    boolean erase;

    @Option(names = "--fua", description = "Each write is to be durable before it is answered (FUA).")
    boolean fua;

    @Option(
            names = "--verify",
            description = "Writes mark each block with its place, its seed and a check sum; reads check what this run "
                    + "wrote, and at the end all of it is read back. With --pattern read: checks what an earlier run "
                    + "wrote with the same --seed.")
    boolean verify;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides places and contents; with the same one they repeat (1).")
    long seed = 1;

    @Option(names = "--header-digest", description = "CRC32C on every header.")
    boolean headerDigest;

    @Option(names = "--data-digest", description = "CRC32C on all data.")
    boolean dataDigest;

    @Option(names = "--chap-user", paramLabel = "NAME", description = "Log in with CHAP; wants --secret-file.")
    @Nullable
    String chapUser;

    @Option(names = "--secret-file", paramLabel = "FILE", description = "A file with the CHAP secret, one line.")
    @Nullable
    Path secretFile;

    @Option(names = "--mutual-user", paramLabel = "NAME", description = "The target has to prove that it is this one.")
    @Nullable
    String mutualUser;

    @Option(names = "--mutual-secret-file", paramLabel = "FILE", description = "A file with the target's secret.")
    @Nullable
    Path mutualSecretFile;

    @Option(
            names = "--initiator",
            paramLabel = "IQN",
            defaultValue = "iqn.2026-11.dev.sanway:bench",
            description = "The initiator name to log in with (${DEFAULT-VALUE}).")
    String initiator = "";

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "table (the default) or json")
    ClientOptions.Output output = ClientOptions.Output.table;

    @Override
    public Integer call() throws CommandFailure {
        LoadPlan plan = plan();
        LoadResult result;
        try {
            result = LoadGenerator.run(plan, new Progress(spec.commandLine().getErr()));
        } catch (LoadFailure failure) {
            throw new CommandFailure(1, Objects.requireNonNull(failure.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CommandFailure(1, "interrupted");
        }
        PrintWriter out = spec.commandLine().getOut();
        if (output == ClientOptions.Output.json) {
            out.println(json(plan, result).toPrettyString());
        } else {
            print(plan, result, out);
        }
        out.flush();
        return 0;
    }

    // ---- what is asked for

    private LoadPlan plan() throws CommandFailure {
        AccessPattern access = AccessPattern.parse(pattern);
        if (access == null) {
            throw new CommandFailure(2, "--pattern " + pattern + " is none; see sanway bench --help");
        }
        if (access.writes() && !erase) {
            throw new CommandFailure(
                    2, "--pattern " + pattern + " overwrites the LUN; say --erase if what it holds may be lost");
        }
        IscsiName name = IscsiName.parse(initiator);
        if (name == null) {
            throw new CommandFailure(2, "--initiator " + initiator + ": " + IscsiName.whyNot(initiator));
        }
        if (seconds != null && requests != null) {
            throw new CommandFailure(2, "give --seconds or --requests, not both");
        }
        long requestBytes = size("--block-size", blockSize);
        if (requestBytes < 512 || requestBytes > LARGEST_REQUEST_BYTES || requestBytes % 512 != 0) {
            throw new CommandFailure(
                    2, "--block-size " + blockSize + " has to be a multiple of 512 bytes, up to 16MiB");
        }
        return new LoadPlan(
                targets(),
                name,
                within("--sessions", 1, sessions, MOST_SESSIONS),
                within("--depth", 1, depth, DEEPEST),
                Math.min(within("--loops", 1, loops, MOST_LOOPS), sessions * urls.size()),
                (int) requestBytes,
                access,
                size == null ? 0 : size("--size", size),
                fua,
                headerDigest,
                dataDigest,
                verify,
                seed,
                within("--warmup", 0, warmup, LONGEST_SECONDS) * 1000L,
                requests != null ? 0 : within("--seconds", 1, seconds == null ? 10 : seconds, LONGEST_SECONDS) * 1000L,
                requests == null ? 0 : within("--requests", 1, requests, Long.MAX_VALUE / 2));
    }

    private static int within(String option, int least, int value, int most) throws CommandFailure {
        return (int) within(option, least, (long) value, most);
    }

    private static long within(String option, int least, long value, long most) throws CommandFailure {
        if (value < least || value > most) {
            throw new CommandFailure(2, option + " " + value + " has to be from " + least + " to " + most);
        }
        return value;
    }

    private static long size(String option, String text) throws CommandFailure {
        OptionalLong bytes = Sizes.parse(text);
        if (bytes.isEmpty() || bytes.getAsLong() == 0) {
            throw new CommandFailure(2, option + " " + text + " is not a size; write it as in 4KiB or 10GiB");
        }
        return bytes.getAsLong();
    }

    private List<LoadTarget> targets() throws CommandFailure {
        List<LoadTarget> targets = new ArrayList<>();
        for (String url : urls) {
            int slash = url.lastIndexOf('/');
            List<Integer> luns = new ArrayList<>();
            IscsiUrl first = null;
            for (String lun : url.substring(slash + 1).split(",", -1)) {
                IscsiUrl one = IscsiUrl.parse(url.substring(0, slash + 1) + lun);
                first = first == null ? one : first;
                luns.add(one.lun());
            }
            IscsiUrl at = Objects.requireNonNull(first);
            Chap.Credentials inUrl =
                    at.user() == null || at.secret() == null ? null : new Chap.Credentials(at.user(), at.secret());
            Chap.Credentials own = credentials("--chap-user", chapUser, "--secret-file", secretFile);
            Chap.Credentials mutual =
                    credentials("--mutual-user", mutualUser, "--mutual-secret-file", mutualSecretFile);
            if (mutual != null && own == null && inUrl == null) {
                throw new CommandFailure(2, "--mutual-user is of use only together with --chap-user");
            }
            targets.add(new LoadTarget(at.host(), at.port(), at.target(), luns, own == null ? inUrl : own, mutual));
        }
        return targets;
    }

    private static Chap.@Nullable Credentials credentials(
            String userOption, @Nullable String user, String fileOption, @Nullable Path file) throws CommandFailure {
        if (user == null && file == null) {
            return null;
        }
        if (user == null || file == null) {
            throw new CommandFailure(2, userOption + " and " + fileOption + " go together");
        }
        try {
            String secret = SmallFile.secret(file);
            if (secret.length() < Chap.MIN_SECRET_BYTES) {
                throw new CommandFailure(1, file + " holds a secret of fewer than " + Chap.MIN_SECRET_BYTES + " bytes");
            }
            return new Chap.Credentials(user, secret);
        } catch (SmallFile.NotSecret e) {
            throw new CommandFailure(1, file + " " + e.getReason());
        } catch (IOException e) {
            throw new CommandFailure(1, "the secret in " + file + " cannot be read; it should be one line");
        }
    }

    // ---- what came of it

    private static void print(LoadPlan plan, LoadResult result, PrintWriter out) {
        out.println(title(plan));
        Table table = new Table("", "IOPS", "MB/s", "p50 us", "p99 us", "p99.9 us", "max us", "REQUESTS");
        boolean both = result.reads().getTotalCount() > 0 && result.writes().getTotalCount() > 0;
        row(table, "read", result, result.reads());
        row(table, "write", result, result.writes());
        if (both) {
            row(table, "all", result, result.all());
        }
        table.print(out, "Nothing was answered while it was measured.");
        double cpuSeconds = result.cpuNanos() / 1e9;
        out.printf(
                Locale.ROOT,
                "Measured %.1f s; the load itself took %.2f s of processor time (%.1f us a request).%n",
                result.elapsedNanos() / 1e9,
                cpuSeconds,
                result.requests() == 0 ? 0 : cpuSeconds * 1e6 / result.requests());
        if (result.repeated() > 0) {
            out.printf("%d requests had to be sent again.%n", result.repeated());
        }
        if (plan.verify()) {
            out.printf("%d blocks were read and checked: all right.%n", result.checkedBlocks());
        }
    }

    private static String title(LoadPlan plan) {
        List<String> where = new ArrayList<>();
        for (LoadTarget target : plan.targets()) {
            where.add(target + "/"
                    + String.join(
                            ",", target.luns().stream().map(String::valueOf).toList()));
        }
        return String.join(", ", where) + ": " + plan.pattern() + " of " + Sizes.show(plan.requestBytes()) + ", depth "
                + plan.depth() + ", " + plan.sessions() + (plan.sessions() == 1 ? " session" : " sessions");
    }

    private static void row(Table table, String name, LoadResult result, Histogram latencies) {
        if (latencies.getTotalCount() > 0) {
            List<Object> cells = new ArrayList<>();
            double perSecond = latencies.getTotalCount() * 1e9 / result.elapsedNanos();
            cells.add(name);
            cells.add(Math.round(perSecond));
            cells.add(String.format(Locale.ROOT, "%.1f", perSecond * result.requestBytes() / 1e6));
            for (double percentile : PERCENTILES) {
                cells.add(micros(latencies.getValueAtPercentile(percentile)));
            }
            cells.add(micros(latencies.getMaxValue()));
            cells.add(latencies.getTotalCount());
            table.row(cells.toArray());
        }
    }

    private static String micros(long nanos) {
        return String.format(Locale.ROOT, nanos < 100_000 ? "%.1f" : "%.0f", nanos / 1e3);
    }

    private static ObjectNode json(LoadPlan plan, LoadResult result) {
        ObjectNode json = JSON.createObjectNode();
        ArrayNode targets = json.putArray("targets");
        for (LoadTarget target : plan.targets()) {
            target.luns().forEach(lun -> targets.add(target + "/" + lun));
        }
        json.put("pattern", plan.pattern().toString());
        json.put("requestBytes", plan.requestBytes());
        json.put("depth", plan.depth());
        json.put("sessions", plan.sessions());
        json.put("seed", plan.seed());
        json.put("elapsedSeconds", result.elapsedNanos() / 1e9);
        json.put("cpuSeconds", result.cpuNanos() / 1e9);
        json.put("repeated", result.repeated());
        json.put("checkedBlocks", result.checkedBlocks());
        put(json, "read", result, result.reads());
        put(json, "write", result, result.writes());
        put(json, "all", result, result.all());
        return json;
    }

    private static void put(ObjectNode json, String name, LoadResult result, Histogram latencies) {
        ObjectNode one = json.putObject(name);
        double perSecond = latencies.getTotalCount() * 1e9 / result.elapsedNanos();
        one.put("requests", latencies.getTotalCount());
        one.put("requestsPerSecond", perSecond);
        one.put("megabytesPerSecond", perSecond * result.requestBytes() / 1e6);
        if (latencies.getTotalCount() > 0) {
            for (double percentile : PERCENTILES) {
                one.put(
                        "p" + (percentile == Math.rint(percentile) ? "" + (int) percentile : "" + percentile)
                                + "Micros",
                        latencies.getValueAtPercentile(percentile) / 1e3);
            }
            one.put("maxMicros", latencies.getMaxValue() / 1e3);
        }
    }

    /** One line on a terminal that is overwritten; nothing elsewhere. */
    private static final class Progress implements LoadGenerator.Observer {

        private static final String CLEAR = "\r\033[K";

        private final PrintWriter err;
        private final boolean terminal = isTerminal();

        Progress(PrintWriter err) {
            this.err = err;
        }

        // In JDK 25 it is still null where there is no terminal, unless the module jdk.internal.le provides it.
        @SuppressWarnings("SystemConsoleNull")
        private static boolean isTerminal() {
            Console console = System.console();
            return console != null && console.isTerminal();
        }

        @Override
        public void progress(String phase, long perSecond, long secondsLeft) {
            if (terminal) {
                err.print(CLEAR + phase + ": " + perSecond + " requests/s"
                        + (secondsLeft < 0 ? "" : ", " + secondsLeft + " s left"));
                err.flush();
            }
        }

        @Override
        public void measured() {
            if (terminal) {
                err.print(CLEAR);
                err.flush();
            }
        }
    }
}
