package dev.sanway.file;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The content of a small file: the one way in which this program reads configurations, secrets, keys and tokens. Whatever a
 * path names, reading ends at once and takes bounded memory: only regular files are read, which is checked on the opened file,
 * and nothing that waits or has an effect (a FIFO, a device) is opened for it. Any thread; waits for a disk at most.
 *
 * @param bytes all of it
 * @param permissions of the file that was read
 */
public record SmallFile(byte[] bytes, Set<PosixFilePermission> permissions) {

    /** What a secret, a key or a token may have at most. */
    public static final int MAX_SECRET_BYTES = 4 << 10;

    /** What a certificate, a saved login or a file of keys may have at most. */
    public static final int MAX_KEY_BYTES = 64 << 10;

    private static final String TO_DO = "; write it into a file of its own";

    /**
     * Reads a file.
     *
     * @throws NotSmallFile if it is no regular file, or larger
     * @throws IOException if it cannot be read; never with anything of its content
     */
    public static SmallFile read(Path file, int maxBytes) throws IOException {
        return read(file, maxBytes, null);
    }

    /**
     * Reads a file that lies below a folder, symbolic links resolved.
     *
     * @throws OutsideFolder if it lies elsewhere; said of a path that leads out without looking whether anything is there
     */
    public static SmallFile readWithin(Path folder, Path file, int maxBytes) throws IOException {
        if (!file.toAbsolutePath()
                .normalize()
                .startsWith(folder.toAbsolutePath().normalize())) {
            throw new OutsideFolder(file, folder);
        }
        return read(file, maxBytes, folder);
    }

    private static SmallFile read(Path file, int maxBytes, @Nullable Path folder) throws IOException {
        try (FileHandle handle = FileHandle.open(file)) {
            if (folder != null && !handle.realPath().startsWith(folder.toRealPath())) {
                throw new OutsideFolder(file, folder);
            }
            PosixFileAttributes attributes = Files.readAttributes(handle.path(), PosixFileAttributes.class);
            if (!attributes.isRegularFile()) {
                throw new NotSmallFile(
                        file,
                        attributes.isDirectory() ? "is a folder" : "is no regular file, but a device or pipe" + TO_DO);
            }
            byte[] bytes;
            try (InputStream in = Files.newInputStream(handle.path())) {
                // One more than allowed: a file may grow, and those in /proc have no size.
                bytes = in.readNBytes(maxBytes + 1);
            } catch (FileSystemException e) {
                // Not under the name of the handle, which says nothing to anybody.
                throw e instanceof java.nio.file.AccessDeniedException
                        ? new java.nio.file.AccessDeniedException(file.toString())
                        : new FileSystemException(file.toString(), null, e.getReason());
            }
            if (bytes.length > maxBytes) {
                throw new NotSmallFile(file, "is larger than " + shown(maxBytes));
            }
            return new SmallFile(bytes, attributes.permissions());
        }
    }

    private static String shown(int bytes) {
        return bytes % (1 << 20) == 0 ? (bytes >> 20) + " MiB" : (bytes >> 10) + " KiB";
    }

    /**
     * Reads a text.
     *
     * @throws CharacterCodingException if it is not UTF-8
     */
    public static String text(Path file, int maxBytes) throws IOException {
        return read(file, maxBytes).text();
    }

    /**
     * Reads a secret or token of one line, without white space around it.
     *
     * @throws NotSecret if everybody can read it, or it is not one line of text
     */
    public static String secret(Path file) throws IOException {
        return read(file, MAX_SECRET_BYTES).secretOf(file);
    }

    /**
     * The secret that was read from a file, as {@link #secret}.
     *
     * @throws NotSecret as {@link #secret}
     */
    public String secretOf(Path file) throws NotSecret {
        if (permissions.contains(PosixFilePermission.OTHERS_READ)) {
            throw new NotSecret(file, "can be read by everybody; run: chmod 600 " + file);
        }
        String text;
        try {
            text = text();
        } catch (CharacterCodingException _) {
            throw new NotSecret(file, "is no UTF-8 text; it should hold one line, the secret");
        }
        if (text.startsWith("\ufeff")) {
            throw new NotSecret(file, "begins with a byte order mark; write it without one");
        }
        String line = text.strip();
        long lines = line.lines().count();
        if (lines > 1) {
            throw new NotSecret(file, "has " + lines + " lines; it should hold one line, the secret");
        }
        if (line.chars().anyMatch(each -> Character.isISOControl(each) || each == 0xfeff)) {
            throw new NotSecret(file, "holds control characters; it should hold one line of text, the secret");
        }
        return line;
    }

    /** The content as text. */
    public String text() throws CharacterCodingException {
        return StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(bytes))
                .toString();
    }

    /** Never the content. */
    @Override
    public String toString() {
        return bytes.length + " bytes";
    }

    /** It is there, and is nothing that would be read: no regular file, or too large. The reason says which. */
    public static final class NotSmallFile extends FileSystemException {
        private static final long serialVersionUID = 1L;

        NotSmallFile(Path file, String reason) {
            super(file.toString(), null, reason);
        }
    }

    /** It is read, but is no secret: open to everybody, or not one line of text. The reason says which, and what to do. */
    public static final class NotSecret extends FileSystemException {
        private static final long serialVersionUID = 1L;

        NotSecret(Path file, String reason) {
            super(file.toString(), null, reason);
        }
    }

    /** It lies outside the folder that it must be in. */
    public static final class OutsideFolder extends FileSystemException {
        private static final long serialVersionUID = 1L;

        OutsideFolder(Path file, Path folder) {
            super(file.toString(), null, "lies outside " + folder);
        }
    }
}
