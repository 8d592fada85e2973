package dev.sanway.target.lun;

/**
 * An I_T nexus (SAM-5 4.5): one initiator port talking to one target port. Two sessions are the same nexus, one after the
 * other, exactly if all components are equal.
 *
 * @param initiatorName the iSCSI name, normalized
 * @param isid the session identifier, as 12 lower-case hex digits
 * @param targetName the iSCSI name of the target
 * @param targetPortalGroupTag also the relative target port identifier
 */
public record Nexus(String initiatorName, String isid, String targetName, int targetPortalGroupTag) {

    /** The initiator port's TransportID name (SPC-4 7.6.4.6): {@code name,i,0xISID}. */
    public String initiatorPort() {
        return initiatorName + ",i,0x" + isid;
    }
}
