package dev.sanway.config;

/**
 * What hosts may make a gateway or a unit hold, all together.
 *
 * @param memoryBytes for commands and data; 0: as the JVM's memory allows
 * @param sessions in full feature phase
 * @param connectionsInLogin that did not finish login
 * @param discoverySessions at a time
 */
public record Limits(long memoryBytes, int sessions, int connectionsInLogin, int discoverySessions) {

    /** The smallest bound on memory that can be configured: a few commands of the greatest length. */
    static final long MIN_MEMORY_BYTES = 64L << 20;

    /** Where nothing else is configured. */
    public static Limits defaults() {
        return new Limits(0, 2048, 512, 256);
    }

    static Limits read(ConfigReader reader, String at) {
        Limits usual = defaults();
        return new Limits(
                reader.sizeOfAtLeast(at + "/memory", usual.memoryBytes, MIN_MEMORY_BYTES),
                reader.integer(at + "/sessions", usual.sessions),
                reader.integer(at + "/connectionsInLogin", usual.connectionsInLogin),
                reader.integer(at + "/discoverySessions", usual.discoverySessions));
    }
}
