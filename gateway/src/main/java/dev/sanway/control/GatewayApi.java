package dev.sanway.control;

import dev.sanway.config.GatewayConfig;
import dev.sanway.metadata.Catalog;
import dev.sanway.target.TargetServer;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/** The API of a gateway: its routes, put together. */
final class GatewayApi {

    private static final int AUDIT_IN_BUNDLE = 1000;

    private GatewayApi() {}

    static ApiServer start(
            GatewayConfig config,
            Catalog catalog,
            Views.Source source,
            Operations operations,
            Health health,
            Metrics metrics,
            LogTail logTail)
            throws IOException, GeneralSecurityException {
        ApiCredentials credentials =
                ApiCredentials.open(config.stateDirectory(), config.management().getAddress());
        AuditLog audit = new AuditLog(catalog.journal(AuditLog.JOURNAL, AuditLog.KEPT), Clock.systemUTC());
        Operators operators = new Operators(catalog, credentials, Clock.systemUTC(), new LoginLimits(System::nanoTime));
        return new ApiServer(
                config.management(),
                credentials,
                routes(source, operations, operators, audit, health, metrics, logTail),
                operators::caller,
                audit,
                ApiLimits.USUAL);
    }

    static List<Route> routes(
            Views.Source source,
            Operations operations,
            Operators operators,
            AuditLog audit,
            Health health,
            Metrics metrics,
            LogTail logTail) {
        List<Route> routes = new ArrayList<>();
        routes.addAll(new VolumeRoutes(source, operations).routes());
        routes.addAll(new HostRoutes(source, operations).routes());
        routes.addAll(new UnitRoutes(source, operations).routes());
        routes.addAll(new TaskRoutes(operations).routes());
        routes.addAll(new ConfigRoutes(operations).routes());
        routes.addAll(new OperatorRoutes(operators, audit).routes());
        SupportBundle bundle = new SupportBundle()
                .with("versions.json", SupportBundle::versions)
                .with("gateway.yaml", () -> operations.config(0).text())
                .with("health.json", health::view)
                .with("pool.json", source::pool)
                .with("units.json", source::units)
                .with("partitions.json", source::partitions)
                .with("volumes.json", source::volumes)
                .with("deleted-volumes.json", source::deletedVolumes)
                .with("hosts.json", source::hosts)
                .with("sessions.json", source::sessions)
                .with("tasks.json", operations::tasks)
                .with("events.json", () -> operations.events(0, 0))
                .with("operators.json", operators::list)
                .with("audit.json", () -> audit.after(0, AUDIT_IN_BUNDLE))
                .with("metrics.txt", () -> new String(metrics.scrape(), StandardCharsets.UTF_8))
                .with("threads.txt", SupportBundle::threads)
                .with("log.txt", () -> String.join("\n", logTail.lines()) + "\n");
        routes.addAll(new SystemRoutes(health, metrics, bundle, () -> List.copyOf(routes)).routes());
        return routes;
    }

    static Health health(ControlThread control, List<EventLoop> loops, TargetServer server, Catalog catalog) {
        Health health = new Health()
                .with("control", true, Health.answers(control.executor()))
                .with("portals", false, () -> server.addresses().isEmpty() ? "no portal is listened at" : null)
                .with("store", false, () -> catalog.trouble().orElse(null));
        for (int i = 0; i < loops.size(); i++) {
            health.with("event loop " + i, true, Health.answers(loops.get(i)));
        }
        return health;
    }
}
