package dev.sanway.target;

import dev.sanway.iscsi.Pdu;
import dev.sanway.iscsi.SerialNumber;
import dev.sanway.target.lun.TaskManagement;
import dev.sanway.target.lun.TaskManagement.Result;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Task management requests of one session (RFC 7143 11.5, 11.6): what the transport still holds is dropped here, the rest is
 * the device's, and the response goes out when nothing aborted can land any more, or when the wait is over. Confined to the
 * session's loop.
 */
final class TaskManagementService {

    private static final Logger log = LoggerFactory.getLogger(TaskManagementService.class);

    private static final int REASSIGNMENT_NOT_SUPPORTED = 4;

    private final Session session;
    private final SessionSetup setup;

    TaskManagementService(Session session, SessionSetup setup) {
        this.session = session;
        this.setup = setup;
    }

    void request(Pdu.TaskManagementRequest request) {
        switch (request.function()) {
            case 1 -> abortTask(request);
            case 2 -> set(request, new TaskManagement.AbortTaskSet(request.lun()));
            case 3 -> manage(request, new TaskManagement.ClearAca(request.lun()));
            case 4 -> set(request, new TaskManagement.ClearTaskSet(request.lun()));
            case 5 -> set(request, new TaskManagement.LogicalUnitReset(request.lun()));
            case 6 -> reset(request, new TaskManagement.TargetReset(false));
            case 7 -> reset(request, new TaskManagement.TargetReset(true));
            case 8 -> respond(request, REASSIGNMENT_NOT_SUPPORTED);
            default -> respond(request, Result.NOT_SUPPORTED.code());
        }
    }

    private void abortTask(Pdu.TaskManagementRequest request) {
        SessionTask task = session.task(request.referencedTaskTag());
        if (task == null) {
            int refCmdSn = request.refCmdSn();
            CommandWindow window = session.window();
            if (SerialNumber.within(refCmdSn, window.expCmdSn(), window.maxCmdSn())
                    && SerialNumber.lessThan(refCmdSn, request.cmdSn())) {
                session.order().plug(refCmdSn);
                respond(request, Result.COMPLETE.code());
            } else {
                respond(request, Result.TASK_DOES_NOT_EXIST.code());
            }
            return;
        }
        if (task.waiting() && task.lun() == request.lun()) {
            task.drop();
            respond(request, Result.COMPLETE.code());
            return;
        }
        manage(request, new TaskManagement.AbortTask(request.lun(), request.referencedTaskTag()));
    }

    /** Functions on all tasks of a logical unit: those numbered before the request. */
    private void set(Pdu.TaskManagementRequest request, TaskManagement function) {
        session.admission().dropWaiting(task -> task.lun() == request.lun());
        session.order().plugEarly(request.cmdSn(), command -> command.lun() == request.lun());
        manage(request, function);
    }

    private void reset(Pdu.TaskManagementRequest request, TaskManagement.TargetReset function) {
        session.admission().dropWaiting(_ -> true);
        session.order().plugEarly(request.cmdSn(), _ -> true);
        log.warn("{}: target {} reset", session, function.cold() ? "cold" : "warm");
        session.device()
                .manage(
                        session.nexus(),
                        function,
                        setup.limits().taskEndMillis(),
                        result -> session.execute(() -> {
                            respond(request, result.code());
                            if (function.cold() && result == Result.COMPLETE) {
                                // As after power on: every connection of the target ends (RFC 7143 11.5.1).
                                setup.registry().endAll("the target was reset");
                            }
                        }));
    }

    private void manage(Pdu.TaskManagementRequest request, TaskManagement function) {
        session.device()
                .manage(
                        session.nexus(),
                        function,
                        setup.limits().taskEndMillis(),
                        result -> session.execute(() -> respond(request, result.code())));
    }

    private void respond(Pdu.TaskManagementRequest request, int response) {
        session.send(new Pdu.TaskManagementResponse(
                response,
                request.initiatorTaskTag(),
                session.takeStatSn(),
                session.window().expCmdSn(),
                session.grantedMaxCmdSn()));
    }
}
