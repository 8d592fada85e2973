package dev.sanway.target.lun;

import dev.sanway.block.BlockDevice;
import dev.sanway.block.DeviceEvent;
import dev.sanway.block.DeviceListener;
import dev.sanway.block.Readiness;
import dev.sanway.scsi.AdditionalSense;
import dev.sanway.scsi.CommandStatistics;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import dev.sanway.target.lun.CommandSpec.Trait;
import dev.sanway.target.lun.Task.AbortNotice;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A logical unit: device server and task set over one {@link BlockDevice} (SAM-5 4.5.8). Several {@link HostTarget}s may show
 * the same one, under different numbers: reservations, unit attentions and the order of tasks hold across all their nexuses.
 *
 * <p>Belongs to {@link BlockDevice#owner}; what is called from other threads goes through {@link #execute}. The device is not
 * closed by it.
 *
 * <p>A command passes, when the task set enables it: unit attention, known operation, RESERVE(6), persistent reservation, CDB
 * usage, write protection; then its handler runs.
 */
public final class LogicalUnit {
    private static final Logger LOG = LoggerFactory.getLogger(LogicalUnit.class);

    private static final int MAX_REMEMBERED_NEXUSES = 1024;

    /** INVALID MESSAGE ERROR (SPC-4 annex D.2). */
    private static final int INVALID_MESSAGE_ASC = 0x49;

    private final BlockDevice device;
    private final LogicalUnitConfig config;
    private final EventExecutor executor;
    private final CommandStatistics statistics = new CommandStatistics();
    private final TaskSet taskSet = new TaskSet(this::run);
    private final Map<Nexus, NexusState> nexuses = new HashMap<>();
    /** Nexuses that there were, the latest; bounded, since an initiator may take a new ISID each time. */
    private final Map<Nexus, Boolean> powerOnSeen = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Nexus, Boolean> eldest) {
            return size() > MAX_REMEMBERED_NEXUSES;
        }
    };

    private final ModePages modes;
    private final Reservations reservations;
    private final DeviceListener listener = this::deviceEvent;

    private final UntoldLosses losses = new UntoldLosses(System::nanoTime);
    private boolean starting;
    /** Commands that are told later that they are to be sent again. */
    private final Set<Task.Pause> pauses = new LinkedHashSet<>();

    private int spaceUsedPercent = -1;

    /**
     * Starts the unit; commands wait until the store has answered.
     *
     * @param store keeps persistent reservations; null: APTPL is refused
     */
    public LogicalUnit(BlockDevice device, LogicalUnitConfig config, @Nullable ReservationStore store) {
        this.device = device;
        this.config = config;
        this.executor = device.owner();
        this.modes = new ModePages(device.limits().volatileCache());
        this.reservations = new Reservations(this, store);
        execute(() -> {
            device.addListener(listener);
            reservations.load();
        });
    }

    public BlockDevice device() {
        return device;
    }

    public LogicalUnitConfig config() {
        return config;
    }

    /** What its commands counted; written on the unit's loop. */
    public CommandStatistics statistics() {
        return statistics;
    }

    EventExecutor executor() {
        return executor;
    }

    TaskSet taskSet() {
        return taskSet;
    }

    ModePages modes() {
        return modes;
    }

    Reservations reservations() {
        return reservations;
    }

    boolean descriptorSense() {
        return modes.descriptorSense();
    }

    /** Whether what is away still has its time to come, so that the medium counts as ready meanwhile. On the unit's loop. */
    public void starting(boolean now) {
        starting = now;
    }

    /** For commands that ask whether the medium is ready: it is unless no block of it can be served. */
    Readiness readiness() {
        Readiness now = device.readiness();
        return starting && now instanceof Readiness.Away ? Readiness.READY : now;
    }

    UntoldLosses losses() {
        return losses;
    }

    /** A command heard that unflushed writes were lost: every other nexus is to hear it, too. */
    void heardOfLoss(Task task) {
        if (losses.count() == task.lossesKnown()) {
            losses.lost(nexuses.keySet());
        }
        losses.take(task.nexus().nexus);
    }

    /** The commands that wait until they may be told to come again; all of them are when something returned. */
    Set<Task.Pause> pauses() {
        return pauses;
    }

    /** How full what backs the device is, in per cent; -1: not known. */
    int spaceUsedPercent() {
        int now = config.spaceUsed().getAsInt();
        return now < 0 ? spaceUsedPercent : now;
    }

    /** Blocks can be given back, and the host is told so. */
    boolean unmaps() {
        return device.limits().unmapGranularityBlocks() > 0;
    }

    /** Writes must be durable before they are answered, whatever the CDB says. */
    boolean forcesUnitAccess() {
        return device.limits().volatileCache() && !modes.writeCacheEnabled();
    }

    /** Runs on the unit's loop: at once if this is it. */
    void execute(Runnable action) {
        if (executor.inEventLoop()) {
            action.run();
        } else {
            executor.execute(action);
        }
    }

    /** Stops listening to the device. The device stays open; there must be no nexus left that sends commands. */
    public void close() {
        execute(() -> device.removeListener(listener));
    }

    // ---- nexuses

    /** A nexus came into being in {@code target}. */
    void established(Nexus nexus, HostTarget target) {
        state(nexus, target);
    }

    private NexusState state(Nexus nexus, HostTarget target) {
        NexusState known = nexuses.get(nexus);
        if (known == null) {
            known = new NexusState(nexus, target);
            if (config.initialUnitAttention()) {
                // A nexus that comes back has seen the power come on; what it has not seen is its own loss (SAM-5
                // 5.14.4).
                known.attentions.establish(
                        powerOnSeen.put(nexus, Boolean.TRUE) == null
                                ? AdditionalSense.POWER_ON_RESET_OR_BUS_RESET
                                : AdditionalSense.NEXUS_LOSS);
            }
            nexuses.put(nexus, known);
            losses.established(nexus);
        }
        return known;
    }

    /** A nexus ended: its tasks are aborted silently and its RESERVE(6) is released. {@code done} runs on the loop. */
    void lost(Nexus nexus, long deadlineMillis, Consumer<Boolean> done) {
        NexusState state = nexuses.remove(nexus);
        if (state == null) {
            done.accept(true);
            return;
        }
        losses.ended(nexus);
        reservations.nexusLost(state);
        abort(task -> task.nexus() == state, null, deadlineMillis, done);
    }

    /** Establishes a unit attention on every nexus but one. */
    void attention(AdditionalSense condition, @Nullable NexusState except) {
        for (NexusState state : nexuses.values()) {
            if (state != except) {
                state.attentions.establish(condition);
            }
        }
    }

    /** Establishes a unit attention on the nexuses of one target. */
    void attention(AdditionalSense condition, HostTarget target) {
        for (NexusState state : nexuses.values()) {
            if (state.target == target) {
                state.attentions.establish(condition);
            }
        }
    }

    @Nullable
    NexusState find(Nexus nexus) {
        return nexuses.get(nexus);
    }

    private void deviceEvent(DeviceEvent event) {
        switch (event) {
            case DeviceEvent.CapacityChanged _ -> attention(AdditionalSense.CAPACITY_CHANGED, (NexusState) null);
            case DeviceEvent.BecameNotReady _ -> {}
            case DeviceEvent.BecameReady _ -> List.copyOf(pauses).forEach(Task.Pause::over);
            case DeviceEvent.SpaceLow space -> {
                spaceUsedPercent = space.percentUsed();
                attention(AdditionalSense.THIN_PROVISIONING_SOFT_THRESHOLD, (NexusState) null);
            }
        }
    }

    // ---- commands

    /** Puts a new task into the task set, on the unit's loop. */
    void accept(Task task) {
        ScsiCommand command = task.command();
        NexusState nexus = nexuses.get(command.nexus());
        if (nexus == null) {
            if (!task.target.knows(command.nexus()) || !task.target.units().containsValue(this)) {
                task.refuse(-1, ScsiResponse.NO_SENSE);
                return;
            }
            nexus = state(command.nexus(), task.target);
        }
        if (nexus.tasks.containsKey(command.tag())) {
            overlapped(task, nexus);
            return;
        }
        if (nexus.tasks.size() >= config.maxTasksPerNexus() || taskSet.size() >= config.maxTasks()) {
            // SAM-5 5.3.1: without a task of its own whose end it could wait for, BUSY tells the initiator to retry.
            task.refuse(nexus.tasks.isEmpty() ? StatusCode.BUSY : StatusCode.TASK_SET_FULL, ScsiResponse.NO_SENSE);
            return;
        }
        task.bind(nexus);
        nexus.tasks.put(command.tag(), task);
        taskSet.add(task);
    }

    /** SAM-5 5.10: the nexus lost count of its tags; all its tasks end and this command says so. */
    private void overlapped(Task task, NexusState nexus) {
        LOG.warn(
                "{}: {} used tag {} twice",
                this,
                nexus.nexus.initiatorPort(),
                task.command().tag());
        byte[] sense = SenseData.of(SenseKey.ABORTED_COMMAND, AdditionalSense.OVERLAPPED_COMMANDS_ATTEMPTED)
                .encode(descriptorSense());
        taskSet.hold();
        for (Task other : taskSet.matching(other -> other.nexus() == nexus)) {
            other.abort(AbortNotice.SILENT, () -> {});
        }
        task.refuse(StatusCode.CHECK_CONDITION, sense);
        taskSet.release();
    }

    private void run(Task task) {
        guarded(task, () -> dispatch(task));
    }

    /** Runs a step of a task; a bug ends this task and no other. */
    void guarded(Task task, Runnable step) {
        try {
            step.run();
        } catch (RuntimeException bug) {
            LOG.error("{}: a bug ended {}", this, CommandTable.describe(task.cdb()), bug);
            task.broke();
        }
    }

    private void dispatch(Task task) {
        byte[] cdb = task.cdb();
        NexusState nexus = task.nexus();
        CommandSpec spec = CommandTable.find(cdb);
        if (spec != null && !spec.available().test(this)) {
            spec = null;
        }
        if (spec == null || !spec.has(Trait.DESPITE_UNIT_ATTENTION)) {
            SenseData attention = nexus.attentions.poll();
            if (attention != null) {
                task.check(attention);
                return;
            }
        }
        if (task.command().attribute() == TaskAttribute.ACA) {
            // There is never an ACA condition here, since NACA is refused (SAM-5 8.9.5).
            task.check(new SenseData(SenseKey.ILLEGAL_REQUEST, INVALID_MESSAGE_ASC, 0, false, null, null));
            return;
        }
        if (spec == null) {
            unsupported(task, nexus);
            return;
        }
        if (reservations.conflicts(task, spec)) {
            task.status(StatusCode.RESERVATION_CONFLICT);
            return;
        }
        int wrong = spec.firstWrongBit(cdb);
        if (wrong >= 0) {
            task.invalidField(wrong / 8, wrong % 8);
            return;
        }
        if (spec.has(Trait.WRITES_MEDIUM) && writeProtected(task)) {
            return;
        }
        spec.handler().handle(task);
    }

    private void unsupported(Task task, NexusState nexus) {
        byte[] cdb = task.cdb();
        boolean knowsOpcode = CommandTable.hasServiceActions(cdb[0] & 0xFF);
        if (nexus.firstUnsupported(cdb[0] & 0xFF, knowsOpcode ? cdb[1] & 0x1F : 0)) {
            LOG.info(
                    "{}: {} sent {}, which is not supported; not logged again for this session",
                    this,
                    nexus.nexus.initiatorPort(),
                    CommandTable.describe(cdb));
        }
        if (knowsOpcode) {
            task.invalidField(1, 4);
        } else {
            task.illegal(AdditionalSense.INVALID_OPERATION_CODE);
        }
    }

    private boolean writeProtected(Task task) {
        AdditionalSense why = device.limits().readOnly()
                ? AdditionalSense.WRITE_PROTECTED
                : modes.softwareWriteProtected() ? AdditionalSense.SOFTWARE_WRITE_PROTECTED : null;
        if (why != null) {
            task.check(SenseData.of(SenseKey.DATA_PROTECT, why));
        }
        return why != null;
    }

    // ---- task management

    /** Carries out a function that concerns this unit. {@code done} runs on the loop, by the deadline. */
    void manage(Nexus nexus, TaskManagement function, long deadlineMillis, Consumer<TaskManagement.Result> done) {
        NexusState requester = nexuses.get(nexus);
        Consumer<Boolean> answer =
                ended -> done.accept(ended ? TaskManagement.Result.COMPLETE : TaskManagement.Result.REJECTED);
        switch (function) {
            case TaskManagement.AbortTask one -> {
                Task task = requester == null ? null : requester.tasks.get(one.referencedTag());
                if (task == null) {
                    done.accept(TaskManagement.Result.TASK_DOES_NOT_EXIST);
                } else {
                    abort(other -> other == task, requester, deadlineMillis, answer);
                }
            }
            case TaskManagement.AbortTaskSet _ ->
                abort(task -> task.nexus() == requester, requester, deadlineMillis, answer);
            case TaskManagement.ClearTaskSet _ -> abort(_ -> true, requester, deadlineMillis, answer);
            case TaskManagement.ClearAca _ -> done.accept(TaskManagement.Result.NOT_SUPPORTED);
            case TaskManagement.LogicalUnitReset _ ->
                reset(AdditionalSense.DEVICE_RESET, requester, deadlineMillis, answer);
            case TaskManagement.TargetReset _ -> reset(AdditionalSense.BUS_RESET, requester, deadlineMillis, answer);
        }
    }

    private void reset(
            AdditionalSense condition, @Nullable NexusState requester, long deadlineMillis, Consumer<Boolean> done) {
        LOG.info("{}: {}", this, condition.text());
        List<Task> tasks = taskSet.matching(_ -> true);
        boolean status = modes.taskAbortedStatus();
        modes.reset();
        reservations.unitReset();
        for (NexusState state : nexuses.values()) {
            state.preventsRemoval = false;
            state.attentions.establish(condition); // every nexus's, the requester's too (SAM-5 5.14.4)
        }
        abortAll(
                tasks,
                task -> status && task.nexus() != requester ? AbortNotice.STATUS : AbortNotice.SILENT,
                deadlineMillis,
                done);
    }

    /**
     * Aborts tasks. Those of other nexuses than the requester's end with status TASK ABORTED if TAS is one; else their nexuses
     * get a unit attention (SPC-4 7.5.8).
     *
     * @param done told true when nothing of them is in flight any more, false at the deadline
     */
    void abort(Predicate<Task> which, @Nullable NexusState requester, long deadlineMillis, Consumer<Boolean> done) {
        boolean status = modes.taskAbortedStatus();
        List<Task> tasks = taskSet.matching(which);
        for (Task task : tasks) {
            boolean foreign = requester != null && task.nexus() != requester;
            if (foreign && !status) {
                task.nexus().attentions.establish(AdditionalSense.COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
            }
        }
        abortAll(
                tasks,
                task -> status && requester != null && task.nexus() != requester
                        ? AbortNotice.STATUS
                        : AbortNotice.SILENT,
                deadlineMillis,
                done);
    }

    private void abortAll(
            List<Task> tasks, Function<Task, AbortNotice> notice, long deadlineMillis, Consumer<Boolean> done) {
        var countdown = new Object() {
            int left = tasks.size();
            boolean answered;

            @Nullable
            Future<?> timer;
        };
        if (countdown.left == 0) {
            done.accept(true);
            return;
        }
        BooleanSupplier answer = () -> {
            boolean first = !countdown.answered;
            countdown.answered = true;
            return first;
        };
        taskSet.hold();
        try {
            for (Task task : tasks) {
                task.abort(notice.apply(task), () -> {
                    countdown.left--;
                    if (countdown.left == 0 && answer.getAsBoolean()) {
                        if (countdown.timer != null) {
                            countdown.timer.cancel(false);
                        }
                        done.accept(true);
                    }
                });
            }
        } finally {
            taskSet.release();
        }
        if (!countdown.answered) {
            countdown.timer = executor.schedule(
                    () -> {
                        if (answer.getAsBoolean()) {
                            LOG.warn(
                                    "{}: the fate of {} aborted commands is not known after {} ms; their blocks stay fenced",
                                    this,
                                    countdown.left,
                                    deadlineMillis);
                            done.accept(false);
                        }
                    },
                    deadlineMillis,
                    TimeUnit.MILLISECONDS);
        }
    }

    @Override
    public String toString() {
        return "logical unit " + device.identity().name();
    }
}
