package dev.sanway.app;

import dev.sanway.cli.Processes;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.UnitConfig;
import dev.sanway.unit.UnitServer;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a gateway or a unit until the process is told to stop by SIGTERM or Ctrl-C. */
final class ForegroundProcesses implements Processes {

    private static final Logger log = LoggerFactory.getLogger(ForegroundProcesses.class);

    @Override
    public void runGateway(GatewayConfig config) throws Exception {
        throw new UnsupportedOperationException(config.name());
    }

    @Override
    public void runUnit(UnitConfig config) throws Exception {
        UnitServer unit = new UnitServer(config, UnaryOperator.identity(), UnitServer.bootId());
        log.info("unit {} ready: {} at {}", config.name(), config.iqn(), unit.addresses());
        untilStopped(unit);
    }

    /** Waits for the end of the process, and closes {@code served} before it. */
    private static void untilStopped(AutoCloseable served) throws InterruptedException {
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            log.info("stopping");
                            try {
                                served.close();
                            } catch (Exception e) {
                                log.error("did not stop cleanly", e);
                            }
                            stopped.countDown();
                        },
                        "stop"));
        stopped.await();
    }
}
