package dev.sanway.initiator;

import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Watches one logical unit for restarts. How it tells of them is found out when it is identified for the first time, and again when
 * there is another make of disk under its number. It belongs to the session, and outlives the device: a power-on attention
 * is told once, to whoever asks first. Confined to the session's loop.
 */
final class RestartWatch {
    private RestartSign sign = RestartSign.NONE;
    private @Nullable String make;
    private @Nullable UUID bootId;
    private boolean poweredOn;
    private boolean cut;
    private int count;

    /** It was greeted as after power on. */
    void poweredOn() {
        poweredOn = true;
    }

    /** The connection to it has ended. */
    void cut() {
        cut = true;
    }

    /** How it tells, as far as is known. */
    RestartSign sign() {
        return sign;
    }

    /** A flush failed, which a unit says once: whoever is about to flush a write of his own must write again. */
    void lost() {
        count++;
    }

    /** How often it may have been restarted, or have lost what was not flushed. */
    int count() {
        return count;
    }

    /** It says what it is: whether it may have been restarted since it said so last. */
    boolean identified(LunEvidence now) {
        String made = now.vendor() + " " + now.product();
        boolean known = made.equals(make);
        boolean before = make != null;
        boolean bootIdBefore = bootId != null;
        boolean sameBootId = Objects.equals(bootId, now.bootId());
        boolean restarted = before
                && (!known || !sameBootId || (!bootIdBefore && (poweredOn || (cut && sign == RestartSign.NONE))));
        if (now.bootId() != null) {
            sign = RestartSign.BOOT_ID;
        } else if (!known || bootIdBefore) {
            sign = poweredOn ? RestartSign.ATTENTION : RestartSign.NONE;
        }
        make = made;
        bootId = now.bootId();
        poweredOn = false;
        cut = false;
        count += restarted ? 1 : 0;
        return restarted;
    }
}
