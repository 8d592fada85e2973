package dev.sanway.metadata;

import java.nio.file.Path;
import java.sql.SQLException;
import org.sqlite.SQLiteErrorCode;
import org.sqlite.SQLiteException;

/** What a failure of SQLite means to an operator. */
final class StoreFailure {

    private StoreFailure() {}

    /** One line. */
    static String explain(SQLException failure, Path file) {
        String said = String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
        // Of an extended result code the lower byte says the kind (sqlite.org/rescode.html).
        int kind =
                failure instanceof SQLiteException known ? known.getResultCode().code & 0xff : failure.getErrorCode();
        if (kind == SQLiteErrorCode.SQLITE_FULL.code) {
            return "no space left for " + file + " (" + said + ")";
        }
        if (kind == SQLiteErrorCode.SQLITE_IOERR.code) {
            return "the disk under " + file + " failed (" + said + ")";
        }
        if (kind == SQLiteErrorCode.SQLITE_CORRUPT.code || kind == SQLiteErrorCode.SQLITE_NOTADB.code) {
            return file + " is damaged (" + said + ")";
        }
        if (kind == SQLiteErrorCode.SQLITE_READONLY.code) {
            return file + " cannot be written (" + said + ")";
        }
        if (kind == SQLiteErrorCode.SQLITE_BUSY.code) {
            return "another program has locked " + file + " (" + said + ")";
        }
        return said;
    }
}
