package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.BigEndian;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.ReservationType;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.TransportId;
import dev.sanway.target.lun.PersistentReservations.Request;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** PERSISTENT RESERVE IN and OUT: CDBs, parameter lists and data (SPC-4 6.15, 6.16). */
final class ReservationCommands {
    private static final int SPEC_I_PT = 0x08;
    private static final int ALL_TG_PT = 0x04;
    private static final int APTPL = 0x01;
    private static final int UNREG = 0x02;
    private static final int BASIC_LIST_BYTES = 24;
    private static final int MAX_LIST_BYTES = 64 * 1024;

    private ReservationCommands() {}

    static void reserve6(Task task) {
        task.unit.reservations().reserve(task);
    }

    static void release6(Task task) {
        task.unit.reservations().release(task);
    }

    // ---- PERSISTENT RESERVE IN

    /** READ KEYS (SPC-4 6.15.2). */
    static void readKeys(Task task) {
        ReservationState state = task.unit.reservations().state();
        byte[] data = new byte[8 + 8 * state.registrations().size()];
        BigEndian.put32(data, 0, state.generation());
        BigEndian.put32(data, 4, data.length - 8L);
        int at = 8;
        for (long key : state.registrations().values()) {
            BigEndian.put64(data, at, key);
            at += 8;
        }
        task.good(data, BigEndian.u16(task.cdb(), 7));
    }

    /** READ RESERVATION (SPC-4 6.15.3). */
    static void readReservation(Task task) {
        ReservationState state = task.unit.reservations().state();
        ReservationState.Held held = state.held();
        byte[] data = new byte[held == null ? 8 : 24];
        BigEndian.put32(data, 0, state.generation());
        BigEndian.put32(data, 4, data.length - 8L);
        if (held != null) {
            Long key = held.holder() == null ? null : state.registrations().get(held.holder());
            BigEndian.put64(data, 8, key == null ? 0 : key);
            data[21] = (byte) held.type().code();
        }
        task.good(data, BigEndian.u16(task.cdb(), 7));
    }

    /** REPORT CAPABILITIES (SPC-4 6.15.4). */
    static void reportCapabilities(Task task) {
        boolean store = task.unit.reservations().persistsThroughPowerLoss();
        byte[] data = new byte[8];
        BigEndian.put16(data, 0, 8);
        data[2] = (byte) (0x10 | 0x08 | 0x04 | (store ? 0x01 : 0)); // CRH, SIP_C, ATP_C, PTPL_C
        boolean active = task.unit.reservations().state().throughPowerLoss();
        data[3] = (byte) (0x80 | (active ? 0x01 : 0)); // TMV, PTPL_A
        data[4] = (byte) (0x80 | 0x40 | 0x20 | 0x08 | 0x02);
        data[5] = 0x01;
        task.good(data, BigEndian.u16(task.cdb(), 7));
    }

    /** READ FULL STATUS (SPC-4 6.15.5). */
    static void readFullStatus(Task task) {
        ReservationState state = task.unit.reservations().state();
        ByteArrayOutputStream descriptors = new ByteArrayOutputStream();
        for (Map.Entry<Nexus, Long> registration : state.registrations().entrySet()) {
            Nexus nexus = registration.getKey();
            byte[] id = new TransportId(nexus.initiatorName(), nexus.isid()).encode();
            byte[] descriptor = new byte[24];
            BigEndian.put64(descriptor, 0, registration.getValue());
            ReservationState.Held held = state.held();
            if (held != null && state.isHolder(nexus)) {
                descriptor[12] = 0x01; // R_HOLDER
                descriptor[13] = (byte) held.type().code();
            }
            BigEndian.put16(descriptor, 18, nexus.targetPortalGroupTag());
            BigEndian.put32(descriptor, 20, id.length);
            descriptors.writeBytes(descriptor);
            descriptors.writeBytes(id);
        }
        byte[] data = new byte[8 + descriptors.size()];
        BigEndian.put32(data, 0, state.generation());
        BigEndian.put32(data, 4, descriptors.size());
        System.arraycopy(descriptors.toByteArray(), 0, data, 8, descriptors.size());
        task.good(data, BigEndian.u16(task.cdb(), 7));
    }

    // ---- PERSISTENT RESERVE OUT

    static void out(Task task) {
        byte[] cdb = task.cdb();
        int action = cdb[1] & 0x1F;
        long length = BigEndian.u32(cdb, 5);
        boolean variable = action == Opcode.SA_REGISTER || action == Opcode.SA_REGISTER_AND_MOVE;
        if (length < BASIC_LIST_BYTES || length > MAX_LIST_BYTES || (!variable && length != BASIC_LIST_BYTES)) {
            task.dataOutLength(length);
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return;
        }
        task.wantWholeData(length, data -> {
            byte[] list = ProvisioningCommands.bytes(data);
            Request request = decode(task, action, list);
            if (request != null) {
                task.unit.reservations().change(task, request);
            }
        });
    }

    /** Null if the list was wrong; the task has been ended then. */
    private static @Nullable Request decode(Task task, int action, byte[] list) {
        byte[] cdb = task.cdb();
        long key = BigEndian.i64(list, 0);
        long actionKey = BigEndian.i64(list, 8);
        ReservationType type = ReservationType.of(cdb[2] & 0x0F);
        boolean typed = switch (action) {
            case Opcode.SA_RESERVE, Opcode.SA_RELEASE, Opcode.SA_PREEMPT, Opcode.SA_PREEMPT_AND_ABORT -> true;
            default -> false;
        };
        if (typed && (cdb[2] & 0xF0) != 0) {
            task.invalidField(2, 7); // SCOPE: only the logical unit can be reserved
            return null;
        }
        if (action != Opcode.SA_REGISTER && action != Opcode.SA_REGISTER_AND_MOVE && (list[20] & SPEC_I_PT) != 0) {
            task.check(SenseData.invalidParameter(20, 3));
            return null;
        }
        return switch (action) {
            case Opcode.SA_REGISTER -> register(task, key, actionKey, false, list);
            case Opcode.SA_REGISTER_AND_IGNORE_EXISTING_KEY -> register(task, key, actionKey, true, list);
            case Opcode.SA_RESERVE -> type == null ? invalidType(task) : new Request.Reserve(key, type);
            case Opcode.SA_RELEASE -> type == null ? invalidType(task) : new Request.Release(key, type);
            case Opcode.SA_CLEAR -> new Request.Clear(key);
            case Opcode.SA_PREEMPT -> new Request.Preempt(key, actionKey, type, false);
            case Opcode.SA_PREEMPT_AND_ABORT -> new Request.Preempt(key, actionKey, type, true);
            case Opcode.SA_REGISTER_AND_MOVE -> move(task, key, actionKey, list);
            default -> throw new IllegalStateException("no such row in the command table");
        };
    }

    private static @Nullable Request invalidType(Task task) {
        task.invalidField(2, 3);
        return null;
    }

    private static @Nullable Request register(Task task, long key, long newKey, boolean ignoreKey, byte[] list) {
        int flags = list[20];
        boolean specified = (flags & SPEC_I_PT) != 0;
        if (refusesAptpl(task, flags, 20)) {
            return null;
        }
        if (!specified && list.length != BASIC_LIST_BYTES) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return null;
        }
        Nexus from = task.command().nexus();
        List<Integer> ports =
                (flags & ALL_TG_PT) != 0 ? task.target.portalGroupTags() : List.of(from.targetPortalGroupTag());
        List<Nexus> others = new ArrayList<>();
        addPorts(others, new TransportId(from.initiatorName(), from.isid()), from, ports);
        others.remove(from);
        if (specified && !addSpecified(task, list, from, ports, others)) {
            return null;
        }
        return new Request.Register(key, newKey, ignoreKey, (flags & APTPL) != 0, others, specified);
    }

    private static void addPorts(List<Nexus> found, TransportId id, Nexus from, List<Integer> ports) {
        for (int port : ports) {
            found.add(new Nexus(id.initiatorName(), String.valueOf(id.isid()), from.targetName(), port));
        }
    }

    private static boolean addSpecified(Task task, byte[] list, Nexus from, List<Integer> ports, List<Nexus> others) {
        if (list.length < BASIC_LIST_BYTES + 4) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return false;
        }
        long length = BigEndian.u32(list, BASIC_LIST_BYTES);
        if (length != list.length - BASIC_LIST_BYTES - 4L) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return false;
        }
        int at = BASIC_LIST_BYTES + 4;
        while (at < list.length) {
            TransportId id = TransportId.parse(list, at);
            if (id == null || id.isid() == null) {
                // Without an ISID it names every port of the initiator, also those that never showed themselves.
                task.check(SenseData.invalidParameter(at, -1));
                return false;
            }
            addPorts(others, id, from, ports);
            at += TransportId.lengthBytes(list, at);
        }
        return true;
    }

    private static boolean refusesAptpl(Task task, int flags, int at) {
        if ((flags & APTPL) != 0 && !task.unit.reservations().persistsThroughPowerLoss()) {
            task.check(SenseData.invalidParameter(at, 0));
            return true;
        }
        return false;
    }

    private static @Nullable Request move(Task task, long key, long newKey, byte[] list) {
        int flags = list[17];
        if (refusesAptpl(task, flags, 17)) {
            return null;
        }
        long length = BigEndian.u32(list, 20);
        if (length != list.length - (long) BASIC_LIST_BYTES) {
            task.illegal(AdditionalSense.PARAMETER_LIST_LENGTH_ERROR);
            return null;
        }
        int port = BigEndian.u16(list, 18);
        if (!task.target.portalGroupTags().contains(port)) {
            task.check(SenseData.invalidParameter(18, -1));
            return null;
        }
        TransportId id = TransportId.parse(list, BASIC_LIST_BYTES);
        if (id == null || id.isid() == null || TransportId.lengthBytes(list, BASIC_LIST_BYTES) != length) {
            task.check(SenseData.invalidParameter(BASIC_LIST_BYTES, -1));
            return null;
        }
        Nexus destination =
                new Nexus(id.initiatorName(), id.isid(), task.command().nexus().targetName(), port);
        return new Request.RegisterAndMove(key, newKey, destination, (flags & UNREG) != 0, (flags & APTPL) != 0);
    }
}
