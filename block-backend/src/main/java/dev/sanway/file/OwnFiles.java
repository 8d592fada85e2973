package dev.sanway.file;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/**
 * Folders and files of this program's own, hosts' data among them, that nobody but its user may look into, whatever the umask.
 * Any thread; waits for a disk at most.
 */
public final class OwnFiles {

    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(
            PosixFilePermission.GROUP_READ,
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.GROUP_EXECUTE,
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_EXECUTE);

    /** Files, those in folders, and no deeper: what lies deeper is not ours. */
    private static final int DEPTH = 2;

    private OwnFiles() {}

    /** What a file is made with. */
    public static FileAttribute<Set<PosixFilePermission>> file() {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    }

    private static FileAttribute<Set<PosixFilePermission>> folder() {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    }

    /** Makes a folder, if it is not there; those above it are made as the umask says. */
    public static void makeFolder(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            Path above = folder.toAbsolutePath().getParent();
            if (above != null) {
                Files.createDirectories(above);
            }
            Files.createDirectory(folder, folder());
        }
    }

    /**
     * Makes a folder, if it is not there, and takes from it, and from what is in it, every right that others have. What belongs to
     * another user, and what symbolic links point to, stays as it is.
     */
    public static void tighten(Path folder) throws IOException {
        makeFolder(folder);
        Files.walkFileTree(
                folder.toRealPath(), EnumSet.noneOf(FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes)
                            throws IOException {
                        withoutOthers(each);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFile(Path each, BasicFileAttributes attributes) throws IOException {
                        if (attributes.isRegularFile() || attributes.isDirectory()) {
                            withoutOthers(each);
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path each, IOException failure) throws IOException {
                        if (failure instanceof AccessDeniedException || failure instanceof NoSuchFileException) {
                            return FileVisitResult.CONTINUE;
                        }
                        throw failure;
                    }
                });
    }

    private static void withoutOthers(Path file) throws IOException {
        PosixFileAttributeView view =
                Files.getFileAttributeView(file, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
        try {
            PosixFileAttributes attributes = view.readAttributes();
            if (!Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                    .equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))) {
                return; // of another user, whose file root could change all the same
            }
            Set<PosixFilePermission> now = attributes.permissions();
            Set<PosixFilePermission> own = EnumSet.noneOf(PosixFilePermission.class);
            own.addAll(now);
            if (own.removeAll(OTHERS)) {
                Files.setPosixFilePermissions(file, own);
            }
        } catch (NoSuchFileException _) {
            // It went away meanwhile.
        } catch (FileSystemException failure) {
            if (failure.getReason() == null || !failure.getReason().contains("not permitted")) {
                throw failure;
            }
        }
    }
}
