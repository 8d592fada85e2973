package dev.sanway.control;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How often log-in may be tried: from one address (of IPv6 from one /64) and for one operator. Each has a bucket of attempts
 * that fills again with time.
 */
final class LoginLimits {

    static final int PER_OPERATOR = 5;
    static final int PER_ADDRESS = 20;

    /** How long an attempt takes to come back. */
    static final int OPERATOR_SECONDS = 12;

    static final int ADDRESS_SECONDS = 3;

    private final LongSupplier nanoTime;
    private final long startNanos;
    private final Buckets operators = new Buckets(PER_OPERATOR, OPERATOR_SECONDS);
    private final Buckets addresses = new Buckets(PER_ADDRESS, ADDRESS_SECONDS);

    LoginLimits(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.startNanos = nanoTime.getAsLong();
    }

    /**
     * Counts an attempt.
     *
     * @throws ApiRefusal 429, if there were too many
     */
    synchronized void attempt(String operator, String address) throws ApiRefusal {
        long now = nanoTime.getAsLong() - startNanos;
        String network = network(address);
        long wait = addresses.takeNanos(network, now);
        if (wait == 0) {
            wait = operators.takeNanos(operator, now);
        }
        if (wait > 0) {
            long seconds = TimeUnit.NANOSECONDS.toSeconds(wait) + 1;
            throw ApiRefusal.tooMany("too many attempts to log in; try again in " + seconds + " s", seconds);
        }
    }

    /** The operator has proved itself: what was mistyped before counts no more. */
    synchronized void succeeded(String operator) {
        operators.forget(operator);
    }

    /** The IPv4 address, or the /64 of an IPv6 address. */
    static String network(String address) {
        try {
            InetAddress parsed = InetAddress.ofLiteral(address);
            return parsed instanceof Inet6Address
                    ? HexFormat.of().formatHex(Arrays.copyOf(parsed.getAddress(), 8))
                    : parsed.getHostAddress();
        } catch (IllegalArgumentException _) {
            return address;
        }
    }
}
