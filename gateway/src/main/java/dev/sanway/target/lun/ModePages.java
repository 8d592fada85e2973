package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mode pages of a logical unit: one set of values for all nexuses, not saved (SPC-4 7.5, SBC-3 6.5). Used on the unit's loop.
 */
final class ModePages {
    static final int CACHING = 0x08;
    static final int CONTROL = 0x0A;
    static final int INFORMATIONAL_EXCEPTIONS = 0x1C;
    static final int ALL_PAGES = 0x3F;
    static final int ALL_SUBPAGES = 0xFF;

    private static final int WCE = 0x04; // caching page, byte 2
    private static final int D_SENSE = 0x04; // control page, byte 2
    private static final int SWP = 0x08; // control page, byte 4
    private static final int TAS = 0x40; // control page, byte 5

    /** One page: header included in all arrays; {@code changeable} has ones where MODE SELECT may change. */
    private static final class Page {
        final int code;
        final int subpage;
        final byte[] defaults;
        final byte[] changeable;
        byte[] current;

        Page(int code, int subpage, byte[] defaults, byte[] changeable) {
            this.code = code;
            this.subpage = subpage;
            this.defaults = defaults;
            this.changeable = changeable;
            this.current = defaults.clone();
        }
    }

    private final Page caching;
    private final Page control;
    private final List<Page> pages;

    ModePages(boolean volatileCache) {
        // SBC-3 6.5.5. Without a volatile cache there is nothing to switch.
        byte[] cachingDefaults = header(CACHING, 20);
        byte[] cachingChangeable = header(CACHING, 20);
        if (volatileCache) {
            cachingDefaults[2] = WCE;
            cachingChangeable[2] = WCE;
        }
        caching = new Page(CACHING, 0, cachingDefaults, cachingChangeable);

        // SPC-4 7.5.8. Queue algorithm modifier 1: unrestricted reordering.
        byte[] controlDefaults = header(CONTROL, 12);
        controlDefaults[3] = 0x10;
        byte[] controlChangeable = header(CONTROL, 12);
        controlChangeable[2] = D_SENSE;
        controlChangeable[4] = SWP;
        controlChangeable[5] = TAS;
        control = new Page(CONTROL, 0, controlDefaults, controlChangeable);

        // SPC-4 7.5.9. IALUAE: implicit asymmetric logical unit access is on.
        byte[] extension = subpageHeader(CONTROL, 1, 32);
        extension[4] = 0x01;
        Page controlExtension = new Page(CONTROL, 1, extension, subpageHeader(CONTROL, 1, 32));

        // SPC-4 7.5.12. DEXCPT: no exceptions are reported this way.
        byte[] exceptions = header(INFORMATIONAL_EXCEPTIONS, 12);
        exceptions[2] = 0x08;
        Page informational = new Page(INFORMATIONAL_EXCEPTIONS, 0, exceptions, header(INFORMATIONAL_EXCEPTIONS, 12));

        pages = List.of(caching, control, controlExtension, informational);
    }

    private static byte[] header(int code, int length) {
        byte[] page = new byte[length];
        page[0] = (byte) code;
        page[1] = (byte) (length - 2);
        return page;
    }

    private static byte[] subpageHeader(int code, int subpage, int length) {
        byte[] page = new byte[length];
        page[0] = (byte) (code | 0x40);
        page[1] = (byte) subpage;
        BigEndian.put16(page, 2, length - 4);
        return page;
    }

    /** Writes may stay in a volatile cache. */
    boolean writeCacheEnabled() {
        return (caching.current[2] & WCE) != 0;
    }

    boolean descriptorSense() {
        return (control.current[2] & D_SENSE) != 0;
    }

    boolean softwareWriteProtected() {
        return (control.current[4] & SWP) != 0;
    }

    boolean taskAbortedStatus() {
        return (control.current[5] & TAS) != 0;
    }

    /** Back to the defaults, as by a logical unit reset; true if anything changed. */
    boolean reset() {
        boolean changed = false;
        for (Page page : pages) {
            changed |= !Arrays.equals(page.current, page.defaults);
            page.current = page.defaults.clone();
        }
        return changed;
    }

    /**
     * The pages that MODE SENSE asks for.
     *
     * @param pageControl 0 current, 1 changeable, 2 default values
     * @return null if there is no such page
     */
    byte @Nullable [] sense(int pageControl, int code, int subpage) {
        ByteArrayOutputStream found = new ByteArrayOutputStream();
        boolean any = false;
        for (Page page : pages) {
            boolean codeFits = code == ALL_PAGES || code == page.code;
            boolean subpageFits = subpage == ALL_SUBPAGES || subpage == page.subpage;
            if (codeFits && subpageFits) {
                byte[] values = switch (pageControl) {
                    case 1 -> page.changeable;
                    case 2 -> page.defaults;
                    default -> page.current;
                };
                found.write(values, 0, values.length);
                any = true;
            }
        }
        return any ? found.toByteArray() : null;
    }

    /** What MODE SELECT came to. */
    sealed interface Selection {
        /** Accepted; {@code changed} if any value differs from before. */
        record Accepted(boolean changed) implements Selection {}

        record Refused(SenseData sense) implements Selection {}
    }

    /** Takes the pages from {@code at} on in a parameter list; all or none of them (SPC-4 6.11). */
    Selection select(byte[] list, int at) {
        record Change(Page page, byte[] values) {}
        List<Change> changes = new ArrayList<>();
        int next = at;
        while (next < list.length) {
            boolean spf = (list[next] & 0x40) != 0;
            int headerLength = spf ? 4 : 2;
            if (next + headerLength > list.length) {
                return refused(SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.PARAMETER_LIST_LENGTH_ERROR));
            }
            int length = headerLength + (spf ? BigEndian.u16(list, next + 2) : BigEndian.u8(list, next + 1));
            Page page = find(list[next] & 0x3F, spf ? BigEndian.u8(list, next + 1) : 0);
            if (page == null) {
                return refused(SenseData.invalidParameter(next, 5));
            }
            if (length != page.current.length) {
                return refused(SenseData.invalidParameter(next + (spf ? 2 : 1), -1));
            }
            if (next + length > list.length) {
                return refused(SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.PARAMETER_LIST_LENGTH_ERROR));
            }
            byte[] values = Arrays.copyOfRange(list, next, next + length);
            // PS is reserved in MODE SELECT: what MODE SENSE gave may come back as it was.
            values[0] &= 0x7F;
            for (int i = headerLength; i < length; i++) {
                int wrong = (values[i] ^ page.current[i]) & ~page.changeable[i] & 0xFF;
                if (wrong != 0) {
                    return refused(SenseData.invalidParameter(next + i, 31 - Integer.numberOfLeadingZeros(wrong)));
                }
            }
            changes.add(new Change(page, values));
            next += length;
        }
        boolean changed = false;
        for (Change change : changes) {
            changed |= !Arrays.equals(change.page().current, change.values());
            change.page().current = change.values();
        }
        return new Selection.Accepted(changed);
    }

    private static Selection refused(SenseData sense) {
        return new Selection.Refused(sense);
    }

    private @Nullable Page find(int code, int subpage) {
        for (Page page : pages) {
            if (page.code == code && page.subpage == subpage) {
                return page;
            }
        }
        return null;
    }
}
