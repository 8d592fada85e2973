package dev.sanway.integration.bench;

import java.util.List;

/**
 * Two contenders whose speeds are divided.
 *
 * @param contender above the line
 * @param against below it
 */
record Comparison(String contender, String against) {

    static final List<Comparison> ALL = List.of(
            new Comparison("unit", "unit-before"),
            new Comparison("gateway", "gateway-before"),
            new Comparison("unit", "tgtd"),
            new Comparison("gateway", "haproxy"),
            new Comparison("gateway", "tgtd"),
            new Comparison("haproxy", "tgtd"),
            new Comparison("gateway-x2", "gateway"),
            new Comparison("gateway-x4", "gateway"),
            new Comparison("unit+digests", "tgtd+digests"),
            new Comparison("unit+digests", "unit"),
            new Comparison("gateway+digests", "gateway"),
            new Comparison("unit-ext4", "tgtd-ext4"),
            new Comparison("unit", "jscsi"));

    @Override
    public String toString() {
        return contender + " / " + against;
    }
}
