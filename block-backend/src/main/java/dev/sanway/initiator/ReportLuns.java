package dev.sanway.initiator;

import dev.sanway.iscsi.TaskAttribute;
import dev.sanway.scsi.Cdb;
import dev.sanway.scsi.LogicalUnitNumber;
import dev.sanway.scsi.LunList;
import dev.sanway.scsi.SenseData;
import dev.sanway.scsi.SenseKey;
import dev.sanway.scsi.StatusCode;
import io.netty.buffer.ByteBufUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Asks a unit for its logical units (SPC-4 6.33), again if unit attentions come first. Confined to the session's loop. */
final class ReportLuns {
    private static final int REPORT_LUNS_BYTES = 65_536;
    private static final int UNIT_ATTENTIONS_AT_MOST = 20;
    private final UnitSession session;
    private final Consumer<LogicalUnits> answer;
    private final long deadlineNanos;
    private int attentions;

    ReportLuns(UnitSession session, Consumer<LogicalUnits> answer) {
        this.session = session;
        this.answer = answer;
        this.deadlineNanos = session.deadline();
    }

    void ask() {
        session.submitOwn(
                0,
                Cdb.reportLuns(0, REPORT_LUNS_BYTES),
                TaskAttribute.SIMPLE.code(),
                REPORT_LUNS_BYTES,
                deadlineNanos,
                this::answered);
    }

    private void answered(ScsiResult result) {
        switch (result) {
            case ScsiResult.Answered answered -> {
                byte[] bytes = ByteBufUtil.getBytes(answered.dataIn());
                answered.dataIn().release();
                SenseData sense = answered.sense();
                if (answered.status() == StatusCode.GOOD) {
                    answer.accept(luns(bytes));
                } else if (sense != null
                        && sense.key() == SenseKey.UNIT_ATTENTION
                        && attentions < UNIT_ATTENTIONS_AT_MOST) {
                    attentions++;
                    // There are units that tell it here, and then to nobody else.
                    if (RemoteLogicalUnit.losesCache(sense)) {
                        session.restarts(0).poweredOn();
                    }
                    ask();
                } else {
                    answer.accept(new LogicalUnits.Unknown(
                            "REPORT LUNS: status " + answered.status() + (sense == null ? "" : " " + sense)));
                }
            }
            case ScsiResult.Unanswered unanswered -> answer.accept(new LogicalUnits.Unknown(unanswered.reason()));
            case ScsiResult.Refused refused -> answer.accept(new LogicalUnits.Unknown(refused.reason()));
            case ScsiResult.Aborted _ -> answer.accept(new LogicalUnits.Unknown("aborted"));
        }
    }

    private static LogicalUnits luns(byte[] bytes) {
        LunList list = LunList.parse(bytes);
        if (list == null) {
            return new LogicalUnits.Unknown("REPORT LUNS: data too short");
        }
        List<Integer> luns = new ArrayList<>();
        for (long wire : list.luns()) {
            int number = LogicalUnitNumber.decode(wire);
            if (number != LogicalUnitNumber.NONE) {
                luns.add(number);
            }
        }
        return new LogicalUnits.Known(luns);
    }
}
