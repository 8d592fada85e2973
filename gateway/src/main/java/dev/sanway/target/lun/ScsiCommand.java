package dev.sanway.target.lun;

/**
 * A SCSI command as the transport received it.
 *
 * @param nexus who sent it
 * @param lun the logical unit number as the eight bytes of SAM-5 4.7, read as a big-endian long
 * @param tag the initiator task tag, unique on the nexus while the command is under way
 * @param cdb 16 bytes, or more for variable-length commands
 * @param attribute the task attribute
 * @param readLengthBytes what the initiator expects to read, up to 4 GiB: 0 if the R bit was clear
 * @param writeLengthBytes what the initiator offers to write, up to 4 GiB: 0 if the W bit was clear
 */
public record ScsiCommand(
        Nexus nexus,
        long lun,
        int tag,
        byte[] cdb,
        TaskAttribute attribute,
        long readLengthBytes,
        long writeLengthBytes) {}
