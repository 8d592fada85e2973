package dev.sanway.app;

import dev.sanway.cli.LocalGateways;
import dev.sanway.cli.Processes;
import dev.sanway.config.GatewayConfig;
import dev.sanway.config.UnitConfig;
import dev.sanway.control.ApiCredentials;
import dev.sanway.control.Gateway;
import dev.sanway.unit.UnitServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs a gateway or a unit until the process is told to stop by SIGTERM or Ctrl-C. */
final class ForegroundProcesses implements Processes {

    private static final Logger log = LoggerFactory.getLogger(ForegroundProcesses.class);

    @Override
    public void runGateway(GatewayConfig config, boolean newPool) throws Exception {
        Gateway gateway = new Gateway(config, newPool);
        InetSocketAddress management = config.management();
        String host = management.getAddress().getHostAddress();
        String server = "https://" + (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + management.getPort();
        Optional<Path> announced = announce(config, server);
        HangUp.runs(gateway::reload);
        log.info("gateway {} ready: portals {}, API {}", config.name(), config.portals(), server);
        untilStopped(() -> {
            if (announced.isPresent()) {
                Files.deleteIfExists(announced.get());
            }
            gateway.close();
        });
    }

    /** For the commands on this machine, and for nothing that is served: a user without a home has none. */
    private static Optional<Path> announce(GatewayConfig config, String server) {
        try {
            return Optional.of(LocalGateways.announce(config.name(), server, config.stateDirectory()));
        } catch (IOException e) {
            log.warn(
                    "commands on this machine do not find the gateway by themselves, give them --server {} and "
                            + "--token-file {}: {}",
                    server,
                    config.stateDirectory().resolve(ApiCredentials.TOKEN_FILE),
                    e.toString());
            return Optional.empty();
        }
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
