package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.initiator.CachePolicy;
import dev.sanway.initiator.UnitSessionConfig;
import dev.sanway.iscsi.Chap;
import dev.sanway.iscsi.IscsiName;
import dev.sanway.iscsi.Isid;
import java.net.InetSocketAddress;
import java.util.UUID;

/** The sessions to a unit, as its declaration wants them. */
final class UnitSessions {

    private UnitSessions() {}

    /** How to log in to a unit. */
    static UnitSessionConfig config(GatewayConfig.Unit unit, GatewayConfig config, Isid isid) {
        InetSocketAddress portal = unit.portal();
        UnitSessionConfig session = UnitSessionConfig.of(
                        unit.name(),
                        portal.getAddress().getHostAddress(),
                        portal.getPort(),
                        unit.target(),
                        new IscsiName(config.initiatorName()),
                        isid)
                .withDigests(unit.digests(), unit.digests())
                .withCache(
                        switch (unit.cache()) {
                            case AUTOMATIC -> CachePolicy.AUTOMATIC;
                            case VOLATILE -> CachePolicy.VOLATILE;
                            case PROTECTED -> CachePolicy.PROTECTED;
                            case WRITE_THROUGH -> CachePolicy.WRITE_THROUGH;
                        })
                .withUnitTimeout((int) config.unitTimeout().toMillis());
        var chap = unit.chap();
        if (chap == null) {
            return session;
        }
        Chap.Credentials mutual = chap.mutualUser() == null || chap.mutualSecret() == null
                ? null
                : new Chap.Credentials(chap.mutualUser(), chap.mutualSecret().bytes());
        return session.withChap(new Chap.Credentials(chap.user(), chap.secret().bytes()), mutual);
    }

    /** The ISID of a loop's session: derived from the gateway's identity, so that it is the same after a restart. */
    static Isid isid(UUID gateway, int index) {
        return Isid.random((int) (gateway.getLeastSignificantBits() & 0xffffff), index);
    }
}
