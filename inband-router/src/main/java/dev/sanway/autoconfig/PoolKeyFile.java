package dev.sanway.autoconfig;

import dev.sanway.file.SmallFile;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The file with the pool's keys: a line for each, {@code ID HEX-DIGITS}, at most two. The first signs, the second is accepted as
 * well. To rotate: add the new key as second line everywhere, then make it the first everywhere, then take the old one away.
 * Lines that begin with {@code #} are comments.
 */
public final class PoolKeyFile {
    private static final Pattern LINE = Pattern.compile("(\\d{1,3})\\s+((?:[0-9A-Fa-f]{2})+)");
    private static final int MAX_BYTES = 16 << 10;
    private static final int NEW_KEY_BYTES = 32;
    private static final Set<PosixFilePermission> OTHERS = PosixFilePermissions.fromString("---rwxrwx");

    private PoolKeyFile() {}

    /**
     * Reads the keys.
     *
     * @throws IOException that says what is wrong with the file, and what would be right; never what is in it
     */
    public static PoolKeys read(Path file) throws IOException {
        return read(file, SmallFile::read);
    }

    /** A way to read files, {@link SmallFile#read} or a narrower one. */
    public interface Reading {
        SmallFile read(Path file, int maxBytes) throws IOException;
    }

    /**
     * Reads the keys.
     *
     * @param reading how; what it throws of files outside a folder is passed on
     * @throws IOException as {@link #read(Path)}
     */
    public static PoolKeys read(Path file, Reading reading) throws IOException {
        try {
            SmallFile content = reading.read(file, MAX_BYTES);
            Set<PosixFilePermission> permissions = content.permissions();
            if (permissions.stream().anyMatch(OTHERS::contains)) {
                throw new IOException("the pool key in " + file + " can be used by others ("
                        + PosixFilePermissions.toString(permissions) + "); run: chmod 600 " + file);
            }
            return parse(file, content.text());
        } catch (SmallFile.NotSmallFile e) {
            throw new IOException(file + " " + e.getReason() + "; it should hold one or two lines: ID HEX-DIGITS", e);
        } catch (NoSuchFileException e) {
            throw new IOException(
                    "there is no pool key in " + file
                            + "; copy it from another member of the pool, or have init make one",
                    e);
        } catch (java.nio.charset.CharacterCodingException e) {
            throw new IOException(file + " is no text; it should hold one or two lines: ID HEX-DIGITS", e);
        }
    }

    private static PoolKeys parse(Path file, String content) throws IOException {
        Map<Integer, byte[]> keys = new LinkedHashMap<>();
        @Nullable Integer signing = null;
        int number = 0;
        for (String line : content.lines().toList()) {
            number++;
            String text = line.strip();
            if (text.isEmpty() || text.startsWith("#")) {
                continue;
            }
            Matcher matcher = LINE.matcher(text);
            if (!matcher.matches()) {
                throw new IOException(file + ":" + number
                        + ": write a key as its id, 0 to 255, a space, and 64 hexadecimal digits or more");
            }
            int id = Integer.parseInt(matcher.group(1));
            if (keys.putIfAbsent(id, HexFormat.of().parseHex(matcher.group(2))) != null) {
                throw new IOException(file + ":" + number + ": the key id " + id + " stands there twice");
            }
            signing = signing == null ? id : signing;
        }
        if (signing == null) {
            throw new IOException(file + " holds no key; it should hold one or two lines: ID HEX-DIGITS");
        }
        try {
            return new PoolKeys(signing, keys);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Makes a new key that only its owner can read.
     *
     * @throws FileAlreadyExistsException if there is one; it is left as it is
     */
    public static void create(Path file) throws IOException {
        byte[] key = new byte[NEW_KEY_BYTES];
        new SecureRandom().nextBytes(key);
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(
                file,
                "# The pool's key: whoever has it is a member of the pool. The same on the gateway and all its units.\n1 "
                        + HexFormat.of().formatHex(key) + "\n",
                StandardOpenOption.TRUNCATE_EXISTING);
    }
}
