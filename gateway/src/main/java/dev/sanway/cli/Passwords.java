package dev.sanway.cli;

import dev.sanway.file.SmallFile;
import java.io.ByteArrayOutputStream;
import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Passwords come from a terminal that does not show them, from a file, or from standard input; never from the command line. */
final class Passwords {

    private Passwords() {}

    /**
     * Gets one.
     *
     * @param file a file whose first line it is, {@code -} for standard input; null: asks
     * @param twice asks again, since it is a new one
     */
    @SuppressWarnings("SystemConsoleNull") // It is null where there is no terminal, since JDK 25 again.
    static String read(@Nullable String file, String prompt, boolean twice) throws CommandFailure {
        if (file != null) {
            return firstLine(file);
        }
        Console console = System.console();
        if (console == null || !console.isTerminal()) {
            throw new CommandFailure(
                    2,
                    "no terminal to ask for the password: give a file with it by --password-file FILE, or - for "
                            + "standard input");
        }
        char[] typed = console.readPassword("%s: ", prompt);
        if (twice && typed != null) {
            char[] again = console.readPassword("%s once more: ", prompt);
            if (!Arrays.equals(typed, again)) {
                throw new CommandFailure(1, "the two are not the same; nothing was done");
            }
        }
        if (typed == null) {
            throw new CommandFailure(1, "nothing was done");
        }
        return new String(typed);
    }

    /** Up to the end of the line, so that a terminal need not be closed. */
    private static String firstLine(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int each = in.read(); each >= 0 && each != '\n'; each = in.read()) {
            if (line.size() == SmallFile.MAX_SECRET_BYTES) {
                throw new IOException("the line is longer than 4 KiB");
            }
            line.write(each);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private static String firstLine(String file) throws CommandFailure {
        try {
            String text =
                    file.equals("-") ? firstLine(System.in) : SmallFile.text(Path.of(file), SmallFile.MAX_SECRET_BYTES);
            return text.lines().findFirst().orElse("");
        } catch (SmallFile.NotSmallFile e) {
            throw new CommandFailure(
                    1,
                    "the password cannot be read from " + file + ": it " + e.getReason()
                            + "; what comes from a pipe is read with --password-file -");
        } catch (IOException e) {
            throw new CommandFailure(1, "the password cannot be read from " + file + ": " + e.getMessage());
        }
    }
}
