package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.control.Views.UnitLunView;
import dev.sanway.control.Views.UnitView;
import dev.sanway.initiator.CachePolicy;
import dev.sanway.initiator.FailedFlushes;
import dev.sanway.initiator.LunNature;
import dev.sanway.initiator.RemoteLogicalUnit;
import dev.sanway.initiator.RestartSign;
import dev.sanway.initiator.SessionState;
import dev.sanway.iscsi.TargetAddress;
import dev.sanway.pool.Partition;
import dev.sanway.pool.PoolState;
import dev.sanway.pool.UnitVolume;
import dev.sanway.volume.Assignments.Admission;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** What a {@link UnitLink} knows of a LUN. */
final class LinkedLun {
    /** Of all lines: most units say to one of them what concerns each. */
    final FailedFlushes failedFlushes = new FailedFlushes();

    @Nullable
    UUID label;

    boolean admitting;

    @Nullable
    String refusal;

    @Nullable
    CompletableFuture<Admission> adoption;

    long sizeBytes;

    /** Why a unit volume that was here last is refused, if it is. */
    Optional<String> refusalOf(UnitVolume former) {
        if (refusal != null) {
            return Optional.of(refusal);
        }
        return label != null && !label.equals(former.label())
                ? Optional.of("another disk is there now, with label " + label)
                : Optional.empty();
    }

    /** A unit as operators see it, with the state of its first session, and where that is. */
    static UnitView view(
            GatewayConfig.Unit unit,
            SessionState state,
            @Nullable TargetAddress at,
            Map<Integer, LinkedLun> luns,
            Map<Integer, RemoteLogicalUnit> devices,
            PoolState pool) {
        String shown = switch (state) {
            case SessionState.Ready _ -> "online";
            case SessionState.Waiting _ -> "offline";
            case SessionState.Connecting _, SessionState.LoggingIn _, SessionState.Idle _ -> "connecting";
            case SessionState.Closing _, SessionState.Closed _ -> "stopped";
        };
        String portal = unit.portal().getAddress().getHostAddress();
        TargetAddress configured = new TargetAddress(portal, unit.portal().getPort());
        String detail = state instanceof SessionState.Waiting(String reason)
                ? reason
                : at == null || at.equals(configured) ? null : "it sent us to " + at;
        List<UnitLunView> views = new ArrayList<>();
        luns.forEach((number, lun) -> {
            long free = lun.label == null
                    ? 0
                    : pool.freeOn(lun.label).stream()
                            .mapToLong(Partition::lengthBytes)
                            .sum();
            String lunState = lun.refusal != null ? "refused" : lun.label == null ? "checking" : shown;
            RemoteLogicalUnit device = devices.get(number);
            LunNature nature = device == null ? null : device.nature();
            views.add(new UnitLunView(
                    number,
                    lun.label,
                    lun.sizeBytes,
                    free,
                    lunState,
                    lun.refusal,
                    nature == null ? null : nature.barrier().toString(),
                    nature == null ? null : shown(nature.restart()),
                    nature == null ? null : nature.volatileCache() ? shown(nature.cache()) : "none"));
        });
        return new UnitView(
                unit.name(),
                configured.toString(),
                unit.target().written(),
                shown,
                state instanceof SessionState.Ready,
                false,
                detail,
                views,
                null);
    }

    private static String shown(RestartSign sign) {
        return switch (sign) {
            case BOOT_ID -> "bootId";
            case ATTENTION -> "attention";
            case NONE -> "none";
        };
    }

    private static String shown(CachePolicy policy) {
        return switch (policy) {
            case AUTOMATIC, VOLATILE -> "volatile";
            case PROTECTED -> "protected";
            case WRITE_THROUGH -> "writeThrough";
        };
    }
}
