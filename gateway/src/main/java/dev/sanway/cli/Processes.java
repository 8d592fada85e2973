package dev.sanway.cli;

import dev.sanway.config.GatewayConfig;
import dev.sanway.config.UnitConfig;

/** The long-running programs, which {@code app} wires. Each runs until the process is told to end. */
public interface Processes {

    /**
     * Runs a gateway; throws before serving anything if it cannot start.
     *
     * @param newPool whether a new pool is begun where the store of an earlier one is gone
     */
    void runGateway(GatewayConfig config, boolean newPool) throws Exception;

    /** Runs a unit; throws before serving anything if it cannot start. */
    void runUnit(UnitConfig config) throws Exception;
}
