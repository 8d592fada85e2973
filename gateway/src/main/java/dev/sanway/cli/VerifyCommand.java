package dev.sanway.cli;

import dev.sanway.block.BlockOutcome;
import dev.sanway.block.BlockRequest;
import dev.sanway.block.Geometry;
import dev.sanway.config.Sizes;
import dev.sanway.iscsi.IscsiName;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description =
                "Writes a pattern onto a LUN with sanway's own initiator, flushes, and reads it back: the first part, "
                        + "the last part, and pieces at random between. WHAT THE LUN HOLDS THERE IS LOST.",
        footerHeading = "%nExample:%n",
        footer = "  sanway verify --erase --size 64MiB iscsi://127.0.0.1:13260/iqn.2026-11.dev.sanway:web1/0")
final class VerifyCommand implements Callable<Integer> {

    private static final int DEPTH = 16;
    private static final int LARGEST_PIECE_BYTES = 512 << 10;

    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Parameters(paramLabel = "URL", description = "iscsi://[USER%%SECRET@]HOST[:PORT]/TARGET/LUN")
    String url = "";

    @Option(names = "--erase", required = true, description = "Yes, what the LUN holds may be lost.")
    boolean erase;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "64MiB", description = "How much to write (64MiB).")
    String size = "64MiB";

    @Option(names = "--seed", paramLabel = "N", description = "Repeat an earlier run exactly.")
    long seed = System.nanoTime();

    @Option(
            names = "--initiator",
            paramLabel = "IQN",
            defaultValue = "iqn.2026-11.dev.sanway:verify",
            description = "The initiator name to log in with (${DEFAULT-VALUE}).")
    String initiator = "";

    /** A piece of the pattern: its bytes follow from the seed and its place. */
    private record Piece(long lba, int blockCount, long seed) {

        ByteBuf pattern(int blockSizeBytes) {
            byte[] bytes = new byte[blockCount * blockSizeBytes];
            new Random(seed ^ lba * 0x9e3779b97f4a7c15L).nextBytes(bytes);
            return PooledByteBufAllocator.DEFAULT.directBuffer(bytes.length).writeBytes(bytes);
        }
    }

    @Override
    public Integer call() throws CommandFailure {
        OptionalLong bytes = Sizes.parse(size);
        IscsiName name = IscsiName.parse(initiator);
        if (bytes.isEmpty() || name == null) {
            throw new CommandFailure(
                    2, bytes.isEmpty() ? size + " is not a size" : initiator + " is not an iSCSI name");
        }
        PrintWriter out = spec.commandLine().getOut();
        try (RemoteDisk disk = new RemoteDisk(IscsiUrl.parse(url), name)) {
            Geometry geometry = disk.geometry();
            long blocks = Math.min(geometry.blockCount(), bytes.getAsLong() / geometry.blockSizeBytes());
            ArrayDeque<Piece> pieces = pieces(geometry, blocks);
            long start = System.nanoTime();
            write(disk, pieces, geometry);
            disk.get(disk.submit(new BlockRequest.Flush(0, 0)));
            int wrong = read(disk, pieces, geometry, out);
            out.printf(
                    "%s: %s of %s, %d pieces written, flushed and read back in %.1f s: %s%n",
                    IscsiUrl.parse(url),
                    Sizes.show(blocks * geometry.blockSizeBytes()),
                    Sizes.show(geometry.sizeBytes()),
                    pieces.size(),
                    (System.nanoTime() - start) / 1e9,
                    wrong == 0 ? "all equal" : wrong + " DIFFER (seed " + seed + ")");
            out.flush();
            return wrong == 0 ? 0 : 1;
        }
    }

    /** A quarter at the beginning, a quarter at the end, half in pieces in between that do not overlap. */
    private ArrayDeque<Piece> pieces(Geometry geometry, long blocks) {
        ArrayDeque<Piece> pieces = new ArrayDeque<>();
        Random random = new Random(seed);
        int largest = LARGEST_PIECE_BYTES / geometry.blockSizeBytes();
        if (blocks >= geometry.blockCount()) {
            run(pieces, random, 0, geometry.blockCount(), largest);
            return pieces;
        }
        long quarter = blocks / 4;
        run(pieces, random, 0, quarter, largest);
        long left = blocks - 2 * quarter;
        long from = quarter;
        long end = geometry.blockCount() - quarter;
        while (left > 0 && from < end) {
            int length = (int) Math.min(left, Math.min(1 + random.nextInt(largest), end - from));
            pieces.add(new Piece(from, length, seed));
            left -= length;
            long slack = (end - from - length) / Math.max(1, left / (largest / 2) + 1);
            from += length + (slack > 0 ? (long) (random.nextDouble() * slack) : 0);
        }
        run(pieces, random, end, geometry.blockCount(), largest);
        return pieces;
    }

    private void run(ArrayDeque<Piece> pieces, Random random, long from, long to, int largest) {
        for (long lba = from; lba < to; ) {
            int length = (int) Math.min(1 + random.nextInt(largest), to - lba);
            pieces.add(new Piece(lba, length, seed));
            lba += length;
        }
    }

    private static void write(RemoteDisk disk, ArrayDeque<Piece> pieces, Geometry geometry) throws CommandFailure {
        ArrayDeque<CompletableFuture<BlockOutcome>> underWay = new ArrayDeque<>();
        for (Piece piece : pieces) {
            if (underWay.size() == DEPTH) {
                disk.get(underWay.remove());
            }
            underWay.add(disk.submit(new BlockRequest.Write(
                    piece.lba(), piece.blockCount(), piece.pattern(geometry.blockSizeBytes()), false)));
        }
        for (CompletableFuture<BlockOutcome> last : underWay) {
            disk.get(last);
        }
    }

    private static int read(RemoteDisk disk, ArrayDeque<Piece> pieces, Geometry geometry, PrintWriter out)
            throws CommandFailure {
        int wrong = 0;
        ArrayDeque<Piece> asked = new ArrayDeque<>();
        ArrayDeque<CompletableFuture<BlockOutcome>> underWay = new ArrayDeque<>();
        for (Piece piece : pieces) {
            if (underWay.size() == DEPTH) {
                wrong += compare(disk, asked.remove(), underWay.remove(), geometry, out);
            }
            asked.add(piece);
            underWay.add(disk.submit(new BlockRequest.Read(piece.lba(), piece.blockCount(), false)));
        }
        while (!asked.isEmpty()) {
            wrong += compare(disk, asked.remove(), underWay.remove(), geometry, out);
        }
        return wrong;
    }

    private static int compare(
            RemoteDisk disk, Piece piece, CompletableFuture<BlockOutcome> read, Geometry geometry, PrintWriter out)
            throws CommandFailure {
        BlockOutcome outcome = disk.get(read);
        ByteBuf expected = piece.pattern(geometry.blockSizeBytes());
        boolean equal = outcome instanceof BlockOutcome.Data(ByteBuf bytes) && bytes.equals(expected);
        expected.release();
        BlockOutcome.release(outcome);
        if (!equal) {
            out.println("blocks " + piece.lba() + " to " + (piece.lba() + piece.blockCount() - 1) + " differ");
        }
        return equal ? 0 : 1;
    }
}
