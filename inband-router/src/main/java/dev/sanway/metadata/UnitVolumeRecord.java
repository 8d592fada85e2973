package dev.sanway.metadata;

import dev.sanway.pool.UnitVolume;

/**
 * A unit volume as last seen.
 *
 * @param labelSequence of the label that is known to be on it; 0 before the first was written
 */
public record UnitVolumeRecord(UnitVolume unitVolume, long labelSequence) {}
