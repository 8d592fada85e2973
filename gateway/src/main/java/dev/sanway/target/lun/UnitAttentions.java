package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The unit attention conditions of one nexus in one logical unit (SAM-5 5.14), at most one of each kind. Resets (29h) come
 * first, a graver one replaces a lesser one, and they clear what the initiator finds out anew after a reset anyway.
 */
final class UnitAttentions {
    private final List<AdditionalSense> pending = new ArrayList<>(2);

    /** Adds a condition unless it is pending already or a graver reset covers it. */
    void establish(AdditionalSense condition) {
        if (pending.contains(condition)) {
            return;
        }
        int gravity = resetGravity(condition);
        if (gravity == 0) {
            pending.add(condition);
            return;
        }
        for (AdditionalSense other : pending) {
            if (resetGravity(other) >= gravity) {
                return;
            }
        }
        pending.removeIf(other -> resetGravity(other) > 0);
        pending.addFirst(condition);
    }

    boolean isEmpty() {
        return pending.isEmpty();
    }

    void clear(AdditionalSense condition) {
        pending.remove(condition);
    }

    /** Takes the first condition off, as sense data; null if there is none. */
    @Nullable
    SenseData poll() {
        return pending.isEmpty() ? null : SenseData.of(SenseKey.UNIT_ATTENTION, pending.removeFirst());
    }

    /** SAM-5 table 51: power on, then hard reset, then logical unit reset, then nexus loss; 0 for what is no reset. */
    private static int resetGravity(AdditionalSense condition) {
        if (condition.asc() != 0x29) {
            return 0;
        }
        return switch (condition.ascq()) {
            case 0x00, 0x01 -> 4;
            case 0x02 -> 3;
            case 0x03 -> 2;
            default -> 1;
        };
    }
}
