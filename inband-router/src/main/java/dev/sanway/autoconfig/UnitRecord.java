package dev.sanway.autoconfig;

import dev.sanway.autoconfig.Message.Admission;
import java.util.UUID;

/**
 * What a control station keeps of a unit for good.
 *
 * @param boot the highest boot number seen
 * @param reason why it is refused, or pending again; else empty
 */
public record UnitRecord(UUID unit, String name, long boot, Admission admission, String reason) {}
