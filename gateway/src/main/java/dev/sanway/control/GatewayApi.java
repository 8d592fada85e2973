package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.Catalog;
import dev.sanway.target.TargetServer;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/** The API of a gateway: its routes, put together. */
final class GatewayApi {

    private GatewayApi() {}

    static ApiServer start(
            GatewayConfig config, Catalog catalog, Views.Source source, Operations operations, Health health)
            throws IOException, GeneralSecurityException {
        ApiCredentials credentials =
                ApiCredentials.open(config.stateDirectory(), config.management().getAddress());
        AuditLog audit = new AuditLog(catalog.journal(AuditLog.JOURNAL, AuditLog.KEPT), Clock.systemUTC());
        Operators operators = new Operators(catalog, credentials, Clock.systemUTC(), new LoginLimits(System::nanoTime));
        return new ApiServer(
                config.management(),
                credentials,
                routes(source, operations, operators, audit, health),
                operators::caller,
                audit);
    }

    static List<Route> routes(
            Views.Source source, Operations operations, Operators operators, AuditLog audit, Health health) {
        List<Route> routes = new ArrayList<>();
        routes.addAll(new VolumeRoutes(source, operations).routes());
        routes.addAll(new HostRoutes(source, operations).routes());
        routes.addAll(new UnitRoutes(source, operations).routes());
        routes.addAll(new TaskRoutes(operations).routes());
        routes.addAll(new ConfigRoutes(operations).routes());
        routes.addAll(new OperatorRoutes(operators, audit).routes());
        routes.addAll(new SystemRoutes(health, () -> List.copyOf(routes)).routes());
        return routes;
    }

    static Health health(ControlThread control, List<EventLoop> loops, TargetServer server) {
        Health health = new Health()
                .with("control", true, Health.answers(control.executor()))
                .with("portals", false, () -> server.addresses().isEmpty() ? "no portal is listened at" : null);
        for (int i = 0; i < loops.size(); i++) {
            health.with("event loop " + i, true, Health.answers(loops.get(i)));
        }
        return health;
    }
}
