package dev.sanway.control;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Metrics as Prometheus reads them. Nothing of it is loaded before somebody reads them: it has no part in the start of a
 * gateway.
 */
final class Metrics {

    /** Prometheus's own text format. */
    static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

    /** Tells its values of this moment. */
    interface Source {
        void gather(MetricFamilies families);
    }

    private final Source source;
    private @Nullable PrometheusMeterRegistry registry;

    Metrics(Source source) {
        this.source = source;
    }

    private synchronized PrometheusMeterRegistry registry() {
        PrometheusMeterRegistry made = registry;
        if (made == null) {
            PrometheusRegistry prometheus = new PrometheusRegistry();
            MultiCollector ours = () -> {
                MetricFamilies families = new MetricFamilies();
                source.gather(families);
                return families.build();
            };
            prometheus.register(ours);
            made = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, Clock.SYSTEM);
            List<MeterBinder> process = List.of(
                    new JvmMemoryMetrics(),
                    new JvmGcMetrics(),
                    new JvmThreadMetrics(),
                    new ClassLoaderMetrics(),
                    new FileDescriptorMetrics(),
                    new UptimeMetrics());
            for (MeterBinder binder : process) {
                binder.bindTo(made);
            }
            registry = made;
        }
        return made;
    }

    byte[] scrape() {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            registry().scrape(text, CONTENT_TYPE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toByteArray();
    }
}
