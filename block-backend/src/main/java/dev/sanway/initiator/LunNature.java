package dev.sanway.initiator;

/**
 * How a logical unit is dealt with, by what it turned out to be.
 *
 * @param barrier what ends the writes of earlier sessions
 * @param restart how it tells that it was restarted
 * @param volatileCache whether done writes may be lost with power, by what it says
 * @param cache what follows from that and from the configuration; never {@link CachePolicy#AUTOMATIC}
 */
public record LunNature(Barrier barrier, RestartSign restart, boolean volatileCache, CachePolicy cache) {}
