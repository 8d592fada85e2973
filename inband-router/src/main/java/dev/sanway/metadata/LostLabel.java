package dev.sanway.metadata;

import java.util.UUID;

/**
 * The label of a unit volume that was given up as lost. It is kept for good: what a LUN with that label holds belongs to nobody any
 * more, whenever it comes back.
 *
 * @param unit under whose name it was in the pool
 * @param at in ISO 8601
 */
public record LostLabel(UUID label, String unit, String at) {
    public static final Catalog.Kind<LostLabel> KIND = new Catalog.Kind<>("lostLabel", LostLabel.class);
}
