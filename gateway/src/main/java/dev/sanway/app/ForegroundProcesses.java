package dev.sanway.app;

import dev.sanway.cli.LocalGateways;
import dev.sanway.cli.Processes;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.UnitConfig;
import dev.sanway.control.Gateway;
import dev.sanway.unit.UnitServer;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a gateway or a unit until the process is told to stop by SIGTERM or Ctrl-C. */
final class ForegroundProcesses implements Processes {

    private static final Logger log = LoggerFactory.getLogger(ForegroundProcesses.class);

    @Override
    public void runGateway(GatewayConfig config) throws Exception {
        Gateway gateway = new Gateway(config);
        InetSocketAddress management = config.management();
        String host = management.getAddress().getHostAddress();
        String server = "https://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + management.getPort();
        Path announced = LocalGateways.announce(config.name(), server, config.stateDirectory());
        HangUp.runs(gateway::reload);
        log.info("gateway {} ready: portals {}, API {}", config.name(), config.portals(), server);
        untilStopped(() -> {
            Files.deleteIfExists(announced);
            gateway.close();
        });
    }

    @Override
    public void runUnit(UnitConfig config) throws Exception {
        UnitServer unit = new UnitServer(config, UnaryOperator.identity(), UnitServer.bootId());
        HangUp.runs(unit::reload);
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
