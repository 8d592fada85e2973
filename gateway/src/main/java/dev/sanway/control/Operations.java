package dev.sanway.control;

import dev.sanway.control.Views.UnitLunView;

/** What the API changes. Every call blocks its caller, who is no event loop, until the change is durable. */
public interface Operations {

    /**
     * Takes a LUN that is refused into the pool.
     *
     * @param erase what it holds may be lost
     */
    UnitLunView adopt(String unit, int lun, boolean erase) throws ApiRefusal;
}
