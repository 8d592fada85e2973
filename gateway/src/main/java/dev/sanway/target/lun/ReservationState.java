package dev.sanway.target.lun;

import dev.sanway.scsi.ReservationType;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The persistent reservations of a logical unit (SPC-4 5.12): who is registered under which key, and who holds what.
 *
 * @param generation PRGENERATION
 * @param throughPowerLoss APTPL as the last registration asked for it
 * @param registrations keys by nexus, oldest first
 * @param held the reservation, null if none
 */
public record ReservationState(
        int generation,
        boolean throughPowerLoss,
        Map<Nexus, Long> registrations,
        @Nullable Held held) {

    /** Version of {@link #encode}'s format. */
    private static final int FORMAT = 1;

    /** A reservation; {@code holder} is null exactly for the types that every registrant holds. */
    public record Held(ReservationType type, @Nullable Nexus holder) {}

    public ReservationState {
        registrations = Collections.unmodifiableMap(new LinkedHashMap<>(registrations));
    }

    public static final ReservationState NONE = new ReservationState(0, false, Map.of(), null);

    boolean isRegistered(Nexus nexus) {
        return registrations.containsKey(nexus);
    }

    boolean isHolder(Nexus nexus) {
        return held != null
                && (held.holder() == null ? isRegistered(nexus) : held.holder().equals(nexus));
    }

    /** Whether a command of this class conflicts when it comes from {@code nexus} (SPC-4 table 65). */
    boolean conflicts(Nexus nexus, CommandSpec.Reserved reserved) {
        Held reservation = held;
        if (reservation == null
                || isHolder(nexus)
                || (reservation.type().registrantsMayAccess() && isRegistered(nexus))) {
            return false;
        }
        return switch (reserved) {
            case ALLOWED, OWN_RULES -> false;
            case READS -> !reservation.type().writeExclusive();
            case CONFLICTS -> true;
        };
    }

    /** What remains after power was lost: everything, if APTPL was asked for, or nothing. */
    ReservationState afterPowerLoss() {
        return throughPowerLoss ? new ReservationState(0, true, registrations, held) : NONE;
    }

    /** For a {@link ReservationStore}. */
    public byte[] encode() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(FORMAT);
            out.writeInt(generation);
            out.writeBoolean(throughPowerLoss);
            out.writeInt(registrations.size());
            for (Map.Entry<Nexus, Long> registration : registrations.entrySet()) {
                writeNexus(out, registration.getKey());
                out.writeLong(registration.getValue());
            }
            out.writeByte(held == null ? 0 : held.type().code());
            Nexus holder = held == null ? null : held.holder();
            out.writeBoolean(holder != null);
            if (holder != null) {
                writeNexus(out, holder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /**
     * Reads what {@link #encode} wrote.
     *
     * @throws IllegalArgumentException if it is damaged or of a newer format
     */
    public static ReservationState decode(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            int format = in.readInt();
            if (format != FORMAT) {
                throw new IllegalArgumentException("reservations of format " + format + "; known is " + FORMAT);
            }
            int generation = in.readInt();
            boolean throughPowerLoss = in.readBoolean();
            Map<Nexus, Long> registrations = new LinkedHashMap<>();
            for (int left = in.readInt(); left > 0; left--) {
                Nexus nexus = readNexus(in);
                registrations.put(nexus, in.readLong());
            }
            ReservationType type = ReservationType.of(in.readByte());
            Nexus holder = in.readBoolean() ? readNexus(in) : null;
            Held held = type == null ? null : new Held(type, holder);
            if (held != null && held.type().allRegistrants() != Objects.isNull(holder)) {
                throw new IllegalArgumentException("a reservation's holder and type disagree");
            }
            return new ReservationState(generation, throughPowerLoss, registrations, held);
        } catch (IOException e) {
            throw new IllegalArgumentException("damaged reservations", e);
        }
    }

    private static void writeNexus(DataOutputStream out, Nexus nexus) throws IOException {
        out.writeUTF(nexus.initiatorName());
        out.writeUTF(nexus.isid());
        out.writeUTF(nexus.targetName());
        out.writeShort(nexus.targetPortalGroupTag());
    }

    private static Nexus readNexus(DataInputStream in) throws IOException {
        return new Nexus(in.readUTF(), in.readUTF(), in.readUTF(), in.readUnsignedShort());
    }
}
