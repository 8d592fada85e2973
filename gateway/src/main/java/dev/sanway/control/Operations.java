package dev.sanway.control;

import dev.sanway.control.Views.ConfigView;
import dev.sanway.control.Views.DiffView;
import dev.sanway.control.Views.HostView;
import dev.sanway.control.Views.SessionView;
import dev.sanway.control.Views.TaskView;
import dev.sanway.control.Views.UnitLunView;
import dev.sanway.control.Views.VolumeView;
import dev.sanway.metadata.MadeVolume;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** What the API changes. Every call blocks its caller, who is no event loop, until the change is durable. */
public interface Operations {

    /**
     * Takes a LUN that is refused into the pool.
     *
     * @param erase what it holds may be lost
     */
    UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal;

    /** Takes a unit with an agent, by name or UUID, into the pool. */
    Views.UnitView adoptUnit(String unit) throws ApiRefusal;

    /** Turns a unit with an agent, by name or UUID, away; it holds no data. */
    Views.UnitView refuseUnit(String unit) throws ApiRefusal;

    /** Begins or ends a unit's maintenance; by name, or UUID of one with an agent. */
    Views.MaintenanceView maintainUnit(String unit, boolean on) throws ApiRefusal;

    /**
     * Takes a unit, on which nothing lies, out of the pool; one that is not in it is forgotten.
     *
     * @param force what cannot be reached of it is left as it is
     */
    Views.UnitView removeUnit(String unit, boolean force) throws ApiRefusal;

    /** What goes with a unit that is gone for good; refused if it is not, or if volumes that are in use lie on it. */
    Views.LossView lossOf(String unit) throws ApiRefusal;

    /**
     * Gives a unit that is gone for good up, with what lies on it, and takes it out of the pool.
     *
     * @param volumes the deleted ones that may be given up with it
     */
    Views.UnitView loseUnit(String unit, List<UUID> volumes) throws ApiRefusal;

    /** The configuration that counts. */
    ConfigView config(long revision) throws ApiRefusal;

    /**
     * What adopting a gateway.yaml would change.
     *
     * @param shownAs what to call it when its lines are told
     */
    DiffView diffConfig(String text, String shownAs) throws ApiRefusal;

    /** Adopts a gateway.yaml, if the current one still has that revision. */
    DiffView applyConfig(String text, String shownAs, long revision, boolean force) throws ApiRefusal;

    /** A volume wanted; {@code width} 0: linear; {@code thin}: space is taken as it is written. */
    record NewVolume(
            String name,
            long sizeBytes,
            int blockSizeBytes,
            int width,
            int chunkBytes,
            boolean thin,
            List<MadeVolume.Attachment> attachments) {}

    /** CHAP of a new host. */
    record NewChap(
            String user,
            String secret,
            @Nullable String mutualUser,
            @Nullable String mutualSecret) {
        @Override
        public String toString() {
            return "CHAP of " + user;
        }
    }

    /** Makes a volume that lives in the gateway's state rather than in its YAML. */
    VolumeView createVolume(NewVolume wanted) throws ApiRefusal;

    /** Makes a volume that the YAML does not declare larger. */
    VolumeView growVolume(String name, long sizeBytes) throws ApiRefusal;

    /**
     * Deletes a volume that the YAML does not declare.
     *
     * @param force also while hosts that see it are logged in
     * @param wipe overwrites it with zeroes; else it can be restored until its space is needed
     */
    TaskView deleteVolume(String name, boolean force, boolean wipe) throws ApiRefusal;

    /** Gives a volume that the YAML does not declare another name, of the same host or a shared one's. */
    VolumeView renameVolume(String name, String newName) throws ApiRefusal;

    /**
     * Makes a deleted volume what it was.
     *
     * @param name another name, since somebody else has it by now; empty: its own
     */
    VolumeView restoreVolume(UUID uuid, String name) throws ApiRefusal;

    /** Overwrites a deleted volume with zeroes and gives it up for good. */
    TaskView eraseVolume(UUID uuid) throws ApiRefusal;

    /**
     * Moves what of a volume lies on one unit to others, while hosts use it.
     *
     * @param to the units that it may move to; empty: any
     */
    TaskView moveVolume(String name, String from, List<String> to) throws ApiRefusal;

    /** A unit, by name or UUID, is given nothing new, and everything that lies on it moves elsewhere. */
    TaskView drainUnit(String unit) throws ApiRefusal;

    /** A unit that is being drained, or was, is used as any other again. */
    Views.UnitView cancelDrain(String unit) throws ApiRefusal;

    /** Ends a session of a host, which may log in again. */
    SessionView dropSession(String host, int number) throws ApiRefusal;

    /** Makes a host that lives in the gateway's state rather than in its YAML. */
    HostView createHost(String name, List<String> initiators, @Nullable NewChap chap) throws ApiRefusal;

    /**
     * Deletes a host that the YAML does not declare; its volumes are kept.
     *
     * @param force also while it is logged in
     * @param forget it cannot be restored, and its secrets are deleted
     */
    HostView deleteHost(String name, boolean force, boolean forget) throws ApiRefusal;

    /** Makes it impossible to restore a deleted host, and deletes its secrets. */
    Views.DeletedHostView forgetHost(String name) throws ApiRefusal;

    /** Hosts that were deleted and can be restored, the one that was deleted first at first. */
    List<Views.DeletedHostView> deletedHosts();

    /** Makes a deleted host what it was. */
    Views.RestoredHostView restoreHost(String name) throws ApiRefusal;

    List<TaskView> tasks() throws ApiRefusal;

    TaskView task(long id) throws ApiRefusal;

    /** Stops a task, if it can be stopped. */
    TaskView cancelTask(long id) throws ApiRefusal;

    /** The events after one; waits for some if there are none, at most so long. */
    List<Events.Event> events(long after, long waitMillis) throws ApiRefusal;
}
