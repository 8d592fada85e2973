package dev.sanway.target.lun;

import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.InquiryData;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.LunList;
import dev.sanway.scsi.Opcode;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The SCSI target device that one host sees: its logical units by number. Units come and go while sessions stay; each change is
 * told to every nexus by REPORTED LUNS DATA HAS CHANGED.
 *
 * <p>Any thread may call. The data path reads one volatile snapshot; changes replace it.
 */
public final class HostTarget implements TargetDevice {

    private record Snapshot(
            SortedMap<Integer, LogicalUnit> units, IntObjectMap<LogicalUnit> byNumber, Set<Nexus> nexuses) {
        Snapshot(SortedMap<Integer, LogicalUnit> units, Set<Nexus> nexuses) {
            this(units, new IntObjectHashMap<>(), nexuses);
            units.forEach(byNumber::put);
        }

        Snapshot withUnits(SortedMap<Integer, LogicalUnit> changed) {
            return new Snapshot(changed, nexuses);
        }

        Snapshot withNexus(Nexus nexus, boolean present) {
            Set<Nexus> changed = new HashSet<>(nexuses);
            if (present) {
                changed.add(nexus);
            } else {
                changed.remove(nexus);
            }
            return new Snapshot(units, byNumber, changed);
        }
    }

    private final String name;
    private final List<Integer> portalGroupTags;
    private final PieceTurns pieceTurns = new PieceTurns();
    private volatile Snapshot snapshot = new Snapshot(new TreeMap<>(), Set.of());

    /**
     * A target without logical units.
     *
     * @param name its iSCSI name
     * @param portalGroupTags its target ports, whose tags are also their relative port identifiers
     */
    public HostTarget(String name, List<Integer> portalGroupTags) {
        this.name = name;
        this.portalGroupTags = List.copyOf(portalGroupTags);
    }

    /** The iSCSI name. */
    public String name() {
        return name;
    }

    List<Integer> portalGroupTags() {
        return portalGroupTags;
    }

    /** The turns of this target's hosts, for long commands. */
    PieceTurns pieceTurns() {
        return pieceTurns;
    }

    /** The units now, by number. */
    public Map<Integer, LogicalUnit> units() {
        return snapshot.units();
    }

    boolean knows(Nexus nexus) {
        return snapshot.nexuses().contains(nexus);
    }

    /**
     * Shows a unit under a number.
     *
     * @throws IllegalArgumentException if the number is taken or above {@link LogicalUnitNumber#MAX}
     */
    public void add(int number, LogicalUnit unit) {
        Snapshot now;
        synchronized (this) {
            LogicalUnitNumber.encode(number);
            SortedMap<Integer, LogicalUnit> units = new TreeMap<>(snapshot.units());
            if (units.putIfAbsent(number, unit) != null) {
                throw new IllegalArgumentException("logical unit number " + number + " of " + name + " is taken");
            }
            now = snapshot.withUnits(units);
            snapshot = now;
        }
        unit.execute(() -> now.nexuses().forEach(nexus -> unit.established(nexus, this)));
        inventoryChanged(now.units().values());
    }

    /**
     * Stops showing a unit under a number; its tasks from this target are aborted.
     *
     * @param done as {@link TargetDevice#nexusLost}'s
     */
    public void remove(int number, long deadlineMillis, Consumer<Boolean> done) {
        Snapshot now;
        LogicalUnit removed;
        synchronized (this) {
            SortedMap<Integer, LogicalUnit> units = new TreeMap<>(snapshot.units());
            removed = units.remove(number);
            now = snapshot.withUnits(units);
            snapshot = now;
        }
        if (removed == null) {
            done.accept(true);
            return;
        }
        inventoryChanged(now.units().values());
        if (now.units().containsValue(removed)) {
            done.accept(true);
            return;
        }
        Countdown countdown = new Countdown(now.nexuses().size(), done);
        for (Nexus nexus : now.nexuses()) {
            removed.execute(() -> removed.lost(nexus, deadlineMillis, countdown));
        }
    }

    private void inventoryChanged(Collection<LogicalUnit> units) {
        for (LogicalUnit unit : Set.copyOf(units)) {
            unit.execute(() -> unit.attention(AdditionalSense.REPORTED_LUNS_CHANGED, this));
        }
    }

    /** REPORT LUNS told {@code nexus} of the inventory: no other unit need tell it any more (SPC-4 6.33). */
    void inventoryReported(Nexus nexus) {
        for (LogicalUnit unit : snapshot.units().values()) {
            unit.execute(() -> {
                NexusState state = unit.find(nexus);
                if (state != null) {
                    state.attentions.clear(AdditionalSense.REPORTED_LUNS_CHANGED);
                }
            });
        }
    }

    LunList lunList() {
        List<Long> luns = new ArrayList<>();
        for (int number : snapshot.units().keySet()) {
            luns.add(LogicalUnitNumber.encode(number));
        }
        return new LunList(luns, false);
    }

    // ---- TargetDevice

    @Override
    public void nexusEstablished(Nexus nexus) {
        if (knows(nexus)) {
            nexusLost(nexus, 0, _ -> {});
        }
        Snapshot now;
        synchronized (this) {
            now = snapshot.withNexus(nexus, true);
            snapshot = now;
        }
        for (LogicalUnit unit : Set.copyOf(now.units().values())) {
            unit.execute(() -> unit.established(nexus, this));
        }
    }

    @Override
    public void nexusLost(Nexus nexus, long deadlineMillis, Consumer<Boolean> done) {
        Snapshot now;
        synchronized (this) {
            now = snapshot.withNexus(nexus, false);
            snapshot = now;
        }
        Set<LogicalUnit> units = Set.copyOf(now.units().values());
        Countdown countdown = new Countdown(units.size(), done);
        for (LogicalUnit unit : units) {
            unit.execute(() -> unit.lost(nexus, deadlineMillis, countdown));
        }
    }

    @Override
    public long workingBytes(ScsiCommand command) {
        LogicalUnit unit = find(command.lun());
        CommandSpec spec = CommandTable.find(command.cdb());
        return spec == null || unit == null
                ? WorkingBytes.parameters(command)
                : spec.working().of(unit, command);
    }

    @Override
    public ScsiTask start(ScsiCommand command, TaskListener listener) {
        LogicalUnit unit = find(command.lun());
        if (unit == null) {
            return startAbsent(command, listener);
        }
        Task task = new Task(unit, this, command, listener);
        unit.execute(() -> unit.accept(task));
        return task;
    }

    private @Nullable LogicalUnit find(long lun) {
        int number = LogicalUnitNumber.decode(lun);
        return number == LogicalUnitNumber.NONE ? null : snapshot.byNumber().get(number);
    }

    @Override
    public void manage(
            Nexus nexus, TaskManagement function, long deadlineMillis, Consumer<TaskManagement.Result> done) {
        switch (function) {
            case TaskManagement.AbortTask one -> manage(one.lun(), nexus, function, deadlineMillis, done);
            case TaskManagement.AbortTaskSet set -> manage(set.lun(), nexus, function, deadlineMillis, done);
            case TaskManagement.ClearTaskSet set -> manage(set.lun(), nexus, function, deadlineMillis, done);
            case TaskManagement.ClearAca aca -> manage(aca.lun(), nexus, function, deadlineMillis, done);
            case TaskManagement.LogicalUnitReset reset -> manage(reset.lun(), nexus, function, deadlineMillis, done);
            case TaskManagement.TargetReset _ -> {
                Set<LogicalUnit> units = Set.copyOf(snapshot.units().values());
                Countdown countdown = new Countdown(
                        units.size(),
                        ended -> done.accept(ended ? TaskManagement.Result.COMPLETE : TaskManagement.Result.REJECTED));
                for (LogicalUnit unit : units) {
                    unit.execute(() -> unit.manage(
                            nexus,
                            function,
                            deadlineMillis,
                            result -> countdown.accept(result == TaskManagement.Result.COMPLETE)));
                }
            }
        }
    }

    private void manage(
            long lun, Nexus nexus, TaskManagement function, long deadlineMillis, Consumer<TaskManagement.Result> done) {
        LogicalUnit unit = find(lun);
        if (unit == null) {
            done.accept(TaskManagement.Result.LUN_DOES_NOT_EXIST);
        } else {
            unit.execute(() -> unit.manage(nexus, function, deadlineMillis, done));
        }
    }

    /** Gathers the answers of several units; the last one, or nobody to wait for, tells. Any thread. */
    private static final class Countdown implements Consumer<Boolean> {
        private final AtomicInteger left;
        private final AtomicBoolean all = new AtomicBoolean(true);
        private final AtomicReference<@Nullable Consumer<Boolean>> done;

        Countdown(int count, Consumer<Boolean> done) {
            this.left = new AtomicInteger(count);
            this.done = new AtomicReference<>(done);
            if (count == 0) {
                tell();
            }
        }

        @Override
        public void accept(Boolean ended) {
            if (!ended) {
                all.set(false);
            }
            if (left.decrementAndGet() == 0) {
                tell();
            }
        }

        private void tell() {
            Consumer<Boolean> once = done.getAndSet(null);
            if (once != null) {
                once.accept(all.get());
            }
        }
    }

    // ---- numbers without a unit (SPC-4 4.5, SAM-5 5.11)

    private ScsiTask startAbsent(ScsiCommand command, TaskListener listener) {
        AbsentTask task = new AbsentTask(command);
        listener.completed(task, absent(command));
        return task;
    }

    private ScsiResponse absent(ScsiCommand command) {
        byte[] cdb = command.cdb();
        CommandSpec spec = CommandTable.find(cdb);
        SenseData notSupported = SenseData.of(SenseKey.ILLEGAL_REQUEST, AdditionalSense.LOGICAL_UNIT_NOT_SUPPORTED);
        if (spec == null) {
            return check(notSupported);
        }
        int wrong = spec.firstWrongBit(cdb);
        SenseData invalid = wrong < 0 ? null : SenseData.invalidCdbField(wrong / 8, wrong % 8);
        return switch (spec.opcode()) {
            case Opcode.INQUIRY -> {
                if (invalid != null || (cdb[1] & 0x1F) != 0 || cdb[2] != 0) {
                    yield check(invalid != null ? invalid : SenseData.invalidCdbField(1, 0));
                }
                // Nothing is there, but at LUN 0 something could be: initiators then ask for the list.
                int qualifier = LogicalUnitNumber.decode(command.lun()) == 0 ? 1 : 3;
                InquiryData data = new InquiryData(qualifier, InquiryData.NO_DEVICE, LogicalUnitConfig.VENDOR, "", "");
                yield data(data.encode(), InquiryCommands.allocationLength(cdb));
            }
            case Opcode.REPORT_LUNS -> {
                if (invalid != null) {
                    yield check(invalid);
                }
                SenseData refused = ReportCommands.checkReportLuns(cdb);
                if (refused != null) {
                    yield check(refused);
                }
                inventoryReported(command.nexus());
                yield data(ReportCommands.lunList(cdb, this).encode(), ReportCommands.reportLunsAllocation(cdb));
            }
            case Opcode.REQUEST_SENSE ->
                invalid != null ? check(invalid) : data(notSupported.encode((cdb[1] & 1) != 0), cdb[4] & 0xFF);
            default -> check(notSupported);
        };
    }

    private static ScsiResponse check(SenseData sense) {
        return new ScsiResponse(StatusCode.CHECK_CONDITION, sense.encode(false), Unpooled.EMPTY_BUFFER, -1);
    }

    private static ScsiResponse data(byte[] bytes, long allocationLength) {
        int length = (int) Math.min(bytes.length, allocationLength);
        return new ScsiResponse(StatusCode.GOOD, ScsiResponse.NO_SENSE, Unpooled.wrappedBuffer(bytes, 0, length), -1);
    }

    /** A task that had ended before anyone could do anything with it. */
    private record AbsentTask(ScsiCommand command) implements ScsiTask {
        @Override
        public void dataOut(ByteBuf data) {
            data.release();
        }

        @Override
        public void dataOutFailed(int additionalSenseCode, int additionalSenseCodeQualifier) {}
    }
}
