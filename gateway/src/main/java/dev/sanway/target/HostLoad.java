package dev.sanway.target;

/**
 * What is held in memory for one host.
 *
 * @param initiator its name, or {@code *} for all that no configuration names
 * @param heldBytes now
 * @param allowedBytes what it may have at most at this moment
 * @param waits commands that had to wait for memory since its first session began
 * @param refusals commands that were answered TASK SET FULL since then
 */
public record HostLoad(String target, String initiator, long heldBytes, long allowedBytes, long waits, long refusals) {}
