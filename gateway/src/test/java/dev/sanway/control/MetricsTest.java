package dev.sanway.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sanway.block.LatencyHistogram;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class MetricsTest {

    private static final Pattern SAMPLE = Pattern.compile("([a-z][a-z0-9_]*)(\\{[^}]*})? (-?[0-9.E+-]+|NaN|\\+Inf)");
    private static final Pattern TYPE = Pattern.compile("# TYPE ([a-z0-9_]+) (counter|gauge|histogram|summary)");

    @Test
    void whatIsCountedIsTextThatPrometheusReads() {
        LatencyHistogram histogram = new LatencyHistogram();
        histogram.add(70_000);
        histogram.add(3_000_000_000L);
        histogram.add(60_000_000_000L);
        Metrics metrics = new Metrics(families -> {
            families.counter("sanway_volume_command_bytes", "Bytes.", 4096, "volume", "web1/data");
            families.counter("sanway_volume_command_bytes", "Bytes.", 512, "volume", "a\"b\\c\nd");
            families.gauge("sanway_in_flight_bytes", "Held.", 7);
            families.histogram("sanway_event_loop_delay_seconds", "Late.", histogram.snapshot(), "loop", "0");
        });
        String text = new String(metrics.scrape(), StandardCharsets.UTF_8);
        assertThat(text)
                .contains("sanway_volume_command_bytes_total{volume=\"web1/data\"} 4096.0\n")
                .contains("{volume=\"a\\\"b\\\\c\\nd\"} 512.0\n")
                .contains("sanway_in_flight_bytes 7.0\n")
                .contains("sanway_event_loop_delay_seconds_bucket{loop=\"0\",le=\"5.0E-5\"} 0\n")
                .contains("sanway_event_loop_delay_seconds_bucket{loop=\"0\",le=\"1.0E-4\"} 1\n")
                .contains("sanway_event_loop_delay_seconds_bucket{loop=\"0\",le=\"5.0\"} 2\n")
                .contains("sanway_event_loop_delay_seconds_bucket{loop=\"0\",le=\"+Inf\"} 3\n")
                .contains("sanway_event_loop_delay_seconds_count{loop=\"0\"} 3\n")
                .contains("jvm_memory_used_bytes{")
                .contains("jvm_threads_live_threads");
        Set<String> counters = new HashSet<>();
        for (String line : text.lines().toList()) {
            Matcher type = TYPE.matcher(line);
            if (type.matches() && type.group(2).equals("counter")) {
                counters.add(type.group(1));
            } else if (!line.startsWith("#")) {
                assertThat(line).matches(SAMPLE);
            }
        }
        assertThat(counters).isNotEmpty().allMatch(name -> name.endsWith("_total"));
        assertThat(new String(metrics.scrape(), StandardCharsets.UTF_8))
                .as("once more")
                .contains("sanway_in_flight_bytes 7.0");
    }
}
