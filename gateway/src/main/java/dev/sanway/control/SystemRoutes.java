package dev.sanway.control;

import static dev.sanway.metadata.OperatorRecord.Role.admin;
import static dev.sanway.metadata.OperatorRecord.Role.viewer;

import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** What the API tells of the gateway as a program: health, metrics, its description. */
final class SystemRoutes {

    private final Health health;
    private final Metrics metrics;
    private final SupportBundle bundle;

    /** All of the API, this among it; known when it is put together. */
    private final Supplier<List<Route>> all;

    SystemRoutes(Health health, Metrics metrics, SupportBundle bundle, Supplier<List<Route>> all) {
        this.health = health;
        this.metrics = metrics;
        this.bundle = bundle;
        this.all = all;
    }

    @OpenApi.RawAnswer("text/plain")
    private record MetricsText() {}

    @OpenApi.RawAnswer("application/zip")
    private record BundleZip() {}

    /** The description itself. */
    @OpenApi.RawAnswer("application/json")
    private record Description() {}

    /** Health as anybody may know it: {@code up}, or {@code down} with status 503. */
    record HealthStatus(String status) {}

    List<Route> routes() {
        return List.of(
                Route.open(
                        "/health/live",
                        "health",
                        "Whether the process works; if not, with status 503, restart it.",
                        HealthStatus.class,
                        prompt(() -> health.promptly().thenApply(Health.Look::live))),
                Route.open(
                        "/health/ready",
                        "health",
                        "Whether hosts can log in and reach volumes; if not, status 503.",
                        HealthStatus.class,
                        prompt(() -> health.promptly().thenApply(Health.Look::ready))),
                Route.get(
                        "/api/v1/health",
                        viewer,
                        "health",
                        "What is checked, and what came of it.",
                        Health.HealthView.class,
                        _ -> health.view()),
                Route.get(
                        "/metrics",
                        viewer,
                        "metrics",
                        "Metrics in Prometheus's text format.",
                        MetricsText.class,
                        _ -> new Route.Raw(Metrics.CONTENT_TYPE, metrics.scrape())),
                Route.get(
                        "/api/v1/support-bundle",
                        admin,
                        "support",
                        "What somebody who helps wants to see, in a ZIP file: no secrets, no data of hosts.",
                        BundleZip.class,
                        _ -> new Route.Raw("application/zip", bundle.zip())),
                Route.get(
                        "/api/v1/openapi.json",
                        viewer,
                        "api",
                        "Describes this API.",
                        Description.class,
                        _ -> OpenApi.describe(all.get())));
    }

    private static Route.Prompt prompt(Supplier<CompletionStage<Boolean>> well) {
        return () -> well.get()
                .thenApply(up -> up
                        ? new Route.Prompt.Answer(200, new HealthStatus("up"))
                        : new Route.Prompt.Answer(503, new HealthStatus("down")));
    }
}
